"""The API over a real loopback socket: what only a connection can show."""

import json
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
import pytest

from inventory.simulator.api import SimulatedApi
from inventory.simulator.faults import Fault
from inventory.simulator.fleet import Fleet
from inventory.simulator.server import serve
from tests.simulator.conftest import MONDAY, ask

FIRST = "/v2/droplets/500000001/backups"


@pytest.fixture
def url(api: SimulatedApi) -> Iterator[str]:
    with serve(api) as url:
        yield url


@pytest.fixture
def client(api: SimulatedApi, url: str) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {api.token}"}
    with httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=60) as client:
        yield client


def send(url: str, request: bytes) -> bytes:
    """Send bytes as they are; return all that comes back until the connection ends or rests."""
    address = httpx.URL(url)
    with socket.create_connection((address.host, address.port or 0)) as connection:
        connection.sendall(request)
        connection.settimeout(1)
        received = b""
        try:
            while data := connection.recv(65536):
                received += data
        except TimeoutError:
            pass
    return received


def test_links_begin_with_the_url_that_was_asked(client: httpx.Client, url: str) -> None:
    links = client.get("/v2/droplets?per_page=1").json()["links"]["pages"]
    assert links == {"next": f"{url}/v2/droplets?page=2&per_page=1", "last": f"{url}/v2/droplets?page=3&per_page=1"}
    assert client.get(links["next"]).json()["links"]["pages"]["prev"] == f"{url}/v2/droplets?page=1&per_page=1"


def test_date_is_the_fleets_and_no_other(client: httpx.Client, fleet: Fleet) -> None:
    answer = client.get("/v2/account")
    assert [parsedate_to_datetime(each) for each in answer.headers.get_list("date")] == [fleet.now]
    assert "server" not in answer.headers


def test_connection_is_kept(client: httpx.Client) -> None:
    connections = {client.get("/v2/account").extensions["network_stream"].get_extra_info("client_addr") for _ in "1234"}
    assert len(connections) == 1


def accepted(port: int) -> Iterator[socket.socket]:
    """Give this process's ends of the connections that a listener of its own accepted."""
    for file in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # it was closed meanwhile, or is of no connection
            if str(file.readlink()).startswith("socket:"):
                with socket.socket(fileno=os.dup(int(file.name))) as found:
                    if found.family == socket.AF_INET and found.getsockname()[1] == port and found.getpeername():
                        yield found


def test_no_part_of_an_answer_waits_for_the_one_before_to_be_acknowledged(client: httpx.Client) -> None:
    """Without the option each costs 40 ms on a kept connection."""
    client.get("/v2/account")
    port = client.base_url.port
    assert port
    assert [each.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for each in accepted(port)] == [1]


def test_answer_can_be_slow_and_keeps_no_other_waiting(api: SimulatedApi, client: httpx.Client) -> None:
    api.faults[FIRST] = slow = Fault(delay_seconds=1)
    began = time.monotonic()
    with ThreadPoolExecutor(1) as thread:
        asked = thread.submit(client.get, FIRST)
        while not slow.requests:
            time.sleep(0.001)
        client.get("/v2/account")
        assert not asked.done()
    assert asked.result().is_success
    assert time.monotonic() - began >= 1


def test_slow_answer_outlasts_a_time_out(api: SimulatedApi, client: httpx.Client) -> None:
    api.faults[FIRST] = Fault(delay_seconds=0.6)
    with pytest.raises(httpx.ReadTimeout):
        client.get(FIRST, timeout=0.1)


def test_connection_can_be_reset(api: SimulatedApi, client: httpx.Client, url: str) -> None:
    fault = api.faults[FIRST] = Fault(is_reset=True)
    with pytest.raises(httpx.ReadError):
        client.get(FIRST)
    with pytest.raises(ConnectionResetError):
        send(url, f"GET {FIRST} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {api.token}\r\n\r\n".encode())
    assert fault.struck == 2
    assert client.get("/v2/account").status_code == 200


