"""Alerts by e-mail. The server proves itself by a certificate, unless it is on this machine."""

from __future__ import annotations

import asyncio
import ssl
from email.message import EmailMessage
from email.utils import format_datetime

import aiosmtplib

from contracts.errors import Sentence
from hub.alerts.message import Message, Told, head, lines, one_line
from hub.alerts.settings import EmailChannel

SUBJECT_CHARACTERS = 150

_UNREACHED = Sentence(
    "The mail server does not answer as expected; check its address, port and security.",
    "Máy chủ thư không trả lời đúng; hãy kiểm tra địa chỉ, cổng và chế độ bảo mật.",
)
_UNTRUSTED = Sentence(
    "The mail server could not prove itself: its certificate is not trusted; check host and ca_file of this channel.",
    "Chứng thư của máy chủ thư không được tin cậy; hãy kiểm tra host và ca_file của kênh này.",
)
_LOGIN = Sentence(
    "The mail server refuses our user name or password; correct them in the settings of this channel.",
    "Máy chủ thư từ chối tài khoản hoặc mật khẩu; hãy sửa trong cấu hình của kênh này.",
)
_REFUSED = Sentence(
    "The mail server refuses the sender or a recipient; check the addresses of this channel.",
    "Máy chủ thư từ chối địa chỉ gửi hoặc nhận; hãy kiểm tra các địa chỉ của kênh này.",
)


class Email:
    """A `hub.alerts.message.Telling`."""

    def __init__(self, settings: EmailChannel) -> None:
        self._settings = settings

    async def tell(self, message: Message) -> Told:
        """Hand it to the mail server once."""
        settings = self._settings
        try:
            async with asyncio.timeout(settings.timeout_seconds):
                context = await asyncio.to_thread(self._context)
                await aiosmtplib.send(
                    self._written(message),
                    hostname=settings.host,
                    port=settings.port,
                    use_tls=settings.security == "tls",
                    # Not "if the server offers it": somebody in between could take the offer away.
                    start_tls=settings.security == "starttls",
                    tls_context=context,
                    username=settings.username,
                    password=settings.password.get_secret_value() if settings.password is not None else None,
                    timeout=settings.timeout_seconds,
                )
        except aiosmtplib.SMTPAuthenticationError:
            return Told(_LOGIN)
        except (aiosmtplib.SMTPRecipientsRefused, aiosmtplib.SMTPSenderRefused):
            return Told(_REFUSED)
        except (aiosmtplib.SMTPException, OSError, TimeoutError, ValueError) as error:
            return Told(_UNTRUSTED if _is_untrusted(error) else _UNREACHED)
        return Told()

    def _context(self) -> ssl.SSLContext | None:
        if self._settings.security == "none":
            return None
        file = self._settings.ca_file
        return ssl.create_default_context(cafile=None if file is None else str(file))

    def _written(self, message: Message) -> EmailMessage:
        settings = self._settings
        said = lines(message, settings.language)
        mail = EmailMessage()
        mail["From"] = settings.sender
        mail["To"] = ", ".join(settings.recipients)
        subject = one_line(f"[Liên Thông] {head(message, settings.language)}: {said[0]}")
        mail["Subject"] = subject[:SUBJECT_CHARACTERS]
        mail["Date"] = format_datetime(message.at)
        # The same over every attempt, so that a mail that comes twice is recognised.
        mail["Message-ID"] = f"<{message.name}@{settings.sender.partition('@')[2]}>"
        mail["Auto-Submitted"] = "auto-generated"
        facts = [f"alert: {message.alert_id}", f"event: {message.event.value}", f"severity: {message.severity.value}"]
        facts += [f"connection: {message.connection}"] if message.connection is not None else []
        mail.set_content("\n\n".join([*map(one_line, said), "\n".join(facts)]) + "\n")
        return mail


def _is_untrusted(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
