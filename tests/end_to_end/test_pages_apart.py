"""Pages at the daemon's address, answered by another process, which comes when needed and goes with the daemon."""

import errno
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from inventory.daemon.service import Daemon
from inventory.serving import handing
from inventory.serving.accepting import AcceptingServer
from inventory.serving.listening import names
from inventory.serving.web import Health, application, serve
from inventory.settings.load import load
from inventory.store.engine import Database
from inventory.store.upgrade import upgrade
from tests.end_to_end.daemon_process import eventually

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds processes as Linux lists them")

ADDRESS = "127.0.0.1:0"


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "inventory.db"
    with closing(Database(f"sqlite:///{path}")) as opened:
        upgrade(opened)
    monkeypatch.setenv("INVENTORY_DATABASE_URL", str(path))
    monkeypatch.setenv("INVENTORY_TOKEN", "dop_v1_" + "0" * 64)
    return path


@pytest.fixture
def daemon(database: Path) -> Daemon:
    assert database.exists()
    return Daemon(None, load(), is_verbose=False, interrupted_by=lambda: None)


@pytest.fixture
def url(daemon: Daemon) -> Iterator[str]:
    with daemon.serving(ADDRESS) as serving:
        yield serving.url or ""
    assert not children()


def children() -> list[int]:
    """Find the processes for pages that this one began."""
    found = [int(each) for path in Path("/proc/self/task").glob("*/children") for each in path.read_text().split()]
    return [pid for pid in found if b"--connections" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def has_ended(pid: int) -> bool:
    """Tell whether a process holds nothing any more: no longer its sockets, either."""
    status = Path(f"/proc/{pid}/status")
    return not status.exists() or "State:\tZ" in status.read_text()


def has_stopped(pid: int) -> bool:
    """Tell whether none of a process's threads runs on; on a busy machine some do for a moment after the signal."""
    threads = list(Path(f"/proc/{pid}/task").glob("*/status"))
    return all("State:\tT" in status.read_text() for status in threads)


def get(client: httpx.Client, path: str, **headers: str) -> httpx.Response:
    """Ask until the page is there."""
    answers: list[httpx.Response] = []

    def is_there() -> bool:
        answers.append(client.get(path, headers=headers))
        return "refresh" not in answers[-1].headers

    eventually(is_there)
    return answers[-1]


def test_a_process_of_lower_priority_answers_for_pages_and_this_one_for_itself(url: str) -> None:
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        assert client.get("/livez").text == "ok\n"
        assert children() == [], "it is begun by the first who asks for a page"
        page = get(client, "/calendar")
        assert (page.status_code, "<h1>Calendar</h1>" in page.text) == (200, True)
        (child,) = children()
        assert os.getpriority(os.PRIO_PROCESS, child) == min(os.getpriority(os.PRIO_PROCESS, 0) + 10, 19)
        assert get(client, "/nowhere").status_code == 404
        assert get(client, "/", Host="x.example").status_code == 421
        assert client.get("/metrics").headers["content-type"].startswith("text/plain; version=")
        assert client.get("/livez").text == "ok\n"
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as in_pieces:
        for piece in (b"GET /rep", b"orts HTTP/1.1\r", b"\nHost: 127.0.0.1\r\n", b"\r\n"):
            in_pieces.sendall(piece)
        assert in_pieces.recv(1000).startswith((b"HTTP/1.1 200 OK", b"HTTP/1.1 503"))


def test_the_process_accepts_connections_and_this_one_where_it_says_nothing(url: str, daemon: Daemon) -> None:
    pages = daemon._pages
    assert pages
    with httpx.Client(base_url=url, trust_env=False, timeout=60, headers={"Connection": "close"}) as client:
        get(client, "/reports")
        (child,) = children()
        eventually(lambda: pages.is_accepting)
        assert client.get("/livez").text == "ok\n", "handed back"
        os.kill(child, signal.SIGSTOP)
        try:
            eventually(lambda: has_stopped(child))
            began = time.monotonic()
            assert client.get("/livez").text == "ok\n"
            assert time.monotonic() - began < 5
        finally:
            os.kill(child, signal.SIGCONT)
        eventually(lambda: pages.is_accepting)
        assert get(client, "/reports").status_code == 200


def test_who_cannot_accept_again_at_once_tries_on(url: str, daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    pages, accept = daemon._pages, AcceptingServer.accept
    failed: list[socket.socket] = []
    assert pages

    async def fail_at_first(server: AcceptingServer, listener: socket.socket) -> None:
        if len(failed) < 3:
            failed.append(listener)
            raise OSError(errno.EMFILE, "too many open files")
        await accept(server, listener)

    with httpx.Client(base_url=url, trust_env=False, timeout=60, headers={"Connection": "close"}) as client:
        get(client, "/reports")
        eventually(lambda: pages.is_accepting)
        monkeypatch.setattr(AcceptingServer, "accept", fail_at_first)
        (child,) = children()
        os.kill(child, signal.SIGKILL)
        eventually(lambda: has_ended(child))
        assert client.get("/livez").text == "ok\n"
    assert len(failed) == 3


@pytest.mark.slow
def test_a_process_that_died_costs_an_answer_and_begins_again(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        get(client, "/reports")
        (child,) = children()
        os.kill(child, signal.SIGKILL)
        eventually(lambda: has_ended(child))
    # Its connections ended with it.
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        assert client.get("/reports").status_code in (503, 200), "refused until five seconds after the last beginning"
        monkeypatch.setattr(handing, "_AGAIN_SECONDS", 0.0)
        assert get(client, "/reports").status_code == 200
        assert children() != [child]


@pytest.mark.slow
def test_a_database_that_is_missing_costs_the_page_alone(url: str, database: Path) -> None:
    database.unlink()
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        page, live = get(client, "/"), client.get("/livez")
    assert (page.status_code, page.headers["retry-after"], live.status_code) == (503, "5", 200)
    assert "inventory db upgrade" in page.text


def test_what_cannot_be_handed_over_is_refused_in_a_sentence() -> None:
    pages = handing.PagesProcess(())
    pages.stop()
    health = Health(is_live=True, problems=())
    with serve(ADDRESS, application(lambda: health, bytes, hosts=names(ADDRESS)), pages) as serving:
        refused, live = (httpx.get(f"{serving.url}{path}", trust_env=False) for path in ("/calendar", "/livez"))
    assert (refused.status_code, refused.headers["retry-after"], live.status_code) == (503, "1", 200)
    assert "try again in a moment" in refused.text
    assert refused.headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in refused.headers["content-security-policy"]
