"""What the daemon answers over HTTP: `/livez`, `/readyz` and `/metrics`, all of it from memory.

Who asks by a name that is neither this machine's own nor configured gets 421: a page in somebody's browser could else
read it by a name that leads here.
"""

import os
import socket
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from threading import Thread

import uvicorn
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from inventory.errors import ConfigurationError
from inventory.serving.listening import host_and_port, local_url

Application = Starlette

_MOST_CONNECTIONS = 64
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


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
    """Give the pages, for those who ask by one of the names in `hosts`."""

    def livez(_request: Request) -> Response:
        return _text("ok") if health().is_live else _text("nothing moves", status=503)

    def readyz(_request: Request) -> Response:
        problems = health().problems
        return _text("\n".join(problems), status=503) if problems else _text("ok")

    def all_metrics(_request: Request) -> Response:
        return Response(metrics(), media_type=CONTENT_TYPE_PLAIN_0_0_4, headers=_HEADERS)

    return Starlette(
        routes=[Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", all_metrics)],
        middleware=[Middleware(_ByName, hosts=frozenset(hosts))],
    )


@contextmanager
def serve(address: str, pages: Application) -> Iterator[str]:
    """Serve from a thread for the length of the block, and give the URL; port 0 takes a free one.

    Raises:
        ConfigurationError: The address cannot be had.
    """
    host, port = host_and_port(address)
    with ExitStack() as stack:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            listener = stack.enter_context(socket.create_server((host, port), family=family))
        except OSError as error:
            why = os.strerror(error.errno or 0).lower()
            raise ConfigurationError(f'{address} cannot be had ({why}). Mend http, or set it to "off".') from error
        server = uvicorn.Server(_configuration(pages))
        thread = Thread(target=server.run, kwargs={"sockets": [listener]}, name="http", daemon=True)
        thread.start()
        try:
            yield local_url(f"{address.rpartition(':')[0]}:{listener.getsockname()[1]}")
        finally:
            server.should_exit = True
            thread.join(2)


def _configuration(pages: Application) -> uvicorn.Config:
    return uvicorn.Config(
        pages,
        http="h11",
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_graceful_shutdown=1,
    )


class _ByName:
    """Answers only those who ask by a name they should know."""

    def __init__(self, pages: ASGIApp, hosts: Collection[str]) -> None:
        self._pages = pages
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = self._pages
        if scope["type"] == "http" and _host(scope) not in self._hosts:
            answer = _text("this host name is not served here; see http_hosts", status=421)
        await answer(scope, receive, send)


def _host(scope: Scope) -> str:
    """Return the name that was asked for, without its port."""
    written = next((value for name, value in scope["headers"] if name == b"host"), b"").decode("latin-1").lower()
    if written.startswith("["):
        return written[1:].partition("]")[0]
    return written.partition(":")[0]


def _text(text: str, *, status: int = 200) -> Response:
    return PlainTextResponse(f"{text}\n", status_code=status, headers=_HEADERS)
