"""A mail server on loopback, which keeps what it gets."""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from threading import Thread
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope

from tests.end_to_end.receiver import SECRET

# What aiosmtpd itself does wrong.
ignores_warnings = pytest.mark.filterwarnings(
    "ignore::UserWarning", "ignore::DeprecationWarning", "ignore::ResourceWarning"
)


@dataclass
class Mailbox:
    """Where mail arrives, and what arrived."""

    got: list[Envelope] = field(default_factory=list)
    port: int = 0

    async def handle_DATA(self, _server: object, _session: object, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        self.got.append(envelope)
        return "250 OK"

    @property
    def mails(self) -> list[Message]:
        return [message_from_bytes(mail.content) for mail in self.got if isinstance(mail.content, bytes)]


@contextmanager
def receiving_mail(context: ssl.SSLContext | None = None) -> Iterator[Mailbox]:
    """Take mail over TLS from `ops` with the password, or, without a context, from everyone."""
    mailbox = Mailbox()

    def authenticate(_server: object, _session: object, _envelope: object, _how: str, data: Any) -> AuthResult:  # noqa: ANN401
        return AuthResult(success=(data.login, data.password) == (b"ops", SECRET.encode()))

    def protocol() -> SMTP:
        is_secret = context is not None
        return SMTP(mailbox, authenticator=authenticate, auth_required=is_secret, auth_require_tls=False, loop=loop)

    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(loop.create_server(protocol, "127.0.0.1", 0, ssl=context))
    mailbox.port = server.sockets[0].getsockname()[1]
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield mailbox
    finally:
        server.close()
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


def parts(mail: Message) -> dict[str, str]:
    """Return the texts of a mail by their types."""
    payloads = {each.get_content_type(): each.get_payload(decode=True) for each in mail.walk()}
    return {kind: text.decode().strip() for kind, text in payloads.items() if isinstance(text, bytes)}
