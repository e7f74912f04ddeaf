"""The Lua script of the counters: what it keeps, and how it decides, is told in `hub.lookups.counting`."""

from __future__ import annotations

from typing import Final

SCRIPT: Final = """
local people, state, denied, first, cache, asked = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local subject, id, refused, ceiling, per_minute = ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
local reason, reason_ms, repeat_ms, use_cache = ARGV[7] == '1', tonumber(ARGV[8]), tonumber(ARGV[9]), ARGV[10] == '1'
local now = tonumber(ARGV[1])
if not now then
    local t = redis.call('TIME')
    now = t[1] * 1000 + math.floor(t[2] / 1000)
end
local HOUR, MINUTE, DAY = 3600000, 60000, 86400000

local held = redis.call('HMGET', state, 'people', 'fast', 'reason_until')
if not held[1] then return 'cold|0|0|0|0|' end

local ahead = redis.call('ZRANGEBYSCORE', people, '(' .. (now + 5000), '+inf')
for _, one in ipairs(ahead) do redis.call('ZADD', people, now, one) end
redis.call('ZREMRANGEBYSCORE', people, '-inf', now - DAY)
redis.call('ZREMRANGEBYSCORE', denied, '-inf', now - DAY)

local function counts(word, wait, more)
    -- One text: it is read several times as fast as a list of six.
    return word .. '|' .. redis.call('ZCOUNT', people, '(' .. (now - HOUR), '+inf') .. '|'
        .. redis.call('ZCARD', people) .. '|' .. redis.call('ZCARD', denied) .. '|'
        .. string.format('%d', wait) .. '|' .. (more or '')
end
local function refuse()
    redis.call('ZADD', denied, now, id)
    redis.call('ZREMRANGEBYRANK', denied, 0, -5001)
    redis.call('PEXPIRE', denied, DAY)
end
local function touch()
    redis.call('ZADD', people, now, subject)
    redis.call('PEXPIRE', people, DAY)
end

if refused == '1' then
    refuse()
    return counts('denied', 0, false)
end
local leader = redis.call('GET', first)
if leader then return counts('repeated', 0, leader) end

-- Every look-up takes one of the minute; one that finds none is refused.
local step = MINUTE / per_minute
local fast = tonumber(held[2]) or 0
if fast < now or fast > now + MINUTE then fast = now end
if fast + step > now + MINUTE then
    refuse()
    return counts('too_fast', math.ceil(fast + step - now - MINUTE), false)
end
fast = fast + step

-- A person not looked up within the hour takes one of the hour; past them a reason is needed.
local word = 'admitted'
local owed = math.min(math.max(tonumber(held[1]) or 0, now), now + HOUR)
local seen = redis.call('ZSCORE', people, subject)
if not seen or tonumber(seen) <= now - HOUR then
    local share = HOUR / ceiling
    if owed + share > now + HOUR then
        local until_ms = tonumber(held[3]) or 0
        if reason then
            until_ms = now + reason_ms
            redis.call('HSET', state, 'reason_until', until_ms)
        end
        if until_ms <= now or until_ms > now + reason_ms then
            redis.call('HSET', state, 'fast', fast, 'people', owed)
            return counts('step_up_required', math.ceil(owed + share - now - HOUR), false)
        end
        word = 'stepped_up'
        owed = now + HOUR
    else
        owed = owed + share
    end
end
touch()
redis.call('HSET', state, 'fast', fast, 'people', owed)
redis.call('PEXPIRE', state, DAY + HOUR)
local known = use_cache and redis.call('GET', cache)
if known then return counts('cached', 0, known) end
redis.call('SET', first, id, 'PX', repeat_ms)
-- Admitted and on record is one act: what is asked is kept here until the log has it.
if ARGV[11] ~= '' then redis.call('HSET', asked, id, ARGV[11]) end
return counts(word, 0, false)
"""
