"""What is answered over HTTP, to whom, and how soon."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from http.client import HTTPConnection

import httpx
import pytest
from starlette.responses import Response
from starlette.routing import Route

from inventory.errors import ConfigurationError
from inventory.serving.bounded import MOST_CONNECTIONS
from inventory.serving.listening import host_and_port, local_url, names
from inventory.serving.web import Health, application, guarded, serve

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
    with serve("127.0.0.1:0", application_) as serving:
        assert serving.url
        yield serving.url


def get(url: str, path: str, **headers: str) -> httpx.Response:
    return httpx.get(url + path, headers=headers, timeout=5, trust_env=False)


def test_what_is_well_says_so(url: str) -> None:
    assert [(get(url, path).status_code, get(url, path).text) for path in ("/livez", "/readyz")] == [(200, "ok\n")] * 2
    metrics = get(url, "/metrics")
    assert (metrics.status_code, metrics.content) == (200, METRICS)
    assert metrics.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert metrics.headers["cache-control"] == "no-store"


def test_an_answer_does_not_wait_for_the_reader_to_acknowledge_its_head(url: str) -> None:
    """Linux acknowledges 40 ms late where nothing is sent back; of thirty answers many would be as late."""
    took = []
    with httpx.Client(base_url=url, trust_env=False) as client:
        for _ in range(30):
            began = time.perf_counter()
            client.get("/metrics")
            took.append(time.perf_counter() - began)
    assert sorted(took)[len(took) // 4] < 0.03, took


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
@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics", "/nowhere"])
def test_probes_are_answered_under_any_name_and_all_else_under_known_ones(
    url: str, host: str, status: int, path: str
) -> None:
    expected = {"/livez": 200, "/readyz": 200, "/metrics": status, "/nowhere": 404 if status == 200 else status}
    assert get(url, path, Host=host).status_code == expected[path]


def test_a_probe_without_a_host_is_answered(url: str) -> None:
    for path, status in (("/livez", 200), ("/readyz", 200), ("/metrics", 421)):
        with connected(url) as probe:
            probe.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            assert probe.recv(1_000).startswith(f"HTTP/1.1 {status} ".encode())


def test_nothing_can_be_written(url: str) -> None:
    assert httpx.post(f"{url}/livez", trust_env=False).status_code == 405


def connected(url: str) -> socket.socket:
    return socket.create_connection(host_and_port(url.removeprefix("http://")), timeout=60)


def silent(connection: socket.socket) -> None:
    """Send nothing."""


def half_sent(connection: socket.socket) -> None:
    connection.sendall(b"GET /livez HTTP/1.1\r\n")


def idle_kept_alive(connection: socket.socket) -> None:
    connection.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")


def never_read(connection: socket.socket) -> None:
    connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 100)


@pytest.mark.parametrize("begin", [silent, half_sent, idle_kept_alive, never_read])
def test_probes_are_answered_while_many_connections_stay_open(url: str, begin: Callable[[socket.socket], None]) -> None:
    with ExitStack() as stack:
        opened = [stack.enter_context(connected(url)) for _ in range(3 * MOST_CONNECTIONS)]
        for connection in opened:
            # The oldest ones were closed to make room.
            with suppress(ConnectionError):
                begin(connection)
        assert [get(url, path).status_code for path in ("/livez", "/readyz", "/metrics")] == [200] * 3
        assert len([each for each in opened if not is_closed(each)]) <= MOST_CONNECTIONS


def is_closed(connection: socket.socket) -> bool:
    """Tell whether the other side closed it; answers that were sent before are read and dropped."""
    connection.settimeout(0)
    try:
        while connection.recv(65_536):
            pass
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
    return True


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inventory.serving.bounded.REQUEST_SECONDS", 0.3)


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("begin", [silent, half_sent, idle_kept_alive])
def test_a_connection_without_a_whole_request_is_closed(url: str, begin: Callable[[socket.socket], None]) -> None:
    with connected(url) as connection:
        begin(connection)
        with suppress(ConnectionError):
            while connection.recv(65_536):
                pass


@pytest.mark.usefixtures("hurried")
def test_a_byte_now_and_then_earns_no_time(url: str) -> None:
    with connected(url) as connection:
        began = time.monotonic()
        with suppress(ConnectionError):
            while time.monotonic() - began < 60:
                connection.sendall(b"x")
                time.sleep(0.1)
        assert time.monotonic() - began < 60


def test_an_address_that_is_taken_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inventory.serving.web.RETRY_SECONDS", 0.05)
    with ExitStack() as stack:
        taken = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        serving = stack.enter_context(serve(address, application(lambda: WELL, lambda: METRICS, hosts=())))
        assert serving.url is None
        taken.close()
        wait_for(lambda: serving.url is not None)
        assert get(str(serving.url), "/livez").status_code == 200


def test_a_line_without_end_is_refused(url: str) -> None:
    port = host_and_port(url.removeprefix("http://"))[1]
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    with closing(connection):
        connection.request("GET", "/" + "x" * 1_000_000)
        assert connection.getresponse().status in (400, 414, 431)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may listen anywhere")
def test_an_address_that_may_never_be_listened_at_is_an_error() -> None:
    pages = application(lambda: WELL, lambda: METRICS, hosts=())
    with pytest.raises(ConfigurationError, match=r"cannot listen at 127\.0\.0\.1:1"), serve("127.0.0.1:1", pages):
        pass
    assert not [thread for thread in threading.enumerate() if thread.name == "http"]


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


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


def test_a_bug_in_one_page_costs_that_page_alone_and_has_the_headers_too() -> None:
    def broken(_request: object) -> Response:
        raise RuntimeError

    routes = [Route("/broken", broken), Route("/whole", lambda _: Response())]
    app = guarded(routes, hosts=names("127.0.0.1:0"))
    with serve("127.0.0.1:0", app) as serving:
        answer = get(str(serving.url), "/broken")
        assert (answer.status_code, answer.text) == (500, "this is a bug; the log says more\n")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert get(str(serving.url), "/whole").status_code == 200
