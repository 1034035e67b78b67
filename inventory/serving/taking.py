"""Accept the connections of another process's listener, and hand back those that it answers itself, until it ends."""

import asyncio
import socket
from contextlib import suppress
from functools import partial
from threading import Thread

import uvicorn
from starlette.applications import Starlette

from inventory.serving.accepting import ALIVE, AcceptingServer, SortingProtocol, hand, receive
from inventory.serving.web import configuration

_BEGIN_SECONDS = 5.0
_ALIVE_TICKS = 3  # tenths of a second


def taking(channel_number: int, pages: Starlette) -> Thread:
    """Begin to answer for pages what comes by the socket of this descriptor, and by the listener that it gives.

    The thread ends when the socket's other end is closed.

    Raises:
        OSError: The descriptor is no such socket.
    """
    channel = socket.socket(fileno=channel_number)
    channel.settimeout(_BEGIN_SECONDS)
    first = receive(channel)
    if first is None or first.socket is None:
        raise OSError("it gives no listener")
    channel.settimeout(0)
    theirs = frozenset(first.data.split(b" "))
    protocol = partial(SortingProtocol, passed_on=theirs.__contains__, pass_on=partial(hand, channel))
    server = _Server(configuration(pages, protocol), channel, first.socket)
    thread = Thread(target=server.run, name="http", daemon=True)
    thread.start()
    return thread


class _Server(AcceptingServer):
    """A server for as long as the other process is there."""

    def __init__(self, config: uvicorn.Config, channel: socket.socket, listener: socket.socket) -> None:
        super().__init__(config)
        self._channel = channel
        self._listener = listener

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002 - uvicorn's
        """Accept connections, and take those that are handed over."""
        await super().startup()
        asyncio.get_running_loop().add_reader(self._channel, self._receive)
        await self.accept(self._listener)

    async def on_tick(self, counter: int) -> bool:
        """Say several times a second that connections are accepted here."""
        if counter % _ALIVE_TICKS == 0:
            with suppress(OSError):
                self._channel.send(ALIVE)
        return await super().on_tick(counter)

    def _receive(self) -> None:
        try:
            handed = receive(self._channel)
        except BlockingIOError:
            return
        if handed is None:
            asyncio.get_running_loop().remove_reader(self._channel)
            self.should_exit = True
        elif handed.socket:
            self.adopt(handed.socket, handed.data)
