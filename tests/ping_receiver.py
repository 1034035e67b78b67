"""A receiver of pings on loopback, which can also hang, drip, refuse and redirect."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

from tests.end_to_end.daemon_process import eventually

SECRET_PATH = "/5f6e5d4c-ping"


class Ping(NamedTuple):
    """What was received: what stands after the secret path, and the body."""

    path: str
    text: str


class Receiver(ThreadingHTTPServer):
    """Keeps what it receives.

    Attributes:
        behave: What to do with each ping once it was read; by itself it is answered with 200.
        closing: Set when the receiver ends, for behaviours that wait.
    """

    daemon_threads = True

    def __init__(self, context: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self._scheme = "https" if context else "http"
        if context:
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self.pings: list[Ping] = []
        self.behave: Callable[[Handler], object] = ok
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self.server_port}{SECRET_PATH}"

    def until(self, pings: int) -> list[Ping]:
        """Wait until so many came."""
        eventually(lambda: len(self.pings) >= pings)
        return self.pings


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        self.server.pings.append(Ping(self.path.removeprefix(SECRET_PATH), body.decode()))
        with suppress(OSError):
            self.server.behave(self)

    def answer(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"content-length": "0", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the base class has it
        """Print nothing."""


def ok(handler: Handler) -> None:
    handler.answer(200)


def refuse(handler: Handler) -> None:
    handler.answer(503)


def not_found(handler: Handler) -> None:
    handler.answer(404)


def unknown(handler: Handler) -> None:
    """As healthchecks.io answers for a check that it does not know."""
    handler.send_response(200)
    handler.send_header("content-length", "14")
    handler.end_headers()
    handler.wfile.write(b"OK (not found)")


def hang(handler: Handler) -> None:
    """No answer for as long as the receiver is there."""
    handler.server.closing.wait(600)
    handler.answer(503)


def drip(handler: Handler) -> None:
    """An answer whose head never ends."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while not handler.server.closing.wait(0.05):
        handler.wfile.write(b"x: y\r\n")


def redirect(handler: Handler) -> None:
    handler.answer(302, location=f"{handler.server.url}/elsewhere")


@contextmanager
def receiving(context: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    with Receiver(context) as receiver:
        thread = threading.Thread(target=receiver.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield receiver
        finally:
            receiver.closing.set()
            receiver.shutdown()
            thread.join()
