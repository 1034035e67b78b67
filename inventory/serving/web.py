"""What is answered over HTTP: `/livez`, `/readyz` and `/metrics` from memory; or pages, by the routes that it is given.

`/livez` and `/readyz` say nothing about the account and answer everyone, because probes ask by any address or without a
name. All else is answered only under this machine's own names and the configured ones: otherwise a page in somebody's
browser could read it through a name that leads here.
"""

import errno
import os
import socket
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from threading import Thread
from typing import Any

import structlog
import uvicorn
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inventory.errors import ConfigurationError
from inventory.process.stopping import StopSignal
from inventory.serving.answers import HEADERS, LIVE, NOT_LIVE
from inventory.serving.bounded import BACKLOG, BoundedProtocol
from inventory.serving.handing import PagesProcess
from inventory.serving.listening import host_and_port, local_url

Application = Starlette

# Asked by probes, which may use any name.
_OPEN_PATHS = frozenset({"/livez", "/readyz"})

# An address that is not there yet, or is still in use, is tried again.
RETRY_SECONDS = 5.0
_LOG_SECONDS = 60.0
_MAY_CHANGE = frozenset({errno.EADDRINUSE, errno.EADDRNOTAVAIL})

_log: structlog.stdlib.BoundLogger = structlog.get_logger("inventory.http")


@dataclass(frozen=True, slots=True)
class Health:
    """How the process is.

    Attributes:
        is_live: Whether something in it moves.
        problems: Sentences on why it is not ready; empty if it is.
    """

    is_live: bool
    problems: tuple[str, ...]


def application(health: Callable[[], Health], metrics: Callable[[], bytes], *, hosts: Collection[str]) -> Application:
    """Answer probes, and Prometheus where it asks by one of the names in `hosts`."""

    def livez(_request: Request) -> Response:
        return _text(LIVE) if health().is_live else _text(NOT_LIVE, status=503)

    def readyz(_request: Request) -> Response:
        problems = health().problems
        return _text("\n".join(problems) + "\n", status=503) if problems else _text(LIVE)

    def all_metrics(_request: Request) -> Response:
        return Response(metrics(), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    return guarded([Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", all_metrics)], hosts)


def guarded(routes: Sequence[BaseRoute], hosts: Collection[str]) -> Application:
    """Answer by these routes those who ask by one of the names in `hosts`."""

    def broken(_request: Request, _error: Exception) -> Response:
        # Starlette answers so outside of all middleware; the error is logged after that.
        return PlainTextResponse("this is a bug; the log says more\n", status_code=500, headers=HEADERS)

    return Starlette(
        routes=routes,
        exception_handlers={Exception: broken},
        middleware=[Middleware(_WithHeaders), Middleware(_ByName, hosts=frozenset(hosts))],
    )


@contextmanager
def serve(address: str, answers: Application, pages: PagesProcess | None = None) -> Iterator["Serving"]:
    """Serve from a thread for the length of the block; port 0 takes a free one. What is not there `pages` answers.

    Where the address is in use, or not there yet, the thread tries again every 5 s: that keeps no sync from running.

    Raises:
        ConfigurationError: This process may never listen there.
    """
    serving = Serving(address, answers, pages)
    try:
        serving.start()
        yield serving
    finally:
        serving.stop()
        if pages:
            pages.stop()


class Serving:
    """A thread that listens at an address, as soon as it can be had, and answers."""

    def __init__(self, address: str, answers: Application, pages: PagesProcess | None) -> None:
        self._address = address
        own = frozenset(route.path.encode() for route in answers.routes if isinstance(route, Route))
        configured = partial(configuration, answers)
        self._server = pages.server(configured, own) if pages else uvicorn.Server(configured())
        self._stop = StopSignal()
        self._listener: socket.socket | None = None
        self._thread = Thread(target=self._run, name="http", daemon=True)

    def start(self) -> None:
        """Listen now if the address can be had, and go on in the thread.

        Raises:
            ConfigurationError: This process may never listen there.
        """
        try:
            self._listener = _listen(self._address)
        except OSError as error:
            if error.errno not in _MAY_CHANGE:
                why = os.strerror(error.errno or 0).lower()
                raise ConfigurationError(
                    f'cannot listen at {self._address} ({why}). Change http, or set it to "off".'
                ) from error
        self._thread.start()

    def stop(self) -> None:
        """End the connections and the thread."""
        self._stop.set()
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(2)
        if self._listener is not None:
            self._listener.close()

    @property
    def url(self) -> str | None:
        """Where it answers; None while it cannot listen."""
        if self._listener is None:
            return None
        return local_url(f"{self._address.rpartition(':')[0]}:{self._listener.getsockname()[1]}")

    def _run(self) -> None:
        logged_at = -_LOG_SECONDS
        while self._listener is None:
            try:
                self._listener = _listen(self._address)
            except OSError as error:
                if time.monotonic() - logged_at >= _LOG_SECONDS:
                    logged_at = time.monotonic()
                    _log.warning("http.waiting", address=self._address, error=os.strerror(error.errno or 0).lower())
                if self._stop.wait(RETRY_SECONDS):
                    return
        _log.info("http.listening", url=self.url)
        self._server.run(sockets=[self._listener])


def _listen(address: str) -> socket.socket:
    host, port = host_and_port(address)
    listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    # Else the body, written after the head, waits 40 ms for the reader to acknowledge that. asyncio sets it only where
    # the socket names its protocol, which this one does not; connections inherit it.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def configuration(answers: Application, protocol: Any = BoundedProtocol) -> uvicorn.Config:  # noqa: ANN401 - what makes one
    """Give how uvicorn serves."""
    return uvicorn.Config(
        answers,
        http=protocol,
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=1,
    )


class _WithHeaders:
    """Adds to every answer the headers that it lacks."""

    def __init__(self, answers: ASGIApp) -> None:
        self._answers = answers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._answers(scope, receive, send_with_headers)


class _ByName:
    """Answers only those who ask by a name they should know."""

    def __init__(self, pages: ASGIApp, hosts: Collection[str]) -> None:
        self._pages = pages
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = self._pages
        if scope["type"] == "http" and scope["path"] not in _OPEN_PATHS and _host(scope) not in self._hosts:
            answer = _text("this host name is not served here; see http_hosts\n", status=421)
        await answer(scope, receive, send)


def _host(scope: Scope) -> str:
    """Return the name that was asked for, without its port."""
    written = next((value for name, value in scope["headers"] if name == b"host"), b"").decode("latin-1").lower()
    if written.startswith("["):
        return written[1:].partition("]")[0]
    return written.partition(":")[0]


def _text(text: str, *, status: int = 200) -> Response:
    return PlainTextResponse(text, status_code=status)
