"""The state of a connection in one sentence: a pure function from what is known to what a person should read.

Never better than what was proven: a connection works when a real exchange or a full probe has proven it within the
window, and where a probe knows which layer failed, that layer is blamed and not the exchange that met it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from contracts.calendar import VIETNAM
from contracts.errors import Sentence
from hub.exchanges.views import ConnectionState
from hub.health.blame import Blame, blame_of
from hub.health.layers import Layer

S = ConnectionState


@dataclass(frozen=True, slots=True)
class Pause:
    """A person's stop."""

    by: str
    reason: str
    at: datetime
    emergency: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """A maintenance window that is under way."""

    since: datetime
    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Failure:
    """The last exchange that failed for a reason of the connection's."""

    at: datetime
    kind: str
    code: str
    sentence: Sentence


@dataclass(frozen=True, slots=True)
class LastProbe:
    """The last probe."""

    at: datetime
    passed: bool
    proven: bool
    layer: Layer | None = None
    """The layer that failed, or that wants looking at."""
    blame: Blame = Blame.NOBODY
    sentence: Sentence | None = None
    place: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is known of a connection at one moment."""

    connection: str
    now: datetime
    proven_for: timedelta = timedelta(hours=1)
    """How long a proof holds."""
    contact: str = ""
    pause: Pause | None = None
    window: Window | None = None
    success_at: datetime | None = None
    failure: Failure | None = None
    streak_since: datetime | None = None
    """Since when successes, or failures, follow each other."""
    breaker_open: bool = False
    breaker_until: datetime | None = None
    has_open: bool = False
    """Whether anything waits to be sent."""
    probe: LastProbe | None = None
    proven_probe_at: datetime | None = None
    trouble_since: datetime | None = None
    """Begin of the present trouble as it was believed, short recoveries included."""
    state_since: tuple[ConnectionState, datetime] | None = None
    """The state as it was believed, and since when."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a connection is now."""

    state: ConnectionState
    sentence: Sentence
    blame: Blame = Blame.NOBODY
    since: datetime | None = None
    cause: str | None = None
    """What connections in trouble for the same reason have in common."""

    @property
    def is_trouble(self) -> bool:
        """Whether a person should be told."""
        return self.state in TROUBLE


TROUBLE = frozenset({ConnectionState.DEGRADED, ConnectionState.DOWN})


def judge(facts: Facts) -> Judgement:
    """Say what the connection is: whose fault, since when, what happens by itself, what to do, whom to call."""
    if facts.pause is not None:
        return _paused(facts.pause)
    if facts.window is not None:
        return _in_window(facts.window)
    trouble = _trouble(facts)
    if trouble is not None:
        return _in_trouble(facts, trouble)
    proof = max((one for one in (facts.success_at, facts.proven_probe_at) if one is not None), default=None)
    if proof is None or facts.now - proof > facts.proven_for:
        return _unverified(facts, proof)
    return _working(facts, proof)


# --- trouble ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Trouble:
    state: ConnectionState
    blame: Blame
    found: Sentence
    since: datetime
    cause: str | None = None


def _trouble(facts: Facts) -> _Trouble | None:
    exchange = _failing_exchange(facts)
    probe = facts.probe
    if probe is None or probe.sentence is None:
        return _of_exchange(facts, exchange) if exchange is not None else None
    newest_success = facts.success_at
    if not probe.passed and (newest_success is None or probe.at > newest_success or probe.layer is Layer.CLOCK):
        state = S.DOWN
        if probe.layer is Layer.CLOCK:
            # A wrong clock is trouble, but calls may well get through: only failing calls make it down.
            state = S.DOWN if exchange is not None and facts.breaker_open else S.DEGRADED
        return _Trouble(state, probe.blame, probe.sentence, probe.at, _cause(probe))
    if exchange is not None:
        return _of_exchange(facts, exchange)
    if probe.passed and probe.blame is Blame.PARTNER:
        return _Trouble(S.DEGRADED, probe.blame, probe.sentence, probe.at)
    return None


def _failing_exchange(facts: Facts) -> Failure | None:
    """Return the failure that nothing has disproven since, if there is one."""
    failure = facts.failure
    if failure is None or (facts.success_at is not None and facts.success_at >= failure.at):
        return None
    if facts.has_open:
        return failure
    # Nothing is left that could fail again or succeed: a probe speaks for the connection, and time heals.
    proven = facts.proven_probe_at is not None and facts.proven_probe_at > failure.at
    return None if proven or facts.now - failure.at > facts.proven_for else failure


def _of_exchange(facts: Facts, failure: Failure) -> _Trouble:
    answered_since = facts.proven_probe_at is not None and facts.proven_probe_at > failure.at
    down = facts.breaker_open and not answered_since
    return _Trouble(
        S.DOWN if down else S.DEGRADED,
        blame_of(failure.kind, failure.code),
        failure.sentence,
        facts.streak_since or failure.at,
    )


_SHARED = {Layer.NAME: "name", Layer.PORT: "place", Layer.CERTIFICATE: "", Layer.CLOCK: "clock"}
"""Layers below the partner's own protocol: who shares the place shares the fault."""


def _cause(probe: LastProbe) -> str | None:
    if probe.layer not in _SHARED or not probe.place:
        return None
    return f"{_SHARED[probe.layer]} {probe.place}".strip()


_DO: dict[Blame, Sentence] = {
    Blame.NOBODY: Sentence("", ""),
    Blame.US: Sentence(
        "Correct the settings or this machine; `lienthong connections probe` proves the cure.",
        "Hãy sửa cấu hình hoặc máy này; dùng `lienthong connections probe` để kiểm chứng.",
    ),
    Blame.NETWORK: Sentence(
        "Ask whoever runs the network and the firewall between.", "Hãy hỏi đơn vị quản trị mạng và tường lửa ở giữa."
    ),
    Blame.PARTNER: Sentence("Ask the partner when it will be back.", "Hãy hỏi đối tác khi nào khắc phục xong."),
    Blame.CERTIFICATE: Sentence("Have the certificate renewed or trusted.", "Hãy gia hạn hoặc tin cậy chứng thư."),
    Blame.CREDENTIALS: Sentence(
        "Have the user name, password or access right corrected, then resume.",
        "Hãy sửa tài khoản, mật khẩu hoặc quyền truy cập với đối tác.",
    ),
    Blame.CONTRACT: Sentence(
        "Ask the partner what changed, and tell the maintainers of the adapter.",
        "Hãy hỏi đối tác đã thay đổi gì và báo nhóm phát triển bộ tiếp hợp.",
    ),
    Blame.CLOCK: Sentence(
        "Have the wrong clock follow a time server.", "Hãy đồng bộ đồng hồ sai với máy chủ thời gian."
    ),
}


def _in_trouble(facts: Facts, trouble: _Trouble) -> Judgement:
    since = min(trouble.since, facts.trouble_since) if facts.trouble_since is not None else trouble.since
    at = moment(since, facts.now)
    head, head_vi = ("Down", "Mất kết nối") if trouble.state is S.DOWN else ("Degraded", "Suy giảm")
    do, whose = _DO[trouble.blame], trouble.blame.words
    following = _following(facts, trouble)
    call = Sentence("", "")
    if facts.contact and trouble.blame is not Blame.US and not (trouble.cause or "").endswith("clock ours"):
        call = Sentence(f" Call: {facts.contact}.", f" Liên hệ: {facts.contact}.")
    return Judgement(
        state=trouble.state,
        blame=trouble.blame,
        since=since,
        cause=trouble.cause,
        sentence=Sentence(
            en=f"{head} since {at}; at fault: {whose.en}. {trouble.found.en} {following.en} {do.en}{call.en}",
            vi=f"{head_vi} từ {at}; lỗi ở: {whose.vi}. {trouble.found.vi} {following.vi} {do.vi}{call.vi}",
        ),
    )


