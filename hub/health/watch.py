"""Watching the states of connections: judge, believe, remember the change, and alert once for each cause."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import AsyncConnection

from contracts.errors import Sentence
from hub.alerts.service import Alert, Severity, clear_alert, raise_alert
from hub.exchanges.views import ConnectionState
from hub.health.damping import Believed, DampingRules, beginning, believe
from hub.health.facts import Known, read_facts, write_believed, write_transition
from hub.health.judgement import Judgement, judge
from hub.health.settings import HealthSettings
from hub.health.windows import end_windows
from hub.store.engine import Store

_WRITE_EVERY = timedelta(minutes=1)

OF_CONNECTION = "connection."
OF_CAUSE = "cause."


_RESTS = Sentence(
    "It is paused or in maintenance now; its trouble is judged again afterwards.",
    "Kết nối đang tạm dừng hoặc bảo trì; sự cố sẽ được đánh giá lại sau đó.",
)


@dataclass(frozen=True, slots=True)
class Watched:
    """A connection to watch."""

    title: Sentence
    contact: str = ""


@dataclass(frozen=True, slots=True)
class _Seen:
    connection: str
    judged: Judgement
    believed: Believed


class Watch:
    """Judges all connections again and again."""

    def __init__(self, store: Store, connections: Mapping[str, Watched], settings: HealthSettings) -> None:
        """``connections`` by id, in the order of configuration."""
        self._store = store
        self._connections = dict(connections)
        self._settings = settings
        self._rules = DampingRules.of(settings)
        self._written_at: datetime | None = None

    async def run(self) -> None:
        """Look, for ever."""
        while True:
            await self.look(datetime.now(UTC))
            await asyncio.sleep(self._settings.watch_seconds)

    async def look(self, now: datetime) -> None:
        """Look once, in one transaction."""
        async with self._store.transaction() as conn:
            contacts = {name: one.contact for name, one in self._connections.items()}
            known = await read_facts(conn, contacts, self._settings, now)
            seen = [self._see(name, known[name], now) for name in self._connections if name in known]
            for one in seen:
                before = known[one.connection].believed
                if before is None or before.state is not one.believed.state:
                    await write_transition(
                        conn,
                        one.connection,
                        before=before.state if before is not None else None,
                        after=one.believed,
                        sentence=one.judged.sentence,
                        now=now,
                    )
            await write_believed(conn, self._to_write(seen, known, now), now)
            await self._alert(conn, seen, now)
            await end_windows(conn, now)

    def _to_write(self, seen: Sequence[_Seen], known: Mapping[str, Known], now: datetime) -> dict[str, Believed]:
        """Return what changed; and everything once a minute, so that it shows that somebody watches."""
        everything = self._written_at is None or now - self._written_at >= _WRITE_EVERY
        if everything:
            self._written_at = now
        return {
            one.connection: one.believed for one in seen if everything or one.believed != known[one.connection].believed
        }

    def _see(self, name: str, known: Known, now: datetime) -> _Seen:
        judged = judge(known.facts)
        before = known.believed if known.believed is not None else beginning(now)
        return _Seen(name, judged, believe(before, judged, self._rules, now))

    # --- alerts ---------------------------------------------------------------------------------------------

    async def _alert(self, conn: AsyncConnection[Any], seen: Sequence[_Seen], now: datetime) -> None:
        groups: dict[str, list[_Seen]] = {}
        for one in seen:
            if one.believed.in_trouble:
                groups.setdefault(_key(one), []).append(one)
        for one in seen:
            # Who meets the same fault now belongs to it, though not believed in trouble yet: one cause, one alert.
            joined = f"{OF_CAUSE}{one.judged.cause}"
            if one.judged.is_trouble and not one.believed.in_trouble and joined in groups:
                groups[joined].append(one)
        for key, members in groups.items():
            if any(one.judged.is_trouble for one in members):
                await raise_alert(conn, self._alert_of(key, members), now=now)
        await self._clear(conn, groups, seen, now)

    def _alert_of(self, key: str, members: Sequence[_Seen]) -> Alert:
        down = any(one.believed.state is ConnectionState.DOWN for one in members)
        speaker = next(one for one in members if one.judged.is_trouble)
        sentence = speaker.judged.sentence
        if len(members) == 1:
            sentence = self._named([speaker], sentence)
        else:
            names, names_vi = self._names(members)
            count = len(members)
            sentence = Sentence(
                en=f"{count} connections, one cause ({names}): {sentence.en}",
                vi=f"{count} kết nối, cùng một nguyên nhân ({names_vi}): {sentence.vi}",
            )
        return Alert(
            key=key,
            severity=Severity.CRITICAL if down else Severity.WARNING,
            sentence=sentence,
            connection=members[0].connection if len(members) == 1 else None,
            cause=members[0].believed.cause,
        )

    async def _clear(
        self, conn: AsyncConnection[Any], groups: Mapping[str, object], seen: Sequence[_Seen], now: datetime
    ) -> None:
        cursor = await conn.execute(
            "SELECT key, connection FROM alerts WHERE cleared_at IS NULL AND (key LIKE %s OR key LIKE %s)",
            (f"{OF_CONNECTION}%", f"{OF_CAUSE}%"),
        )
        by_id = {one.connection: one for one in seen}
        for key, connection in await cursor.fetchall():
            if key in groups:
                continue
            one = by_id.get(connection) if connection is not None else None
            if one is not None and one.judged.state is ConnectionState.MAINTENANCE:
                # Not its own sentence, which quotes what a person typed.
                sentence = self._named([one], _RESTS)
            elif one is not None:
                sentence = self._named([one], one.judged.sentence)
            else:
                sentence = Sentence(
                    "It is over: none of the connections concerned is in trouble for this cause any more.",
                    "Đã hết: không còn kết nối nào gặp sự cố vì nguyên nhân này.",
                )
            await clear_alert(conn, key, now=now, sentence=sentence)

    def _named(self, members: Sequence[_Seen], sentence: Sentence) -> Sentence:
        names, names_vi = self._names(members)
        return Sentence(f"{names}: {sentence.en}", f"{names_vi}: {sentence.vi}")

    def _names(self, members: Sequence[_Seen]) -> tuple[str, str]:
        titles = [self._connections[one.connection].title for one in members]
        return ", ".join(one.en for one in titles), ", ".join(one.vi for one in titles)


def _key(one: _Seen) -> str:
    cause = one.believed.cause
    return f"{OF_CAUSE}{cause}" if cause is not None else f"{OF_CONNECTION}{one.connection}"