@pytest.mark.parametrize("method", ["POST", "DELETE", "PATCH", "OPTIONS", "BREW"])
def test_other_methods_are_refused_as_json(client: httpx.Client, method: str) -> None:
    answer = client.request(method, "/v2/droplets", content=b'{"name": "new"}')
    assert (answer.status_code, answer.json()["id"]) == (405, "method_not_allowed")
    assert client.get("/v2/account").status_code == 200


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /v2/account HTTP/1.1\r\nno colon\r\nhost: x\r\n\r\n",
        b"GET /v2/account HTTP/1.1\r\n\r\n",
    ],
)
def test_what_is_not_http_is_a_bad_request(
    url: str, request_bytes: bytes, capsys: pytest.CaptureFixture[str], client: httpx.Client
) -> None:
    answer = send(url, request_bytes)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"<html" not in answer.lower()
    assert client.get("/v2/account").status_code == 200
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    "target", [b"/%ff%fe", b"/v2/droplets?page=%ff&=&%00", b"/v2/droplets?tag_name=\xc3\xbc", b"*"]
)
def test_odd_requests_get_json(api: SimulatedApi, url: str, target: bytes, caplog: pytest.LogCaptureFixture) -> None:
    head = b"\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer " + api.token.encode()
    answer = send(url, b"GET " + target + b" HTTP/1.1" + head + b"\r\n\r\n")
    assert answer.split(b" ")[1] in (b"200", b"404", b"400")
    body = answer.partition(b"\r\n\r\n")[2]
    assert answer.split(b" ")[1] == b"400" or json.loads(body)
    assert caplog.text == ""


def test_upgrade_to_a_websocket_is_ignored(client: httpx.Client) -> None:
    headers = {"connection": "upgrade", "upgrade": "websocket", "sec-websocket-key": "x", "sec-websocket-version": "13"}
    assert client.get("/v2/account", headers=headers).status_code == 200


def test_fleet_lives_by_the_clock_it_follows() -> None:
    now = MONDAY
    fleet = Fleet(now)
    droplet = fleet.add_droplet(name="web-01", hour=16)
    api = SimulatedApi(fleet, follow=lambda: now)
    with serve(api) as url, httpx.Client(base_url=url, trust_env=False) as client:
        client.headers["authorization"] = f"Bearer {api.token}"
        # Where the clock steps back, the fleet stays where it is.
        for days, reached in ((1, 1), (3, 3), (2, 3)):
            now = MONDAY + timedelta(days=days)
            answer = client.get(f"/v2/droplets/{droplet}/backups")
            assert answer.json()["meta"]["total"] == reached
            assert parsedate_to_datetime(answer.headers["date"]) == MONDAY + timedelta(days=reached)


@pytest.fixture
def _impatient() -> Iterator[None]:
    """Let threads take turns as often as they can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("_impatient")
def test_fleet_may_be_advanced_while_others_ask(api: SimulatedApi) -> None:
    """Each answer is of one instant: ids, window and total fit together."""
    ended = threading.Event()

    def live() -> None:
        for _ in range(3000):
            api.advance(to=api.fleet.now + timedelta(hours=12))
        ended.set()

    def look() -> int:
        looks = 0
        while not ended.is_set():
            listing = ask(api, FIRST).document
            assert listing["meta"]["total"] == len(listing["backups"])
            droplet = ask(api, "/v2/droplets?per_page=1")
            window = datetime.fromisoformat(droplet.document["droplets"][0]["next_backup_window"]["end"])
            assert window >= parsedate_to_datetime(droplet.headers["date"])
            looks += 1
        return looks

    with ThreadPoolExecutor(3) as threads:
        lookers = [threads.submit(look) for _ in range(2)]
        threads.submit(live).result()
        assert all(looker.result() for looker in lookers)


def test_port_can_be_chosen_and_is_free_again_afterwards(api: SimulatedApi) -> None:
    with serve(api) as url:
        port = httpx.URL(url).port or 0
        with pytest.raises(OSError, match="in use"), serve(api, port=port):
            pass
    with serve(api, port=port) as again:
        assert again == url
        assert httpx.get(again, trust_env=False).status_code == 401


def test_serving_ends_in_spite_of_open_connections(api: SimulatedApi) -> None:
    with serve(api) as url:
        address = (httpx.URL(url).host, httpx.URL(url).port or 0)
        idle, half = socket.create_connection(address), socket.create_connection(address)
        half.sendall(b"GET /v2/acc")
        assert httpx.get(url, trust_env=False).status_code == 401
    assert "simulator" not in {thread.name for thread in threading.enumerate()}
    for connection in (idle, half):
        assert connection.recv(100) == b""
        connection.close()
