"""Fifteen hundred connections at once, to a server that may have 1,024 descriptors: it answers, and keeps few."""

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from inventory.serving.bounded import MOST_SOCKETS
from inventory.store.engine import Database
from inventory.store.upgrade import upgrade
from tests.end_to_end.daemon_process import eventually

pytestmark = pytest.mark.slow

CONNECTIONS = 1_500
PROBES = 20
VISITORS = 32

SERVER = """
import resource, sys, structlog
structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))
from inventory.serving.handing import PagesProcess
from inventory.serving.web import Health, application, serve
health = Health(is_live=True, problems=())
pages = PagesProcess(("pages", "--http", "127.0.0.1:0", "--connections")) if "pages" in sys.argv else None
answers = application(lambda: health, lambda: b"x 1\\n" * 100_000, hosts=["127.0.0.1"])
with serve("127.0.0.1:0", answers, pages) as serving:
    print(serving.url, flush=True)
    sys.stdin.read()
"""

GET = b"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


class Server:
    """A process that serves until its standard input ends."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        self.url = process.stdout.readline().strip()
        self._descriptors = Path(f"/proc/{process.pid}/fd")
        self._of_its_own = self._open()
        self.most_sockets = 0

    def _open(self) -> int:
        return len([*self._descriptors.iterdir()])

    def connect(self) -> socket.socket:
        host, port = self.url.removeprefix("http://").split(":")
        return socket.create_connection((host, int(port)), timeout=60)

    def probe(self) -> int:
        self.most_sockets = max(self.most_sockets, self._open() - self._of_its_own)
        return httpx.get(f"{self.url}/livez", timeout=60, trust_env=False).status_code


@contextmanager
def serving(*arguments: str) -> Iterator[Server]:
    command = [sys.executable, "-c", SERVER, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Server(process)
        finally:
            process.kill()


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture
def server_with_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Serve pages too, by a process that accepts all connections by now."""
    path = tmp_path / "inventory.db"
    with closing(Database(f"sqlite:///{path}")) as opened:
        upgrade(opened)
    monkeypatch.setenv("INVENTORY_DATABASE_URL", str(path))
    with serving("pages") as server:
        eventually(lambda: httpx.get(f"{server.url}/reports", timeout=60, trust_env=False).status_code == 200)
        time.sleep(0.5)
        yield server


def say_nothing(connections: list[socket.socket]) -> None:
    """Keep them open."""


def send_a_half(connections: list[socket.socket]) -> None:
    for connection in connections:
        with suppress(OSError):
            connection.sendall(GET[:20])


def drip(connections: list[socket.socket]) -> None:
    for connection in connections:
        with suppress(OSError):
            connection.sendall(b"G")


def stay_after_an_answer(connections: list[socket.socket]) -> None:
    for connection in connections:
        with suppress(OSError):
            connection.sendall(GET % b"/livez")


def never_read(connections: list[socket.socket]) -> None:
    for connection in connections:
        with suppress(OSError):
            connection.sendall(GET % b"/metrics")


def connect_again(connections: list[socket.socket]) -> None:
    for connection in connections[:100]:
        connection.close()


@contextmanager
def flood(server: Server, act: Callable[[list[socket.socket]], None]) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack, ThreadPoolExecutor(VISITORS) as visitors:
        opened = [stack.enter_context(each) for each in visitors.map(lambda _: server.connect(), range(CONNECTIONS))]
        act(opened)
        yield opened


@pytest.mark.parametrize(
    "act",
    [say_nothing, send_a_half, drip, stay_after_an_answer, never_read, connect_again],
    ids=lambda act: act.__name__,
)
def test_probes_are_answered_during_a_flood(server: Server, act: Callable[[list[socket.socket]], None]) -> None:
    check_probes(server, act)


@pytest.mark.parametrize("act", [say_nothing, stay_after_an_answer], ids=lambda act: act.__name__)
def test_probes_are_answered_during_a_flood_of_the_pages(
    server_with_pages: Server, act: Callable[[list[socket.socket]], None]
) -> None:
    check_probes(server_with_pages, act)


def check_probes(server: Server, act: Callable[[list[socket.socket]], None]) -> None:
    with flood(server, act) as opened:
        waits = []
        for _ in range(PROBES):
            began = time.monotonic()
            assert server.probe() == 200
            waits.append(time.monotonic() - began)
            act(opened)
    print(f"{act.__name__}: slowest probe {max(waits):.2f} s, {server.most_sockets} sockets")  # noqa: T201 - for -s
    assert server.most_sockets <= MOST_SOCKETS
