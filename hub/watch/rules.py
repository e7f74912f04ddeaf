"""Rules and thresholds of the watch as data: versioned, loadable from JSON, changed by two people.

Every number that decides what is shown stands here, so that a change can be replayed over history before it goes live.
Scores are on one scale: about 2 is worth a look when nothing else is, 4 is worth a question to the officer, 6 is worth
the phone. Starting values of the weights and scores: the evidence behind the watch (docs/watch.md).
"""

from __future__ import annotations

from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Rule(StrEnum):
    """What can make a case."""

    OWN_RECORD = "own_record"
    OWN_HOUSEHOLD = "own_household"
    COLLEAGUE = "colleague"
    NEIGHBOUR = "neighbour"
    PROTECTED_PERSON = "protected_person"
    DORMANT_ACCOUNT = "dormant_account"
    OUTSIDE_NETWORK = "outside_network"
    TWO_NETWORKS = "two_networks"
    NIGHT = "night"
    OFF_HOURS = "off_hours"
    DOSSIER_CODE = "dossier_code"
    SEQUENCE = "sequence"
    NOT_FOUND_BURST = "not_found_burst"
    DENIED_BURST = "denied_burst"
    REPEATED_PERSON = "repeated_person"
    SHARED_PERSON = "shared_person"
    SHAM_DOSSIER = "sham_dossier"
    UNRELATED_PEOPLE = "unrelated_people"
    NO_DOSSIER = "no_dossier"
    OUT_OF_AREA = "out_of_area"
    SPIKE = "spike"
    UNEXPLAINED = "unexplained"
    CREEP = "creep"


RATE_RULES = frozenset({Rule.SPIKE, Rule.UNEXPLAINED, Rule.CREEP})
"""Rules that compare with what is usual; all others are hard rules, which nobody may suppress."""

HARD_RULES = frozenset(Rule) - RATE_RULES

