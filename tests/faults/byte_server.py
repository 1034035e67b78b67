"""A server on loopback that answers each request with a script of bytes, pauses, resets and closings."""

import json
import select
import socket
import ssl
import struct
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from types import TracebackType
from typing import Self

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Pause:
    seconds: float


@dataclass(frozen=True)
class Again:
    """Send the bytes over and over, at most so many times."""

    data: bytes
    seconds_between: float = 0.0
    times: int | None = None


class Reset:
    """End the connection with RST."""


class Close:
    """End the connection with FIN."""


Action = bytes | Pause | Again | Reset | Close
Script = Sequence[Action]


def answer(
    body: bytes | object = b"",
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    content_type: str = "application/json",
) -> bytes:
    """Write a well-formed HTTP answer; a body that is not bytes goes out as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = {"content-type": content_type, "content-length": str(len(data)), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} Some Words\r\n{head}\r\n".encode() + data


class Listener:
    """Accepts connections on loopback, one thread each, until it is closed.

    Attributes:
        closed: So many connections were closed from this side.
    """

    closed = 0

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.closing = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.closing.set()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def serve(self, connection: socket.socket) -> None:
        raise NotImplementedError

    def readable(self, connection: socket.socket) -> bool:
        """Wait until there is something to read; False once the listener closes."""
        while not self.closing.is_set():
            pending = connection.pending() if isinstance(connection, ssl.SSLSocket) else 0
            if pending or select.select([connection], [], [], 0.02)[0]:
                return True
        return False

    def _accept(self) -> None:
        while self.readable(self._listener):
            connection, _ = self._listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.settimeout(60)
            self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
            self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            self.serve(connection)
        self.closed += 1


class ByteServer(Listener):
    """Answers the n-th request for a path with its n-th script, and with its last one from then on.

    Attributes:
        heads: Of the requests received, as they came.
        connections: Accepted so far.
    """

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        super().__init__()
        self._context = context
        self._scripts: dict[str, list[Script]] = {}
        self._asked: dict[str, Iterator[int]] = defaultdict(count)
        self.heads: list[bytes] = []
        self.connections = 0

    @property
    def url(self) -> str:
        return f"{'https' if self._context else 'http'}://127.0.0.1:{self.port}"

    def script(self, *scripts: Script | bytes, path: str = "") -> None:
        """Say how requests for `path` are answered; without one, all that no other path covers."""
        self._scripts[path] = [[script] if isinstance(script, bytes) else script for script in scripts]

    def serve(self, connection: socket.socket) -> None:
        self.connections += 1
        if self._context is not None:
            connection = self._context.wrap_socket(connection, server_side=True)
        with connection:
            while head := self._read_head(connection):
                self.heads.append(head)
                if not self._play(connection, self._script_for(head)):
                    return

    def _read_head(self, connection: socket.socket) -> bytes:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            if not self.readable(connection) or not (data := connection.recv(65536)):
                return b""
            head += data
        return head

    def _script_for(self, head: bytes) -> Script:
        path = head.split(b" ")[1].decode()
        key = path if path in self._scripts else ""
        scripts = self._scripts[key]
        return scripts[min(next(self._asked[key]), len(scripts) - 1)]

    def _play(self, connection: socket.socket, script: Iterable[Action]) -> bool:
        """Return whether the connection goes on."""
        for action in script:
            match action:
                case bytes():
                    connection.sendall(action)
                case Pause():
                    self.closing.wait(action.seconds)
                case Again():
                    self._repeat(connection, action)
                case Reset():
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
                    return False
                case Close():
                    return False
        return True

    def _repeat(self, connection: socket.socket, action: Again) -> None:
        for turn in count():
            if turn == action.times or self.closing.wait(action.seconds_between):
                return
            connection.sendall(action.data)


def until(condition: object, seconds: float = 60.0) -> bool:
    """Wait for a callable to become true."""
    assert callable(condition)
    ends_at = time.monotonic() + seconds
    while not condition() and time.monotonic() < ends_at:
        time.sleep(0.005)
    return bool(condition())
