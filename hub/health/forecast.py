"""Forecasts: the full disk, the certificate that ends, the backlog that will not leave in time. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from contracts.calendar import VIETNAM
from contracts.errors import Sentence
from hub.alerts.service import Alert, Severity
from hub.health.settings import HealthSettings

LEAST_SAMPLES = 3
LEAST_SPAN = timedelta(hours=1)
"""Below this a trend is noise: the first hour of a deployment always grows."""

FURTHEST = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement."""

    at: datetime
    value: float


@dataclass(frozen=True, slots=True)
class SeenUntil:
    """A certificate that was last seen somewhere, and until when it is valid."""

    connection: str
    kind: str
    place: str
    fingerprint: str
    not_after: datetime


def slope(samples: Sequence[Sample]) -> float | None:
    """Return the change per second by least squares; ``None`` when the samples are too few or too close."""
    if len(samples) < LEAST_SAMPLES or samples[-1].at - samples[0].at < LEAST_SPAN:
        return None
    start = samples[0].at
    times = [(one.at - start).total_seconds() for one in samples]
    mean_time, mean_value = sum(times) / len(times), sum(one.value for one in samples) / len(samples)
    spread = sum((time - mean_time) ** 2 for time in times)
    together = sum((time - mean_time) * (one.value - mean_value) for time, one in zip(times, samples, strict=True))
    return together / spread if spread else None


def reaches_zero(samples: Sequence[Sample]) -> datetime | None:
    """Return when the trend of these samples reaches zero; ``None`` when it does not within ten years."""
    change = slope(samples)
    if change is None or change >= 0:
        return None
    last = samples[-1]
    left = last.value / -change
    return last.at + timedelta(seconds=left) if left < FURTHEST.total_seconds() else None


# --- the disk -----------------------------------------------------------------------------------------------

DISK_ALERT = "space.disk"


def judge_disk(
    free: Sequence[Sample], database: Sequence[Sample], settings: HealthSettings, now: datetime
) -> Alert | None:
    """Warn before the disk of the data directory is full.

    Args:
        free: Free bytes there, oldest first.
        database: Size of the database in bytes, oldest first; says how much of the loss is its own.
        settings: The thresholds.
        now: The present.
    """
    if not free:
        return None
    left = free[-1].value
    full = reaches_zero(free)
    days = None if full is None else (full - now) / timedelta(days=1)
    if left < settings.disk_minimum_bytes or (days is not None and days < settings.disk_critical_days):
        severity = Severity.CRITICAL
    elif days is not None and days < settings.disk_warning_days:
        severity = Severity.WARNING
    else:
        return None
    grows = (slope(database) or 0.0) * 86_400
    when = "" if full is None else f"; at the present rate it is full on {full.astimezone(VIETNAM):%Y-%m-%d %H:%M}"
    when_vi = "" if full is None else f"; với tốc độ hiện nay sẽ đầy vào {full.astimezone(VIETNAM):%H:%M %d/%m/%Y}"
    return Alert(
        DISK_ALERT,
        severity,
        Sentence(
            en=f"{_gigabytes(left)} are free in the data directory{when} (the database grows {_gigabytes(grows)} a "
            "day). Free some space, or move data_dir to a larger disk.",
            vi=f"Thư mục dữ liệu còn trống {_gigabytes(left)}{when_vi} (cơ sở dữ liệu tăng {_gigabytes(grows)} mỗi "
            "ngày). Hãy giải phóng dung lượng hoặc chuyển data_dir sang ổ lớn hơn.",
        ),
    )


def _gigabytes(count: float) -> str:
    return f"{count / (1 << 30):.1f} GB"


# --- certificates -------------------------------------------------------------------------------------------

CERTIFICATE_ALERT = "certificate."


def judge_certificates(seen: Sequence[SeenUntil], settings: HealthSettings, now: datetime) -> list[Alert]:
    """Warn before a certificate ends: one alert for each certificate, naming every connection that uses it."""
    users: dict[str, list[SeenUntil]] = {}
    for one in seen:
        users.setdefault(one.fingerprint, []).append(one)
    alerts: list[Alert] = []
    for fingerprint, ones in users.items():
        first = ones[0]
        left = first.not_after - now
        if left > timedelta(days=settings.certificate_warning_days):
            continue
        critical = left <= timedelta(days=settings.certificate_critical_days)
        names = ", ".join(sorted({one.connection for one in ones}))
        end = first.not_after.astimezone(VIETNAM)
        verb, verb_vi = ("expired", "đã hết hạn") if left <= timedelta() else ("expires", "sẽ hết hạn")
        if first.kind == "client":
            en = f"Our client certificate {first.place} {verb} on {end:%Y-%m-%d} ({names}). Renew and install it."
            vi = f"Chứng thư máy khách {first.place} {verb_vi} ngày {end:%d/%m/%Y} ({names}). Hãy gia hạn và cài đặt."
        else:
            en = f"The certificate of {first.place} {verb} on {end:%Y-%m-%d} ({names}). Remind its operator."
            vi = f"Chứng thư của {first.place} {verb_vi} ngày {end:%d/%m/%Y} ({names}). Hãy nhắc đơn vị vận hành."
        alerts.append(
            Alert(
                key=f"{CERTIFICATE_ALERT}{fingerprint[:16]}",
                severity=Severity.CRITICAL if critical else Severity.WARNING,
                sentence=Sentence(en, vi),
                connection=first.connection if len({one.connection for one in ones}) == 1 else None,
                cause=f"certificate {fingerprint}",
            )
        )
    return alerts


# --- the backlog --------------------------------------------------------------------------------------------

BACKLOG_ALERT = "backlog."


def judge_backlog(
    connection: str,
    title: Sentence,
    waiting: Sequence[Sample],
    *,
    rate_per_second: float | None,
    settings: HealthSettings,
    now: datetime,
) -> Alert | None:
    """Warn when what waits for a connection will not have left before the deadline.

    Args:
        connection: Its id.
        title: Its name.
        waiting: How many exchanges waited, oldest first.
        rate_per_second: The most calls the connection may make, where that is limited.
        settings: The deadline.
        now: The present.
    """
    if not waiting or waiting[-1].value < 1:
        return None
    count = waiting[-1].value
    deadline = timedelta(hours=settings.backlog_deadline_hours)
    by_rate = timedelta(seconds=count / rate_per_second) if rate_per_second else timedelta()
    change = slope(waiting)
    grows = change is not None and change >= 0 and waiting[-1].at - waiting[0].at >= deadline / 2
    empty = reaches_zero(waiting)
    too_slow = empty is not None and empty - now > deadline
    if by_rate <= deadline and not grows and not too_slow:
        return None
    hours = f"{settings.backlog_deadline_hours:g}"
    return Alert(
        key=f"{BACKLOG_ALERT}{connection}",
        severity=Severity.WARNING,
        sentence=Sentence(
            en=f"{title.en}: {count:.0f} exchanges wait and will not have left within {hours} hours at this rate. "
            "See the state of the connection; raise its rate with the partner, or tell the agencies.",
            vi=f"{title.vi}: {count:.0f} lượt trao đổi đang chờ, sẽ không gửi kịp trong {hours} giờ với tốc độ này. "
            "Hãy xem tình trạng kết nối, thoả thuận tăng tốc độ với đối tác, hoặc báo các cơ quan.",
        ),
        connection=connection,
    )
