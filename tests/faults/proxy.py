"""A TCP proxy on loopback that does to the answers of a server what networks do."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress

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
