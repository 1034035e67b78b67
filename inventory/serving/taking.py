"""Answer the connections that another process hands over, until it ends."""

import asyncio
import socket
from threading import Thread

import uvicorn
from starlette.applications import Starlette

from inventory.serving.bounded import BoundedProtocol
from inventory.serving.web import configuration

_MOST_BYTES = 1_000_000


def taking(channel_number: int, pages: Starlette) -> Thread:
    """Begin to answer what comes by the socket of this descriptor; the thread ends when its other end is closed."""
    channel = socket.socket(fileno=channel_number)
    # What is asked for next by a connection may be something that only the other process answers.
    server = _Server(configuration(pages, headers=[("Connection", "close")]), channel)
    thread = Thread(target=server.run, name="http", daemon=True)
    thread.start()
    return thread


class _Server(uvicorn.Server):
    """A server that listens nowhere."""

    def __init__(self, config: uvicorn.Config, channel: socket.socket) -> None:
        super().__init__(config)
        self._channel = channel
        self._beginning: set[asyncio.Task[None]] = set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002 - uvicorn's
        await super().startup(sockets=[])
        self._channel.settimeout(0)
        asyncio.get_running_loop().add_reader(self._channel, self._receive)

    def _receive(self) -> None:
        try:
            data, descriptors, *_ = socket.recv_fds(self._channel, _MOST_BYTES, 1)
        except BlockingIOError:
            return
        loop = asyncio.get_running_loop()
        if not descriptors:
            loop.remove_reader(self._channel)
            self.should_exit = True
            return
        task = loop.create_task(self._answer(socket.socket(fileno=descriptors[0]), data))
        self._beginning.add(task)
        task.add_done_callback(self._beginning.discard)

    async def _answer(self, connection: socket.socket, data: bytes) -> None:
        connection.settimeout(0)
        loop = asyncio.get_running_loop()
        _, protocol = await loop.connect_accepted_socket(
            lambda: BoundedProtocol(self.config, self.server_state, self.lifespan.state, loop), connection
        )
        protocol.data_received(data)
