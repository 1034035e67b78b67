"""A server whose listener another process may have for a while, and to which connections may be handed.

Two processes that share a listener hand each other what the other one answers. Their messages are whole, and the end of
one process is noticed by the other.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Any, NamedTuple

import uvicorn

from inventory.serving.answers import HEADERS
from inventory.serving.bounded import BACKLOG, BoundedProtocol

ALIVE = b"."
"""What a process says that has nothing to hand over."""

_LONGEST_LINE = 65_536  # bytes
_MOST_BYTES = 1_000_000

_BUSY_TEXT = b"the pages are not there yet, or too many ask for them: try again in a moment\n"
_BUSY_HEADERS = {
    **HEADERS,
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Length": str(len(_BUSY_TEXT)),
    "Retry-After": "1",
    "Refresh": "1",
    "Connection": "close",
}
_BUSY = b"".join(
    (
        b"HTTP/1.1 503 Service Unavailable\r\n",
        *(f"{name}: {value}\r\n".encode() for name, value in _BUSY_HEADERS.items()),
        b"\r\n",
        _BUSY_TEXT,
    )
)


class Handed(NamedTuple):
    """What came from the other process: a socket and what was read of it, or `ALIVE` and no socket."""

    data: bytes
    socket: socket.socket | None


def hand(channel: socket.socket, handed: Any, data: bytes) -> bool:  # noqa: ANN401 - whatever has a descriptor
    """Hand a socket over, and what was read of it; False where there is no room, or the other process is gone."""
    try:
        socket.send_fds(channel, [data], [handed.fileno()])
    except OSError:
        return False
    return True


def receive(channel: socket.socket) -> Handed | None:
    """Read the next message; None where the other process is gone.

    Raises:
        BlockingIOError: There is none.
    """
    try:
        data, descriptors, *_ = socket.recv_fds(channel, _MOST_BYTES, 1)
    except BlockingIOError:
        raise
    except OSError:
        return None
    if not data:
        return None
    return Handed(data, socket.socket(fileno=descriptors[0]) if descriptors else None)


class AcceptingServer(uvicorn.Server):
    """A server that takes what a listener accepts only while it is told to."""

    _accepting: asyncio.Server | None = None

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._beginning: set[asyncio.Task[None]] = set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002 - uvicorn's
        """Begin without a listener."""
        await super().startup(sockets=[])

    async def accept(self, listener: socket.socket) -> None:
        """Accept connections from now on."""
        if self._accepting is None:
            loop = asyncio.get_running_loop()
            # What is closed by a pause is not the listener itself.
            self._accepting = await loop.create_server(self._protocol, sock=listener.dup(), backlog=BACKLOG)

    def pause(self) -> None:
        """Accept no more connections, and keep those that there are."""
        if self._accepting is not None:
            self._accepting.close()
            self._accepting = None

    def adopt(self, connection: socket.socket, data: bytes) -> None:
        """Answer a connection that another process accepted, and of which it read this."""
        task = asyncio.get_running_loop().create_task(self._adopt(connection, data))
        self._beginning.add(task)
        task.add_done_callback(self._beginning.discard)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more, and end the connections."""
        self.pause()
        await super().shutdown(sockets)

    async def _adopt(self, connection: socket.socket, data: bytes) -> None:
        connection.settimeout(0)
        _, protocol = await asyncio.get_running_loop().connect_accepted_socket(self._protocol, connection)
        protocol.data_received(data)

    def _protocol(self) -> BoundedProtocol:
        made: BoundedProtocol = self.config.http_protocol_class(  # type: ignore[call-arg,assignment]  # as uvicorn does
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made


class SortingProtocol(BoundedProtocol):
    """A connection that is passed on if it asks for what another process answers."""

    def __init__(
        self,
        *arguments: Any,  # noqa: ANN401 - uvicorn's
        passed_on: Callable[[bytes], bool],
        pass_on: Callable[[Any, bytes], bool],
        **named: Any,  # noqa: ANN401 - as above
    ) -> None:
        super().__init__(*arguments, **named)
        self._is_passed_on = passed_on
        self._pass_on = pass_on
        self._begin = b""
        self._is_ours = False

    def data_received(self, data: bytes) -> None:
        """Read until it is known what is asked for."""
        if self._is_ours:
            super().data_received(data)
            return
        self._begin += data
        line, end, _ = self._begin.partition(b"\n")
        if not end and len(self._begin) < _LONGEST_LINE:
            return
        data, self._begin = self._begin, b""
        if not end or not self._is_passed_on(_path(line)):
            self._is_ours = True
            super().data_received(data)
        elif self._pass_on(self.transport.get_extra_info("socket"), data):
            self.end()
        else:
            self.transport.write(_BUSY)
            self.transport.close()

    def on_response_complete(self) -> None:
        """Look anew at what is asked for next."""
        self._is_ours = False
        super().on_response_complete()
        self._is_ours = self.has_request


def _path(line: bytes) -> bytes:
    """Give the path that the first line of a request asks for; empty where there is none."""
    parts = line.split(b" ")
    return parts[1].partition(b"?")[0] if len(parts) > 1 else b""