def _following(facts: Facts, trouble: _Trouble) -> Sentence:
    if trouble.state is S.DEGRADED:
        return Sentence("Sending goes on; what fails is tried again.", "Vẫn tiếp tục gửi; lượt lỗi được thử lại.")
    if facts.breaker_until is not None and facts.breaker_until > facts.now:
        at = moment(facts.breaker_until, facts.now)
        return Sentence(
            f"Nothing is lost; the next trial is at {at}.", f"Không mất dữ liệu; lần thử tiếp theo lúc {at}."
        )
    return Sentence("Nothing is lost; it is tried again by itself.", "Không mất dữ liệu; hệ thống tự thử lại.")


# --- no trouble ---------------------------------------------------------------------------------------------


def _paused(pause: Pause) -> Judgement:
    if pause.emergency:
        said = Sentence(
            f"Stopped by {pause.by}: {pause.reason}. Nothing leaves until a person resumes it.",
            f"Dừng khẩn cấp bởi {pause.by}: {pause.reason}. Không gửi gì đến khi có người mở lại.",
        )
    else:
        said = Sentence(
            f"Paused by {pause.by}: {pause.reason}. Accepted exchanges wait until it is resumed.",
            f"Tạm dừng bởi {pause.by}: {pause.reason}. Các lượt trao đổi chờ đến khi mở lại.",
        )
    return Judgement(state=S.MAINTENANCE, since=pause.at, sentence=said)


def _in_window(window: Window) -> Judgement:
    until = moment(window.until, window.since)
    return Judgement(
        state=S.MAINTENANCE,
        since=window.since,
        sentence=Sentence(
            f"Announced maintenance until {until}: {window.reason}. What is accepted waits and then leaves by itself.",
            f"Bảo trì đã thông báo, đến {until}: {window.reason}. Các lượt trao đổi chờ rồi tự động gửi tiếp.",
        ),
    )


def _unverified(facts: Facts, proof: datetime | None) -> Judgement:
    probe = facts.probe
    if probe is not None and probe.passed and not probe.proven:
        why = Sentence(
            "Reachable, but nothing has proven that exchanges are accepted.",
            "Kết nối được nhưng chưa kiểm chứng được việc trao đổi.",
        )
    elif proof is None:
        why = Sentence("Never proven yet.", "Chưa từng được kiểm chứng.")
    else:
        at = moment(proof, facts.now)
        why = Sentence(f"Last proven at {at}, which is too long ago.", f"Lần kiểm chứng cuối lúc {at}, đã quá lâu.")
    command = f"`lienthong connections probe {facts.connection}`"
    return Judgement(
        state=S.UNVERIFIED,
        since=_since(facts, S.UNVERIFIED, proof),
        sentence=Sentence(
            f"{why.en} The next probe or exchange tells; or run {command}.",
            f"{why.vi} Lần kiểm tra hoặc trao đổi tới sẽ rõ; hoặc chạy {command}.",
        ),
    )


def _working(facts: Facts, proof: datetime) -> Judgement:
    real = facts.success_at == proof
    sentence = Sentence(
        "Works; the last exchange arrived." if real else "Works; proven by a full probe.",
        "Hoạt động; lượt gần nhất đã giao." if real else "Hoạt động; đã kiểm chứng bằng lần kiểm tra đầy đủ.",
    )
    probe = facts.probe
    if probe is not None and probe.passed and probe.sentence is not None and probe.blame is not Blame.NOBODY:
        sentence = Sentence(f"{sentence.en} {probe.sentence.en}", f"{sentence.vi} {probe.sentence.vi}")
    return Judgement(state=S.WORKING, since=_since(facts, S.WORKING, facts.streak_since or proof), sentence=sentence)


def _since(facts: Facts, state: ConnectionState, otherwise: datetime | None) -> datetime | None:
    if facts.state_since is not None and facts.state_since[0] is state:
        return facts.state_since[1]
    return otherwise


def moment(at: datetime, now: datetime) -> str:
    """Return a moment as people here say it: the hour, and the day where it is not today's."""
    local, today = at.astimezone(VIETNAM), now.astimezone(VIETNAM).date()
    return f"{local:%H:%M}" if local.date() == today else f"{local:%H:%M %d/%m/%Y}"
