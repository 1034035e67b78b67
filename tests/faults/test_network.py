"""Rows 1 to 13 and 21: the way to the server."""

import gzip
import json
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from inventory.digitalocean.client import Client
from inventory.digitalocean.questions import list_backups
from inventory.errors import (
    ApiError,
    ProtocolError,
    RequestTimeoutError,
    TransientError,
)
from inventory.process.clock import utc_now
from tests.faults.byte_server import Again, ByteServer, Close, Pause, Reset, Script, answer, until
from tests.faults.conftest import Ask, Connect
from tests.faults.documents import backup, listing
from tests.faults.proxy import Proxy, Treatment, bit_flipped_at, cut_after, sliced, slowly, swallowed

GOOD = answer(listing([backup(1), backup(2)]))
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


def read(client: Client) -> tuple[int, ...]:
    return tuple(each.id for each in list_backups(client, 7, clock=utc_now).backups)


def test_row_01_refused_connection_is_tried_five_times(connect: Connect, error_of: Ask) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    client = connect(f"http://127.0.0.1:{port}")
    error = error_of(lambda: read(client))
    assert str(error) == "cannot reach 127.0.0.1 (connection refused), 5 tries"
    assert type(error) is TransientError
    assert client.requests == 5


def test_row_01_retries_wait_with_full_jitter(
    connect: Connect, server: ByteServer, error_of: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.script(answer(status=503))
    waits: list[float] = []
    monkeypatch.setattr(Client, "_sleep", lambda _client, seconds: waits.append(seconds))
    for _ in range(8):
        client = connect(retry_wait_seconds=1.0)
        error_of(lambda client=client: client.get("/"))  # type: ignore[misc]  # a loop's variable
    for number, most in enumerate((1, 2, 4, 8)):
        of_this_try = waits[number::4]
        assert len(of_this_try) == 8
        assert all(0 <= seconds <= most for seconds in of_this_try)
        assert max(of_this_try) - min(of_this_try) > most / 10


def test_row_02_name_that_does_not_resolve(connect: Connect, error_of: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object, **_named: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    client = connect("https://api.digitalocean.com")
    error = error_of(lambda: read(client))
    assert str(error) == "cannot resolve api.digitalocean.com (is this machine online?), 5 tries"


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Return a port whose queue is full: connecting to it goes unanswered."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.settimeout(0)
            each.connect_ex(address)
        time.sleep(0.05)
        yield address[1]
        for each in waiting:
            each.close()


def test_row_03_connect_that_goes_unanswered(connect: Connect, error_of: Ask, silent_port: int) -> None:
    client = connect(f"http://127.0.0.1:{silent_port}", timeout_seconds=0.1)
    error = error_of(lambda: read(client))
    assert isinstance(error, RequestTimeoutError)
    assert str(error) == "no complete answer within 0.1 s, 5 tries"


def test_row_03_connect_shares_its_time_among_the_addresses(
    connect: Connect, server: ByteServer, silent_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.script(GOOD)

    def addresses(*_args: object, **_named: object) -> list[tuple[object, ...]]:
        ports = (silent_port, server.port)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in ports]

    monkeypatch.setattr(socket, "getaddrinfo", addresses)
    assert read(connect("http://localhost", timeout_seconds=0.4)) == (1, 2)


TOO_SLOW = {
    "row 04: slow body": [HEAD + b"\r\n", Again(b" ", 0.03)],
    "row 05: slow headers": [HEAD, Again(b"x: y\r\n", 0.03)],
    "row 06: silence after the request": [Pause(600)],
    "row 20: endless 1xx": [Again(b"HTTP/1.1 102 Processing\r\n\r\n", 0.001)],
}


@pytest.mark.parametrize("script", TOO_SLOW.values(), ids=TOO_SLOW)
def test_one_deadline_rules_the_whole_request(
    connect: Connect, server: ByteServer, error_of: Ask, script: Script
) -> None:
    server.script(script)
    client = connect(timeout_seconds=0.15)
    error = error_of(lambda: read(client))
    assert isinstance(error, RequestTimeoutError)
    assert str(error) == "no complete answer within 0.15 s, 5 tries"
    assert client.requests == 5


BROKEN = {
    "row 07: reset in the body": ([HEAD + b"content-length: 500\r\n\r\n{", Reset()], "the connection broke: got "),
    "row 07: reset before the answer": ([Reset()], "the connection broke: no answer came"),
    "row 08: closed before the answer": ([Close()], "the connection broke: no answer came"),
    "row 09: cut, by its length": (
        [HEAD + b'content-length: 500\r\n\r\n{"backups": ', Close()],
        "the connection broke: got 12 of 500 bytes",
    ),
    "row 09: cut, in chunks": (
        [HEAD + b'transfer-encoding: chunked\r\n\r\nc\r\n{"backups": \r\n', Close()],
        "the connection broke: got 12 bytes",
    ),
    "row 09: chunks that are none": (
        [HEAD + b"transfer-encoding: chunked\r\n\r\nnonsense\r\n", Close()],
        "the connection broke: got 0 bytes",
    ),
    "row 21: another protocol": ([b"SSH-2.0-OpenSSH_9.6\r\n"], "malformed answer: that is not an HTTP server"),
    "row 21: HTTP/0.9": ([b"<html>\r\nhello</html>\r\n", Close()], "malformed answer: that is not an HTTP server"),
    "row 20: nonsense for headers": ([b"HTTP/1.1 200 OK\r\n: x\r\n\r\n"], "malformed answer"),
}


@pytest.mark.parametrize(("script", "message"), BROKEN.values(), ids=BROKEN)
def test_broken_answer_is_tried_again_then_named(
    client: Client, server: ByteServer, error_of: Ask, script: Script, message: str
) -> None:
    server.script(script)
    error = error_of(lambda: read(client))
    assert type(error) is TransientError
    assert str(error).startswith(message)
    assert str(error).endswith(", 5 tries")
    assert len(server.heads) == 5


@pytest.mark.parametrize(("script", "message"), BROKEN.values(), ids=BROKEN)
def test_broken_answer_once_goes_unnoticed(client: Client, server: ByteServer, script: Script, message: str) -> None:
    server.script(script, GOOD)
    assert read(client) == (1, 2), message
    assert client.requests == 2


def test_row_08_idle_connection_that_the_server_closed(client: Client, server: ByteServer) -> None:
    server.script([GOOD, Close()])
    assert read(client) == (1, 2)
    assert until(lambda: server.closed)
    assert read(client) == (1, 2)
    assert client.requests == 2, "it was seen before anything was sent"
    assert server.connections == 2


def test_connection_is_used_again(client: Client, server: ByteServer) -> None:
    server.script(GOOD)
    for _ in range(5):
        read(client)
    assert server.connections == 1


def test_row_10_cut_body_without_a_length(client: Client, server: ByteServer, error_of: Ask) -> None:
    server.script([HEAD + b"\r\n" + json.dumps(listing([backup(1)])).encode()[:-9], Close()])
    error = error_of(lambda: read(client))
    assert isinstance(error, ProtocolError)
    assert str(error) == "the answer is cut off"


def outcome(client: Client) -> tuple[int, ...] | str:
    try:
        return read(client)
    except ApiError as error:
        return str(error)


def through(
    server: ByteServer, connect: Connect, treatment: Treatment, *, seconds: float = 0.0, timeout: float = 10.0
) -> tuple[Proxy, Client]:
    proxy = Proxy(server.port, treatment, seconds_between_pieces=seconds)
    return proxy, connect(proxy.url, timeout_seconds=timeout)


def test_row_11_single_bytes_and_latency(server: ByteServer, connect: Connect) -> None:
    server.script(GOOD)
    proxy, client = through(server, connect, sliced, seconds=0.0002)
    with proxy:
        assert read(client) == (1, 2)
    assert proxy.treated >= len(GOOD)


HARMED = {
    "row 03: black hole": (swallowed, 0.0, "no complete answer within 0.2 s, 5 tries"),
    "row 12: 2 kB/s": (slowly, 0.02, "no complete answer within 0.2 s, 5 tries"),
    "row 09: cut on the way": (cut_after(120), 0.0, "the connection broke: got "),
}


@pytest.mark.parametrize(("treatment", "seconds", "message"), HARMED.values(), ids=HARMED)
def test_what_the_network_does(
    server: ByteServer, connect: Connect, error_of: Ask, *, treatment: Treatment, seconds: float, message: str
) -> None:
    server.script(answer(listing([backup(1, name="x" * 1000)])))
    proxy, client = through(server, connect, treatment, seconds=seconds, timeout=0.2)
    with proxy:
        error = error_of(lambda: read(client))
    assert isinstance(error, TransientError)
    assert str(error).startswith(message)


def test_row_13_flipped_bits_of_a_packed_answer_never_change_it(server: ByteServer, connect: Connect) -> None:
    """Unpacked, a flipped bit of a figure would pass: that is what https is for."""
    body = gzip.compress(json.dumps(listing([backup(1), backup(2)])).encode(), mtime=0)
    head = HEAD + b"content-encoding: gzip\r\n" + f"content-length: {len(body)}\r\n\r\n".encode()
    server.script(head + body)
    # Ten bytes of gzip's own header are not covered by its checksum, and need not be: no value is there.
    for place in range(len(head) + 10, len(head) + len(body), 7):
        proxy, client = through(server, connect, bit_flipped_at(place, place % 8))
        with proxy:
            assert outcome(client) in ((1, 2), "the compressed answer is damaged, 5 tries"), place
        client.close()


def test_four_threads_share_a_client(client: Client, server: ByteServer) -> None:
    server.script(GOOD)
    seen: list[tuple[int, ...]] = []
    threads = [threading.Thread(target=lambda: seen.extend(read(client) for _ in range(25))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [(1, 2)] * 100
    assert client.requests == client.answers == 100
    assert server.connections <= 4


@pytest.mark.parametrize("is_late", [False, True])
def test_bytes_behind_an_answer_are_never_the_next_answer(connect: Connect, server: ByteServer, is_late: bool) -> None:  # noqa: FBT001 - a table
    """Taken for the next Droplet's listing, an empty one would end its backups (RFC 9112, 6.3)."""
    empty = answer(listing([]))
    server.script([GOOD, Pause(0.1), empty] if is_late else GOOD + empty, path="/first")
    server.script(answer(listing([backup(3)])), path="/second")
    client = connect()
    first = client.get("/first")
    if is_late:
        time.sleep(0.3)
    assert (len(json.loads(first)["backups"]), len(json.loads(client.get("/second"))["backups"])) == (2, 1)
    assert server.connections == 2


def test_what_a_server_sends_unasked_is_never_believed(connect: Connect, server: ByteServer) -> None:
    server.script(*(answer({"number": number}) + answer({"number": "stale"}) for number in range(20)))
    client = connect()
    assert all("stale" not in client.get("/").decode() for _ in range(6))
