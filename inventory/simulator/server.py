"""The simulated account on a loopback port."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl

import uvicorn

from inventory.simulator.api import Request, SimulatedApi

_Send = Callable[[dict[str, Any]], Awaitable[None]]
_LOOPBACK = "127.0.0.1"


@contextmanager
def serve(api: SimulatedApi, *, port: int = 0) -> Iterator[str]:
    """Serve the API from a thread as long as the block; give its base URL. Port 0 takes a free one.

    Raises:
        OSError: The port is taken.
    """
    listener = listen(port)
    server = _server(api)
    thread = Thread(target=server.run, kwargs={"sockets": [listener]}, name="simulator", daemon=True)
    thread.start()
    try:
        yield url_of(listener)
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def listen(port: int) -> socket.socket:
    """Take a port on loopback; who connects from now on is answered once the API is served.

    Raises:
        OSError: The port is taken.
    """
    listener = socket.create_server((_LOOPBACK, port))
    # Without it every answer on a kept connection waits for an acknowledgement, some 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def url_of(listener: socket.socket) -> str:
    """Return the base URL of a listening socket."""
    return f"http://{_LOOPBACK}:{listener.getsockname()[1]}"


def serve_until_stopped(api: SimulatedApi, listener: socket.socket) -> None:
    """Serve the API in this thread until SIGINT or SIGTERM."""
    # uvicorn stops, and then raises the signal once more.
    with suppress(KeyboardInterrupt):
        _server(api).run(sockets=[listener])


def _server(api: SimulatedApi) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            _Application(api),
            http="h11",
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            date_header=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
    )


class _Application:
    """The API as an ASGI application."""

    def __init__(self, api: SimulatedApi) -> None:
        self._api = api

    async def __call__(self, scope: dict[str, Any], _receive: object, send: _Send) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        request = Request(
            method=scope["method"],
            path=scope["path"],
            query=dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)),
            authorization=headers.get("authorization", ""),
            base_url=f"http://{headers.get('host', _LOOPBACK)}",
        )
        answer = self._api.answer(request)
        if answer.delay_seconds:
            await asyncio.sleep(answer.delay_seconds)
        fields = {**answer.headers, "content-length": str(len(answer.body))}
        written = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": written})
        await send({"type": "http.response.body", "body": answer.body})
