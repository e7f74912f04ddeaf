"""Alerts as Standard Webhooks, to addresses on the list of those that may be called."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import orjson

from contracts.errors import Sentence
from hub.alerts.message import Message, Told
from hub.alerts.settings import WebhookChannel
from hub.webhooks.sending import Outcome, OutgoingClient, Sent, send

_WHY: dict[Outcome, Sentence] = {
    Outcome.REFUSED: Sentence(
        "The receiver refuses the message (status {status}); check it there.",
        "Bên nhận từ chối thông điệp (mã {status}); hãy kiểm tra bên nhận.",
    ),
    Outcome.GONE: Sentence(
        "The receiver wants no more messages (status 410); remove this channel.",
        "Bên nhận không muốn nhận nữa (mã 410); hãy bỏ kênh này.",
    ),
    Outcome.REDIRECTED: Sentence(
        "The receiver redirects (status {status}), which is not followed; correct the address.",
        "Bên nhận chuyển hướng (mã {status}), hệ thống không theo; hãy sửa địa chỉ.",
    ),
    Outcome.TIMEOUT: Sentence("The receiver did not answer in time.", "Bên nhận không trả lời đúng hạn."),
    Outcome.UNREACHABLE: Sentence(
        "The receiver cannot be reached; check its address and the network.",
        "Không kết nối được bên nhận; hãy kiểm tra địa chỉ và mạng.",
    ),
    Outcome.CERTIFICATE: Sentence(
        "The certificate of the receiver is not trusted; check webhooks.ca_file.",
        "Chứng thư của bên nhận không được tin cậy; hãy kiểm tra webhooks.ca_file.",
    ),
    Outcome.NOT_ALLOWED: Sentence(
        "The address is not on the list of those that may be called (webhooks.allow); nothing was sent.",
        "Địa chỉ không có trong danh sách được phép gọi (webhooks.allow); chưa gửi gì.",
    ),
}


class AlertWebhook:
    """A `hub.alerts.message.Telling`."""

    def __init__(self, settings: WebhookChannel, http: OutgoingClient) -> None:
        """``http`` is open, and knows where calls may go."""
        self._settings = settings
        self._http = http
        self._secret = base64.b64decode(settings.secret.get_secret_value().removeprefix("whsec_"))

    async def tell(self, message: Message) -> Told:
        """Post it once."""
        sent = await send(
            self._http,
            url=self._settings.url,
            secrets=[self._secret],
            id=message.name,
            at=datetime.now(UTC),
            body=body_of(message),
            timeout_seconds=self._settings.timeout_seconds,
        )
        return Told(None if sent.delivered else _sentence(sent))


def body_of(message: Message) -> bytes:
    """Return the JSON that is posted."""
    return orjson.dumps(
        {
            "type": f"alert.{message.event.value}",
            "timestamp": message.at.astimezone(UTC).isoformat(),
            "data": {
                "alert_id": message.alert_id,
                "severity": message.severity.value,
                "key": message.key,
                "connection": message.connection,
                "cause": message.cause,
                "sentence": message.sentence.en,
                "sentence_vi": message.sentence.vi,
            },
        }
    )


def _sentence(sent: Sent) -> Sentence:
    words = _WHY[sent.outcome]
    status = sent.status or 0
    return Sentence(words.en.format(status=status), words.vi.format(status=status))
