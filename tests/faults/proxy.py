"""A TCP proxy on loopback that does to the answers of a server what networks do."""

import select
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.faults.byte_server import Listener

# What becomes of a piece of an answer: given the bytes and how many came before them, return what goes on in their
# place, piece by piece. None ends the connection.
Treatment = Callable[[bytes, int], list[bytes | None]]


class Proxy(Listener):
    def __init__(self, upstream_port: int, treatment: Treatment, *, seconds_between_pieces: float = 0.0) -> None:
        super().__init__()
        self._upstream_port = upstream_port
        self._treatment = treatment
        self._seconds = seconds_between_pieces
        self.treated = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def serve(self, connection: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", self._upstream_port), timeout=60) as upstream:
            forward = threading.Thread(target=self._forward, args=(connection, upstream))
            forward.start()
            with suppress(OSError):
                self._back(upstream, connection)
            for end in (connection, upstream):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            forward.join()

    def _forward(self, client: socket.socket, upstream: socket.socket) -> None:
        with suppress(OSError, ValueError):
            while self.readable(client) and (data := client.recv(65536)):
                upstream.sendall(data)
            upstream.shutdown(socket.SHUT_WR)

    def _back(self, upstream: socket.socket, client: socket.socket) -> None:
        passed = 0
        while self.readable(upstream) and (data := upstream.recv(65536)):
            for piece in self._treatment(data, passed):
                self.treated += 1
                if piece is None or self.closing.wait(self._seconds):
                    return
                client.sendall(piece)
            passed += len(data)


def sliced(data: bytes, _passed: int) -> list[bytes | None]:
    return [data[place : place + 1] for place in range(len(data))]


def slowly(data: bytes, _passed: int) -> list[bytes | None]:
    """2 kB/s, with a piece each 0.02 s."""
    return [data[place : place + 40] for place in range(0, len(data), 40)]


def swallowed(_data: bytes, _passed: int) -> list[bytes | None]:
    return []


def cut_after(limit: int) -> Treatment:
    def treat(data: bytes, passed: int) -> list[bytes | None]:
        return [data] if passed + len(data) < limit else [data[: limit - passed], None]

    return treat


def bit_flipped_at(place: int, bit: int) -> Treatment:
    def treat(data: bytes, passed: int) -> list[bytes | None]:
        if not passed <= place < passed + len(data):
            return [data]
        changed = bytearray(data)
        changed[place - passed] ^= 1 << bit
        return [bytes(changed)]

    return treat


class DatabaseProxy(Listener):
    """A TCP proxy to PostgreSQL's socket that lets one statement go unanswered: the n-th that contains a word.

    Attributes:
        statements: So many with the word have come.
    """

    def __init__(self, upstream: Path, word: bytes, *, at: int, is_carried_out: bool, is_silent: bool) -> None:
        """Take connections to the socket `upstream`.

        The statement is or is not carried out; then the connection is cut or, if `is_silent`, stays and says nothing.
        """
        super().__init__()
        self._upstream = upstream
        self._word = word
        self._at = at
        self._is_carried_out = is_carried_out
        self._is_silent = is_silent
        self.statements = 0

    def serve(self, connection: socket.socket) -> None:
        with socket.socket(socket.AF_UNIX) as upstream:
            upstream.connect(str(self._upstream))
            ends = {connection: upstream, upstream: connection}
            while not self.closing.is_set():
                for end in select.select([*ends], [], [], 0.02)[0]:
                    if not (data := end.recv(65536)):
                        return
                    if end is connection and self._is_meant(data):
                        self._leave_unanswered(connection, upstream, data)
                        return
                    ends[end].sendall(data)

    def _is_meant(self, data: bytes) -> bool:
        self.statements += self._word in data
        return self._word in data and self.statements == self._at

    def _leave_unanswered(self, client: socket.socket, upstream: socket.socket, data: bytes) -> None:
        if self._is_carried_out:
            upstream.sendall(data)
            upstream.recv(65536)
        if self._is_silent:
            while self.readable(client) and client.recv(65536):
                pass
