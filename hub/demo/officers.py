"""Who takes part in the tour's look-ups: clients in hands of their own, two officers, and invented citizens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from hub.access import clients
from hub.access.scopes import Scope
from hub.demo.calls import DossierSystem
from hub.running.up import SANDBOX_AGENCY, Running

UNIT = "H99.12"
PURPOSE = "Đối chiếu thông tin công dân để giải quyết hồ sơ"

_NIGHT_FROM, _NIGHT_UNTIL = 21 * 60, 5 * 60 + 30


@dataclass(frozen=True, slots=True)
class Parties:
    """Everybody who calls the hub, each a client of its own: what one asks for, another grants."""

    desk: DossierSystem
    """The dossier system of the one-stop shops."""
    security: DossierSystem
    """The security office: reads the log, proposes rules."""
    police: DossierSystem
    """The provincial police: approves, and works on cases."""
    portal: DossierSystem
    """The provincial portal, which knows which citizen is asking."""

    @classmethod
    async def introduced(cls, running: Running) -> Parties:
        """Register them, as ``lienthong clients add`` does."""

        async def one(name: str, scopes: Sequence[Scope], agencies: Sequence[str] = ()) -> DossierSystem:
            made = await clients.add(running.store, name=name, scopes=scopes, agencies=agencies)
            return DossierSystem(running.api_url, made)

        return cls(
            desk=await one("Hệ thống một cửa (mẫu)", _DESK, [SANDBOX_AGENCY]),
            security=await one("Bộ phận an ninh thông tin (mẫu)", _SECURITY),
            police=await one("Công an tỉnh (mẫu)", _POLICE),
            portal=await one("Cổng dịch vụ công của tỉnh (mẫu)", [Scope.USAGE_READ]),
        )


_DESK = (
    Scope.DOSSIERS_READ,
    Scope.DOSSIERS_WRITE,
    Scope.ACCOUNTS_REQUEST,
    Scope.ACCOUNTS_READ,
    Scope.PEOPLE_LOOKUP,
    Scope.EXPLANATIONS_WRITE,
)
_SECURITY = (Scope.LOOKUPS_READ, Scope.LEDGER_READ, Scope.WATCH_READ, Scope.WATCH_PROPOSE, Scope.CASES_READ)
_POLICE = (
    Scope.ACCOUNTS_READ,
    Scope.ACCOUNTS_APPROVE_POLICE,
    Scope.ACCOUNTS_MANAGE,
    Scope.WATCH_READ,
    Scope.WATCH_APPROVE,
    Scope.CASES_READ,
    Scope.CASES_MANAGE,
)


@dataclass(frozen=True, slots=True)
class Officer:
    """An officer with an account."""

    account_id: str
    name: str
    number: str
    code: str
    ip: str

    @property
    def actor(self) -> dict[str, str]:
        """Who a look-up is for."""
        return {"account_id": self.account_id, "unit_code": UNIT, "ip": self.ip}

    def declaration(self, today: date) -> dict[str, Any]:
        """Return the request for the account."""
        return {
            "officer": {"full_name": self.name, "number": self.number, "code": self.code},
            "unit_code": UNIT,
            "role": "one_stop",
            "purpose": "Tiếp nhận và giải quyết hồ sơ tại bộ phận một cửa",
            "scope": {"units": [UNIT], "operations": ["find_citizen"], "data_groups": ["identity", "residence"]},
            "valid_from": today.isoformat(),
            "request": authority("Trần Thị Thử", "Cán bộ tiếp nhận hồ sơ", "12/CV-UBND"),
        }


HONEST = Officer("canbo.ngay", "Phạm Thị Thử", "099185000901", "CB-0001", "10.99.12.11")
NEWCOMER = Officer("canbo.moi", "Vi Thị Thử", "099195000903", "CB-0003", "10.99.12.13")
HARVESTER = Officer("canbo.dem", "Hoàng Văn Thử", "099082000902", "CB-0002", "10.99.12.12")


@dataclass(frozen=True, slots=True)
class Citizen:
    """An invented citizen, as a question names one."""

    number: str
    name: str
    birth: date

    @property
    def question(self) -> dict[str, Any]:
        """The question for this citizen."""
        birth = {"year": self.birth.year, "day": self.birth.isoformat()}
        return {"number": self.number, "name": self.name, "birth": birth}

    @property
    def seed(self) -> dict[str, Any]:
        """The record the simulated database is to hold."""
        return {"number": self.number, "name": self.name, "birth": f"{self.birth:%Y%m%d}", "sex": 1}

    @property
    def related(self) -> dict[str, Any]:
        """The entry of a dossier that is about this citizen."""
        identifier = {"kind": "personal_number", "value": self.number}
        return {"role": "other_party", "name": self.name, "identifiers": [identifier]}


APPLICANT = Citizen("099199000123", "Trần Thị Mẫu", date(1999, 1, 2))
"""The applicant of the tour's dossiers, whom the simulated database knows."""


def in_line(count: int) -> list[Citizen]:
    """Return people of the rush: each has a dossier."""
    return [
        Citizen(f"0990{60 + at % 40}0002{at:02}", "Nguyễn Văn Mẫu", date(1960 + at % 40, 5, 6)) for at in range(count)
    ]


def strangers(count: int) -> list[Citizen]:
    """Return people whom no dossier names, with numbers that follow each other."""
    return [Citizen(f"099088000{at:03}", "Lê Văn Mẫu", date(1988, 3, 4)) for at in range(501, 501 + count)]


def authority(person: str, reason: str, document: str) -> dict[str, str]:
    """Return in whose name something is done, why, and by which document."""
    return {"person": person, "reason": reason, "document_number": document}


def duty(now: datetime) -> dict[str, Any]:
    """Return a roster for yesterday, today and tomorrow: whatever the hour, the officer is on duty."""
    days = [(now.date() + timedelta(days=at)).isoformat() for at in (-1, 0, 1)]
    return {"since": days[0], "until": days[-1], "days": days}


def night_about(now: datetime) -> dict[str, int]:
    """Return other hours of the night, by which the present moment, and the next half hour, is night.

    The tour must tell the same at any hour of the day without setting a clock, so the hours are moved as a province
    would move them. Minutes since midnight in Vietnam; never those in force as shipped.
    """
    minute = now.hour * 60 + now.minute
    if minute < _NIGHT_UNTIL:
        return {"night_until_minute": _NIGHT_UNTIL + 30}
    return {"night_from_minute": min(minute, _NIGHT_FROM - 30)}