Score = Annotated[float, Field(ge=0, le=20)]
Weight = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1, le=10_000)]
Days = Annotated[int, Field(ge=1, le=3_660)]
Seconds = Annotated[float, Field(gt=0, le=86_400 * 400)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Weights(_Part):
    """Layer 1: how much each explanation leaves unexplained."""

    stand_in: Weight = 0.10
    """A party; a colleague of the same unit is assigned."""
    household: Weight = 0.10
    typing_slip: Weight = 0.03
    own_other_dossier: Weight = 0.10
    """A party of another open dossier of this officer."""
    unit_other_dossier: Weight = 0.25
    other_unit_party: Weight = 0.5
    """A party of the dossier given, which another unit handles."""
    closed_party: Weight = 0.5
    """A party of a dossier closed more than `closed_days` ago: old papers, or a pretext."""
    recently_closed: Weight = 0.15
    """Added where the dossier closed at most `closed_days` ago."""
    closed_days: Days = 4
    neighbouring_hamlet: Weight = 0.5
    other_system_steady: Weight = 0.05
    other_system: Weight = 0.5
    registration_seconds: Seconds = 45 * 60
    """How long a dossier may be registered after its look-up."""
    correction_seconds: Seconds = 60
    """Within which a mistyped number is corrected."""
    land_procedures: tuple[str, ...] = ("land", "dat_dai", "dat-dai", "đất", "dia_chinh")
    """A procedure whose name or code contains one of these is about land."""


class PeopleScores(_Part):
    """Layer 2: who was looked up."""

    own_record: Score = 5.0
    partly: Weight = 0.45
    """Of the score for the own record and household where a dossier explains most of it."""
    own_household: Score = 4.5
    colleague: Score = 4.0
    neighbour: Score = 2.9
    protected_person: Score = 4.5
    protected_from_w: Weight = 0.3
    repeated: Score = 3.0
    repeated_per_day: Score = 0.6
    repeated_days: Days = 30
    shared: Score = 2.4
    shared_per_officer: Score = 0.8
    shared_days: Days = 7
    out_of_area: Score = 1.8
    out_of_area_per_person: Score = 0.5
    area_share: Weight = 0.03
    """A commune in which less than this share of the unit's people lives is out of its area."""


class AccountScores(_Part):
    """Layer 2: how the account was used."""

    dormant_year: Score = 6.0
    dormant_year_days: Days = 365
    dormant: Score = 4.5
    dormant_days: Days = 200
    outside_network: Score = 6.5
    state_networks: tuple[IPv4Network | IPv6Network, ...] = (IPv4Network("10.0.0.0/8"),)
    two_networks: Score = 4.8
    two_networks_explained: Weight = 0.6
    """Of that score where dossiers explain what was done from the other office."""
    two_networks_seconds: Seconds = 15 * 60
    night: Score = 3.2
    night_from_minute: Annotated[int, Field(ge=0, le=1439)] = 21 * 60
    night_until_minute: Annotated[int, Field(ge=0, le=1439)] = 5 * 60 + 30
    off_hours: Score = 2.6
    off_hours_per_lookup: Score = 0.5
    off_hours_grace_minutes: Annotated[int, Field(ge=0, le=240)] = 30
    """Work a little before and after office hours is work."""
    dossier_code: Score = 2.4
    dossier_code_per_lookup: Score = 0.6
    sequence: Score = 3.0
    sequence_per_number: Score = 0.4
    sequence_from: Count = 4
    sequence_step: Count = 1
    """Numbers this far apart count as following each other."""
    not_found: Score = 1.6
    not_found_per_lookup: Score = 0.4
    not_found_from: Count = 3
    denied: Score = 1.6
    denied_per_lookup: Score = 0.5
    denied_from: Count = 3
    beginner_days: Days = 14
    """For how long an account, or an officer in another role, is a beginner."""
    beginner_denied: Score = 1.0
    """Refusals a day that are to be expected of a beginner."""


class Chance(_Part):
    """How improbable something must be before it counts in full, in powers of ten.

    Below that its score shrinks in proportion. Honest work brings some of everything: how much is learnt per account
    and role, or follows from how many people a commune has.
    """

    full_at: Annotated[float, Field(gt=0, le=30)] = 4.25
    relation_full_at: Annotated[float, Field(gt=0, le=30)] = 4.0
    came_back_full_at: Annotated[float, Field(gt=0, le=30)] = 5.0
    """For the same person on two days, which an honest citizen who comes back brings about, too."""
    sham_full_at: Annotated[float, Field(gt=0, le=30)] = 5.5
    """Every closing is a test, so more is asked for."""
    neighbour_full_at: Annotated[float, Field(gt=0, le=30)] = 3.25
    shape: Annotated[float, Field(gt=0, le=1000)] = 4.0
    """How far honest days differ beyond pure chance; the smaller, the more."""


class DossierScores(_Part):
    """Layer 2: dossiers that serve a look-up instead of the other way round."""

    sham: Score = 2.4
    sham_per_dossier: Score = 0.8
    sham_from: Count = 2
    sham_days: Days = 14
    sham_share: Weight = 0.05
    """A life shorter than this share of the procedure's lives is short …"""
    sham_of_usual: Weight = 0.06
    """… if it is also at most this part of the usual one."""
    unrelated: Score = 2.4
    unrelated_per_person: Score = 0.6
    unrelated_days: Days = 7
    no_dossier: Score = 2.0
    no_dossier_per_lookup: Score = 0.5


class Rates(_Part):
    """Layer 3: what is usual for the account, its role, and the work in hand."""

    exposure_in_hand: Annotated[float, Field(ge=0, le=10)] = 0.12
    exposure_always: Annotated[float, Field(gt=0, le=10)] = 0.5
    spike_p: Annotated[float, Field(gt=0, lt=1)] = 1e-4
    spike_above_median: Count = 15
    spike: Score = 2.0
    spike_explained: Weight = 0.35
    """What is left of a spike that dossiers explain: work, until something else says otherwise."""
    spike_full_at: Annotated[float, Field(gt=0, le=1)] = 0.3
    """The unexplained share of the day at which a spike counts in full."""
    prior_exposure: Annotated[float, Field(gt=0, le=1000)] = 10.0
    """Weight of the role's mean in an account's posterior, in units of exposure."""
    largest_shape: Annotated[float, Field(gt=0, le=1000)] = 12.0
    """Days differ more than their exposure says: the posterior never gets surer than this."""
    unexplained_shape: Annotated[float, Field(gt=0, le=1000)] = 3.0
    score_per_decade: Score = 0.5
    """Added to a rate's score for each power of ten below its limit."""
    unexplained_from: Annotated[float, Field(gt=0, le=1000)] = 3.0
    awaited_at_once: Count = 10
    """Look-ups of one officer, at most, whose dossiers may still be registered in time."""
    prior_lookups: Annotated[float, Field(gt=0, le=10_000)] = 60.0
    unexplained_p: Annotated[float, Field(gt=0, lt=1)] = 1e-3
    unexplained: Score = 2.0
    creep: Score = 2.0
    creep_ratio: Annotated[float, Field(gt=1, le=100)] = 3.0
    """Creep looks for this many times the usual unexplained."""
    creep_from: Annotated[float, Field(gt=0, le=100)] = 6.0
    discount: Annotated[float, Field(gt=0, le=1)] = 0.97
    clip_deviations: Annotated[float, Field(gt=0, le=10)] = 2.0


class RuleSet(_Part):
    """All rules and thresholds in one version."""

    version: Annotated[int, Field(ge=1)] = 1
    warm_up_days: Annotated[int, Field(ge=0, le=365)] = 14
    """Days in which the engine learns and raises nothing."""
    case_days: Days = 7
    rule_cap: Score = 6.5
    """However many look-ups a rule counts, it says no more than this."""
    case_cap: Score = 6.0
    case_decay: Annotated[float, Field(ge=0, le=5)] = 1.5
    case_lookups_kept: Count = 500
    rule_from: Score = 1.0
    """A rule that gives less is no evidence."""
    alert_from: Score = 2.5
    """A case that has less is not shown: honest weeks reach that."""
    alert_step: Score = 1.0
    """On the same day a case is told of again when it got worse by this much …"""
    told_from: Score = 3.5
    """… until it was told of with this score; then only when it got worse by `told_step`."""
    told_step: Score = 2.5
    told_days: Days = 14
    """For so many days after that, the account's further days are follow-ups. Their alerts carry `follow_up_base` +
    `follow_up_share` × the score of the case: they stay in the queue and leave the budget to others."""
    follow_up_base: Score = 2.0
    follow_up_share: Weight = 0.27
    investigation_score: Score = 4.0
    """From this score on an open case keeps its days out of what is usual."""
    disabled: frozenset[Rule] = frozenset()
    weights: Weights = Weights()
    people: PeopleScores = PeopleScores()
    account: AccountScores = AccountScores()
    dossiers: DossierScores = DossierScores()
    chance: Chance = Chance()
    rates: Rates = Rates()

    @model_validator(mode="after")
    def _hard_rules_stay(self) -> Self:
        if self.disabled & HARD_RULES:
            raise ValueError("only rules about rates may be disabled")
        return self


DEFAULT = RuleSet()
