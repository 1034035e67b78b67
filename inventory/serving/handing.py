"""Pages are answered by a process of their own, at a lower priority: visitors cost whoever syncs next to nothing.

Once that process is there it accepts every connection, and hands over those that ask for this one's own addresses.
While it is not, or says nothing, this process accepts them itself and hands over what asks for pages. So whoever asks
how this process is depends on no other for longer than a moment.
"""

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from functools import partial
from threading import Lock
from typing import Any

import structlog
import uvicorn

from inventory.serving.accepting import AcceptingServer, SortingProtocol, hand, receive

_AGAIN_SECONDS = 5.0
_END_SECONDS = 2.0
_SILENT_SECONDS = 1.0

_log: structlog.stdlib.BoundLogger = structlog.get_logger("inventory.http")


class PagesProcess:
    """The process that answers for pages: begun when the first one is asked for, again if it died, over with this one.

    It reads connections from a socket, and ends where nobody holds the other end: also when this process is killed.
    """

    def __init__(self, arguments: Sequence[str]) -> None:
        """Prepare a command of this program; it gets the number of the socket's descriptor as its last argument."""
        self._arguments = arguments
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._server: _Front | None = None
        self._began_at = -_AGAIN_SECONDS
        self._heard_at = 0.0
        self._is_stopped = False

    def server(self, configured: Callable[[Any], uvicorn.Config], own: Collection[bytes]) -> uvicorn.Server:
        """Give a server that answers for these paths, and leaves all others to the process."""
        protocol = partial(SortingProtocol, passed_on=lambda path: path not in own, pass_on=self.take)
        self._server = _Front(configured(protocol), self, own)
        return self._server

    def take(self, connection: Any, data: bytes) -> bool:  # noqa: ANN401 - what asyncio has for a socket
        """Take over a connection, and what was read of it; False where there is no room, or it died just now."""
        with self._lock:
            channel = self._channel if self._process and self._process.poll() is None else self._begin()
            return channel is not None and hand(channel, connection, data)

    @property
    def is_accepting(self) -> bool:
        """Whether the process accepts connections, and said so a moment ago."""
        return self._channel is not None and time.monotonic() - self._heard_at < _SILENT_SECONDS

    def leave(self) -> None:
        """Close the channel, and with it the process, in the thread of the server's loop."""
        with self._lock:
            channel, self._channel = self._channel, None
        if channel:
            asyncio.get_running_loop().remove_reader(channel)
            channel.close()

    def renew(self) -> None:
        """End the process, if it was begun: the next one reads the settings anew."""
        with self._lock:
            before, self._began_at = self._let_go(), -_AGAIN_SECONDS
        _end(before)

    def stop(self) -> None:
        """End the process for good."""
        with self._lock:
            before, self._is_stopped = self._let_go(), True
        _end(before)

    def _begin(self) -> socket.socket | None:
        server = self._server
        if self._is_stopped or server is None or time.monotonic() - self._began_at < _AGAIN_SECONDS:
            return None
        if self._process:
            _log.warning("pages.ended", exit_code=self._process.returncode)
        self._let_go()
        self._began_at = time.monotonic()
        # Of this kind a message is whole, and its end is noticed.
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            number = theirs.fileno()
            command = [sys.executable, "-m", "inventory", *self._arguments, str(number)]
            self._process = subprocess.Popen(command, pass_fds=(number,), stdin=subprocess.DEVNULL)  # noqa: S603 - ours
        ours.settimeout(0)
        hand(ours, server.listener, b" ".join(server.own))
        self._channel, self._heard_at = ours, 0.0
        asyncio.get_running_loop().add_reader(ours, self._receive, ours, server)
        _log.info("pages.begun", pid=self._process.pid)
        return ours

    def _receive(self, channel: socket.socket, server: "_Front") -> None:
        """Answer what the process hands over, and notice its end; in the thread of the server's loop."""
        try:
            handed = receive(channel)
        except BlockingIOError:
            return
        if handed is None:
            with self._lock:
                self._channel = None if self._channel is channel else self._channel
            asyncio.get_running_loop().remove_reader(channel)
            channel.close()
            return
        self._heard_at = time.monotonic()
        if handed.socket:
            server.adopt(handed.socket, handed.data)

    def _let_go(self) -> "subprocess.Popen[bytes] | None":
        """Tell the process to end, and give it; what reads the channel closes it."""
        if self._channel:
            self._channel.shutdown(socket.SHUT_RDWR)
        process, self._channel, self._process = self._process, None, None
        return process


class _Front(AcceptingServer):
    """A server that accepts connections where the process for pages does not."""

    listener: socket.socket

    def __init__(self, config: uvicorn.Config, pages: PagesProcess, own: Collection[bytes]) -> None:
        super().__init__(config)
        self.own = own
        self._pages = pages

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections of the first listener, which is the only one."""
        assert sockets
        await super().startup()
        self.listener = sockets[0]
        await self.accept(self.listener)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Leave the process too."""
        await super().shutdown(sockets)
        self._pages.leave()

    async def on_tick(self, counter: int) -> bool:
        """Look every tenth of a second who accepts connections."""
        if self._pages.is_accepting:
            self.pause()
        else:
            with suppress(OSError):  # where no descriptor is left, the next look tries again
                await self.accept(self.listener)
        return await super().on_tick(counter)


def _end(process: "subprocess.Popen[bytes] | None") -> None:
    if process:
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
