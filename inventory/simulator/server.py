"""The API of a simulated account over HTTP/1.1, on a loopback port."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any, Protocol
from urllib.parse import parse_qsl

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from inventory.simulator.messages import Answer, Request

_LOOPBACK = "127.0.0.1"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)

_Scope = dict[str, Any]
_Receive = Callable[[], Awaitable[dict[str, Any]]]
_Send = Callable[[dict[str, Any]], Awaitable[None]]


class Answers(Protocol):
    """The API of an account, or of several, each by its token."""

    def answer(self, request: Request) -> Answer:
        """Answer one request."""


@contextmanager
def serve(api: Answers, *, port: int = 0) -> Iterator[str]:
    """Serve the API from a thread for the length of the block, and give its URL; port 0 takes a free one.

    Raises:
        OSError: The port cannot be had.
    """
    with socket.create_server((_LOOPBACK, port)) as listener:
        # asyncio sets it for sockets of its own making alone; without it an answer takes 40 ms on a kept connection.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server = _server(api)
        thread = Thread(target=server.run, kwargs={"sockets": [listener]}, name="simulator")
        thread.start()
        try:
            # Who connects before the thread has begun waits in the listener's queue.
            yield f"http://{_LOOPBACK}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def _server(api: Answers) -> uvicorn.Server:
    async def application(scope: _Scope, receive: _Receive, send: _Send) -> None:
        answer = api.answer(_request(scope))
        if answer.delay_seconds:
            await asyncio.sleep(answer.delay_seconds)
        if answer.is_reset:
            await _reset(scope["state"]["transport"], receive)
        else:
            await _send(answer, send)

    return uvicorn.Server(
        uvicorn.Config(
            application,
            http=_Protocol,
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="error",
            access_log=False,
            date_header=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
    )


class _Protocol(H11Protocol):
    """Lets the application reach its connection, to reset it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


def _request(scope: _Scope) -> Request:
    return Request(
        method=scope["method"],
        path=scope["path"],
        query=dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)),
        headers={name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
    )


async def _send(answer: Answer, send: _Send) -> None:
    headers = {**answer.headers, "content-length": str(len(answer.body))}
    written = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": written})
    await send({"type": "http.response.body", "body": answer.body})


async def _reset(transport: asyncio.Transport, receive: _Receive) -> None:
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass
