"""Which network an office uses, learnt from its look-ups, and whether an account is where it belongs."""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv6Address, ip_address

from hub.watch.accounts import AccountState
from hub.watch.records import Lookup
from hub.watch.rules import AccountScores

_IPV4 = 4
_NARROW_BITS = 24
_IPV6_HALF = 19
"""Characters of the first 64 bits of an address written in full."""
_KNOWN_FROM = 20
"""Look-ups from a network before it is said whose it is."""
_OWNED = 0.6
"""Share of a network's look-ups that makes it one unit's."""
_VISIT = 3_600.0
"""Look-ups from another office's network this close belong together (seconds)."""
_MOST_NETWORKS = 100_000
"""Remembered, whatever addresses come."""
_OWNED_WHOLLY = 0.9
"""The same for the wide network that it lies in."""
_USUAL_DAYS = 2
"""Days after which an account's network is usual for it."""


class _Use:
    """How often each unit used a network."""

    __slots__ = ("_share", "asked_at", "by_unit", "owner", "total")

    def __init__(self, share: float) -> None:
        self._share = share
        self.by_unit: Counter[str] = Counter()
        self.total = 0
        self.owner: str | None = None
        self.asked_at = _KNOWN_FROM

    def add(self, unit_code: str) -> None:
        """Count one use; say anew whose the network is now and then."""
        self.by_unit[unit_code] += 1
        self.total += 1
        if self.total >= self.asked_at:
            self.asked_at = self.total + max(_KNOWN_FROM, self.total // 2)
            unit, count = max(self.by_unit.items(), key=lambda one: (one[1], one[0]))
            self.owner = unit if count >= self._share * self.total else None


class Network:
    """One network: who uses it, and the wider one that it lies in."""

    __slots__ = ("name", "narrow", "wide")

    def __init__(self, name: str, wide: _Use) -> None:
        self.name = name
        self.narrow = _Use(_OWNED)
        self.wide = wide

    @property
    def owner(self) -> str | None:
        """The unit whose network it is, or ``None`` where nobody's or not yet known."""
        return (self.narrow.owner or self.wide.owner) if self.narrow.total else None


class Networks:
    """Learns networks at two widths: an office may be numbered by the third part of its addresses or by the second.

    ``10.20.7.x`` is told from ``10.20.8.x`` where both belong to different units; where nearly all of ``10.20`` is one
    unit's, all of it is that unit's. An IPv6 network is the first 64 bits.
    """

    def __init__(self, rules: AccountScores) -> None:
        self._inside = rules.state_networks
        self._whole = any(one.prefixlen > _NARROW_BITS for one in rules.state_networks if one.version == _IPV4)
        self._narrow: dict[str, Network] = {}
        self._wide: dict[str, _Use] = {}
        self._known: dict[str, Network | None] = {}

    def at(self, ip: str) -> Network | None:
        """Return the network of an address, or ``None`` when it is not the state's."""
        key = ip if self._whole or ":" in ip else ip[: max(ip.rfind("."), 0)]
        try:
            return self._known[key]
        except KeyError:
            return self._new(ip, key)

    def judge(
        self, state: AccountState, lookup: Lookup, network: Network | None, day: int, *, w: float
    ) -> float | None:
        """Judge from which network a look-up came, of which ``w`` stays unexplained.

        Returns -1 for an address outside the state network; the seconds to the latest look-up from the other side where
        the account was used in its own and in another office's network; ``None`` when all is as usual, and where no
        address was told.
        """
        if network is None:
            return -1.0 if lookup.ip else None
        name = network.name
        # All networks of an office are one place.
        place = network.owner or name
        held = state.networks
        used = held.get(name)
        at_place = used if place == name else held.get(place)
        is_own = at_place is not None and at_place[1] > _USUAL_DAYS
        is_own = is_own or (used is not None and used[1] > _USUAL_DAYS)
        is_own = is_own or self._is_own(state, lookup.unit_code, network, used)
        network.narrow.add(lookup.unit_code)
        network.wide.add(lookup.unit_code)
        _count_day(held, name, used, day)
        if place != name:
            _count_day(held, place, at_place, day)
        ts = lookup.ts
        if is_own:
            state.last_own_ts, state.last_own_network, state.last_own_lookup = ts, place, lookup.lookup_id
            # A network that has just become usual is no second one.
            other = state.last_other_network
            return ts - state.last_other_ts if other and other != place else None
        if ts - state.last_other_ts > _VISIT:
            state.last_other_w = 0.0
        state.last_other_ts, state.last_other_w = ts, max(w, state.last_other_w)
        state.last_other_network, state.last_other_lookup = place, lookup.lookup_id
        return ts - state.last_own_ts if state.last_own_network not in {"", place} else None

    @staticmethod
    def _is_own(state: AccountState, unit_code: str, network: Network, used: list[int] | None) -> bool:
        narrow, wide = network.narrow, network.wide
        if wide.owner is not None and wide.owner in {unit_code, state.unit}:
            return True
        own = narrow.by_unit[unit_code] + (narrow.by_unit[state.unit] if state.unit != unit_code else 0)
        if own and own >= _OWNED * narrow.total:
            return True
        # An account without a usual network yet is where it is.
        return not state.networks or (narrow.total < _KNOWN_FROM and used is not None)

    def _new(self, ip: str, key: str) -> Network | None:
        try:
            address = ip_address(ip)
        except ValueError:
            return None
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
            ip = str(address)
        found = None
        if any(address.version == one.version and address in one for one in self._inside):
            name = ip[: ip.rfind(".")] if address.version == _IPV4 else address.exploded[:_IPV6_HALF]
            found = self._narrow.get(name)
            if found is None:
                broad = name.rpartition(".")[0] or name
                wide = self._wide.get(broad)
                if wide is None:
                    wide = self._wide[broad] = _Use(_OWNED_WHOLLY)
                found = self._narrow[name] = Network(name, wide)
        if len(self._known) < _MOST_NETWORKS:
            self._known[key] = found
        return found


def _count_day(held: dict[str, list[int]], place: str, used: list[int] | None, day: int) -> None:
    """Count a day of use."""
    if used is None:
        held[place] = [day, 1]
    elif used[0] != day:
        used[0] = day
        used[1] += 1
