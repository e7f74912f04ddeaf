"""Layer 2, how the account was used, whatever the dossier says: sleep, networks, nights, refusals."""

from __future__ import annotations

from math import log10

from hub.watch.accounts import AccountState, Kind
from hub.watch.casebook import CaseBook
from hub.watch.days import Days
from hub.watch.networks import Network, Networks
from hub.watch.rates import surprise
from hub.watch.records import Lookup, Outcome
from hub.watch.rules import Rule, RuleSet
from hub.watch.usual import Usual

_DAY = 86_400.0
_DENIED = Outcome.DENIED.value
_BORROWED = 0.2
"""From this weight on the dossier given does not explain the person."""


class AccountRules:
    """How the account was used, whatever the dossier says."""

    def __init__(self, rules: RuleSet, days: Days, networks: Networks, usual: Usual, book: CaseBook) -> None:
        self._rules = rules.account
        self._chance = rules.chance
        self._usual = usual
        self._case_seconds = rules.case_days * _DAY
        self._days = days
        self._networks = networks
        self._book = book
        # Asked at each look-up, and models answer slowly.
        self._night_from = self._rules.night_from_minute
        self._night_until = self._rules.night_until_minute

    def wake(self, state: AccountState, ts: float, day: int) -> None:
        """At the first look-up of a day: say how long the account had slept."""
        if state.last_day is not None and day - state.last_day > self._rules.dormant_days:
            state.woke_at, state.woke_after = ts, day - state.last_day
        state.last_day = day

    def is_on_duty(self, state: AccountState, day: int, minute: int) -> bool:
        """Say whether the officer is on a roster: that of a day lasts until the end of the night after it."""
        return day in state.duty or (minute < self._night_until and day - 1 in state.duty)

    def judge(
        self, state: AccountState, lookup: Lookup, network: Network | None, day: int, minute: int, *, w: float
    ) -> None:
        """Judge one look-up, of which ``w`` stays unexplained."""
        ts = lookup.ts
        if state.woke_at and ts < state.woke_at + self._case_seconds:
            rules = self._rules
            score = rules.dormant_year if state.woke_after > rules.dormant_year_days else rules.dormant
            self._raise(state, Rule.DORMANT_ACCOUNT, score, lookup, day, n=state.woke_after)
        elsewhere = self._networks.judge(state, lookup, network, day, w=w)
        if elsewhere is not None:
            rules = self._rules
            if elsewhere < 0:
                self._raise(state, Rule.OUTSIDE_NETWORK, rules.outside_network, lookup, day)
            elif elsewhere <= rules.two_networks_seconds:
                # Who does assigned work at both desks has walked over; whoever looks up strangers has not.
                score = rules.two_networks * (1.0 if state.last_other_w >= _BORROWED else rules.two_networks_explained)
                minutes = max(1, round(elsewhere / 60))
                own, other, this = state.last_own_lookup, state.last_other_lookup, lookup.lookup_id
                pair = (other if own == this else own, this)
                self._book.raise_alert(state, Rule.TWO_NETWORKS, score, ts, day, lookups=pair, n=minutes)
        if minute >= self._night_from or minute < self._night_until:
            self._night(state, lookup, day, minute)
        if lookup.outcome == _DENIED:
            self._denied(state, lookup, day)

    def _night(self, state: AccountState, lookup: Lookup, day: int, minute: int) -> None:
        if self.is_on_duty(state, day, minute):
            return
        rules = self._rules
        night = day if minute >= self._night_from else day - 1
        state.night_count = state.night_count + 1 if state.night == night else 1
        state.night = night
        n = state.night_count
        self._raise(state, Rule.NIGHT, rules.night + log10(n), lookup, day, n=n)

    def _denied(self, state: AccountState, lookup: Lookup, day: int) -> None:
        rules = self._rules
        denied = state.denied
        while denied and self._days.day(denied[0][0]) != day:
            denied.popleft()
        denied.append((lookup.ts, lookup.lookup_id))
        n = len(denied)
        state.today.kinds[Kind.DENIED] += 1
        if n >= rules.denied_from:
            chance = self._chance
            mean = self._usual.expected(state, Kind.DENIED, 1)
            if state.is_beginner(day, rules.beginner_days):
                # Whoever is new to the work finds out what is not theirs.
                mean = max(mean, rules.beginner_denied)
            weight = surprise(n, mean, shape=chance.shape, full_at=chance.full_at)
            score = (rules.denied + rules.denied_per_lookup * n) * weight
            self._raise(state, Rule.DENIED_BURST, score, lookup, day, n=n)

    def _raise(self, state: AccountState, rule: Rule, score: float, lookup: Lookup, day: int, *, n: float = 1) -> None:
        self._book.raise_alert(state, rule, score, lookup.ts, day, lookups=(lookup.lookup_id,), n=n)
