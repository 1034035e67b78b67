"""What is answered over HTTP, to whom, and how soon."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection

import httpx
import pytest

from inventory.errors import ConfigurationError
from inventory.serving.listening import host_and_port, local_url, names
from inventory.serving.web import Health, application, serve

METRICS = b"# TYPE x gauge\nx 1\n"
WELL = Health(is_live=True, problems=())


class Pages:
    def __init__(self) -> None:
        self.health = WELL


@pytest.fixture
def pages() -> Pages:
    return Pages()


@pytest.fixture
def url(pages: Pages) -> Iterator[str]:
    application_ = application(
        lambda: pages.health, lambda: METRICS, hosts=(*names("127.0.0.1:0"), "inventory.example")
    )
    with serve("127.0.0.1:0", application_) as url:
        yield url


def get(url: str, path: str, **headers: str) -> httpx.Response:
    return httpx.get(url + path, headers=headers, timeout=5, trust_env=False)


def test_what_is_well_says_so(url: str) -> None:
    assert [(get(url, path).status_code, get(url, path).text) for path in ("/livez", "/readyz")] == [(200, "ok\n")] * 2
    metrics = get(url, "/metrics")
    assert (metrics.status_code, metrics.content) == (200, METRICS)
    assert metrics.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert metrics.headers["cache-control"] == "no-store"


def test_what_is_wrong_is_said_in_sentences(url: str, pages: Pages) -> None:
    pages.health = Health(is_live=True, problems=("the database is away", "overdue"))
    assert get(url, "/livez").status_code == 200
    assert (get(url, "/readyz").status_code, get(url, "/readyz").text) == (503, "the database is away\noverdue\n")
    pages.health = Health(is_live=False, problems=())
    assert get(url, "/livez").status_code == 503
    assert get(url, "/readyz").status_code == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:8080", 200),
        ("127.0.0.1:1", 200),
        ("[::1]:8080", 200),
        ("inventory.example:8080", 200),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("", 421),
        ("[", 421),
    ],
)
@pytest.mark.parametrize("path", ["/livez", "/metrics", "/nowhere"])
def test_only_those_are_answered_who_ask_by_a_known_name(url: str, host: str, status: int, path: str) -> None:
    answered = get(url, path, Host=host).status_code
    assert answered == (404 if (path, status) == ("/nowhere", 200) else status)


def test_nothing_can_be_written(url: str) -> None:
    assert httpx.post(f"{url}/livez", trust_env=False).status_code == 405


def test_many_that_ask_slowly_stop_it_from_answering_only_while_they_do(url: str) -> None:
    port = host_and_port(url.removeprefix("http://"))[1]
    slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(100)]
    for connection in slow:
        connection.sendall(b"GET /livez HTTP/1.1\r\n")
    for connection in slow:
        connection.close()
    assert get(url, "/livez").status_code == 200


def test_a_line_without_end_is_refused(url: str) -> None:
    port = host_and_port(url.removeprefix("http://"))[1]
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    with closing(connection):
        connection.request("GET", "/" + "x" * 1_000_000)
        assert connection.getresponse().status in (400, 414, 431)


def test_a_port_that_is_taken_is_told_in_a_sentence() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        pages = application(lambda: WELL, lambda: METRICS, hosts=())
        with pytest.raises(ConfigurationError, match="cannot be had") as caught, serve(address, pages):
            pass
    assert address in str(caught.value)
    assert not [thread for thread in threading.enumerate() if thread.name == "http"]


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("0.0.0.0:80", "http://127.0.0.1:80"),
        ("[::]:80", "http://[::1]:80"),
        ("[::1]:80", "http://[::1]:80"),
        ("localhost:1", "http://localhost:1"),
        ("192.0.2.7:81", "http://192.0.2.7:81"),
    ],
)
def test_this_machine_reaches_a_listener_at_its_address(address: str, url: str) -> None:
    assert local_url(address) == url
    assert host_and_port(address)[0] in names(address)
