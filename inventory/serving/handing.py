"""Pages are answered by a process of their own, at a lower priority: visitors cost whoever syncs next to nothing.

This process reads of a connection until it knows what is asked for. Its own addresses it answers itself; any other
connection it hands over as it is, and is rid of it.
"""

import socket
import subprocess
import sys
import time
from collections.abc import Collection, Sequence
from threading import Lock
from typing import Any

import structlog

from inventory.serving.answers import HEADERS
from inventory.serving.bounded import BoundedProtocol

_AGAIN_SECONDS = 5.0
_END_SECONDS = 2.0
_LONGEST_LINE = 65_536  # bytes

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
        self._began_at = -_AGAIN_SECONDS
        self._is_stopped = False

    def take(self, connection: Any, data: bytes) -> bool:  # noqa: ANN401 - what asyncio has for a socket
        """Take over a connection, and what was read of it; False where there is no room, or it died just now."""
        with self._lock:
            channel = self._channel if self._process and self._process.poll() is None else self._begin()
            try:
                if channel is None:
                    return False
                socket.send_fds(channel, [data], [connection.fileno()])
            except OSError:
                return False
            return True

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
        if self._is_stopped or time.monotonic() - self._began_at < _AGAIN_SECONDS:
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
        self._channel = ours
        _log.info("pages.begun", pid=self._process.pid)
        return ours

    def _let_go(self) -> "subprocess.Popen[bytes] | None":
        """Close our end, which tells the process to end, and give the process."""
        if self._channel:
            self._channel.close()
        process, self._channel, self._process = self._process, None, None
        return process


def _end(process: "subprocess.Popen[bytes] | None") -> None:
    if process:
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class HandingProtocol(BoundedProtocol):
    """A connection that is handed over unless it asks for one of this process's own addresses."""

    def __init__(self, *arguments: Any, own: Collection[bytes], pages: PagesProcess, **named: Any) -> None:  # noqa: ANN401 - uvicorn's
        super().__init__(*arguments, **named)
        self._own = own
        self._pages = pages
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
        if not end or _path(line) in self._own:
            self._is_ours = True
            super().data_received(data)
        elif self._pages.take(self.transport.get_extra_info("socket"), data):
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
