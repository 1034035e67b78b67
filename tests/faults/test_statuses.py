"""Rows 22, 31 to 34, 36 and 37: what a status means; and how every wait ends."""

import random
import signal
import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest

from inventory.digitalocean.client import Client
from inventory.digitalocean.pace import Pace
from inventory.errors import (
    ApiError,
    AuthenticationError,
    HostileAnswerError,
    NotFoundError,
    PermissionDeniedError,
    ProtocolError,
    StoppedError,
    TransientError,
)
from inventory.process.clock import utc_now
from tests.faults.byte_server import ByteServer, Pause, answer, until
from tests.faults.conftest import TOKEN, Ask, Connect

GOOD = answer({})
ID = {"x-request-id": "8f2c41"}


@pytest.mark.slow
def test_row_37_one_failure_in_ten_costs_tries_and_nothing_else(client: Client, server: ByteServer) -> None:
    """Seed 42, and no more than four failures in a row: that many tries a question has left."""
    seed = random.Random(42)
    good, bad = answer({"number": 1}), answer(status=503)
    scripts = [bad if seed.random() < 0.1 else good for _ in range(1_200)]
    server.script(*scripts)
    assert all(client.get("/") for _ in range(1_000))
    assert client.answers == 1_000
    assert client.requests == len(server.heads) > 1_100


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("where", ["/elsewhere", "http://[broken", "javascript:alert(1)"])
def test_row_22_redirects_are_not_followed(
    client: Client, server: ByteServer, error_of: Ask, status: int, where: str
) -> None:
    with ByteServer() as other:
        other.script(GOOD)
        server.script(answer(status=status, headers={"location": other.url if where == "/elsewhere" else where}))
        error = error_of(lambda: client.get("/"))
    assert isinstance(error, HostileAnswerError)
    assert str(error) == f"refused a redirect ({status}); the token is only ever sent to 127.0.0.1"
    assert other.connections == 0
    assert len(server.heads) == 1


def test_an_answer_that_nothing_changed_is_no_redirect(client: Client, server: ByteServer, error_of: Ask) -> None:
    server.script(answer(status=304))
    error = error_of(lambda: client.get("/"))
    assert (type(error), str(error)) == (ProtocolError, "DigitalOcean answered 304, which is not expected")


FINAL: dict[str, tuple[int, type[ApiError], str]] = {
    "row 31": (401, AuthenticationError, "the token was rejected (401): revoked, expired or mistyped"),
    "row 32": (403, PermissionDeniedError, "the token lacks a scope (403): this needs droplet:read and image:read"),
    "row 33": (404, NotFoundError, "does not exist for this token (404)"),
    "an answer nobody documents": (422, ProtocolError, "DigitalOcean answered 422, which is not expected"),
    "a teapot": (418, ProtocolError, "DigitalOcean answered 418, which is not expected"),
}


@pytest.mark.parametrize(("status", "kind", "message"), FINAL.values(), ids=FINAL)
def test_status_that_is_final(
    client: Client, server: ByteServer, error_of: Ask, *, status: int, kind: type[ApiError], message: str
) -> None:
    server.script(answer(b"<html>", status=status, headers=ID))
    error = error_of(lambda: client.get("/"))
    assert type(error) is kind
    assert (str(error), error.status, error.request_id) == (message, status, "8f2c41")
    assert client.requests == 1
    assert client.answers == 0


def test_row_31_nothing_more_is_asked_with_a_rejected_token(client: Client, server: ByteServer, error_of: Ask) -> None:
    server.script(answer(status=401))
    errors = [error_of(lambda: client.get("/")) for _ in range(10)]
    assert {type(error) for error in errors} == {AuthenticationError}
    assert len(server.heads) == 1


@pytest.mark.parametrize("status", [408, 425, 500, 502, 503, 504, 520])
def test_row_36_transient_status(client: Client, server: ByteServer, error_of: Ask, status: int) -> None:
    server.script(answer(b"<html>oops", status=status, content_type="text/html", headers=ID))
    error = error_of(lambda: client.get("/"))
    assert type(error) is TransientError
    assert str(error) == f"DigitalOcean answered {status} (request id 8f2c41), 5 tries"
    assert (error.status, error.request_id) == (status, "8f2c41")
    server.script(answer(status=status), answer(status=status), GOOD)
    assert client.get("/") == b"{}"


def test_row_36_asked_wait_is_kept(client: Client, server: ByteServer) -> None:
    server.script(answer(status=503, headers={"retry-after": "1"}), GOOD)
    began = time.monotonic()
    client.get("/")
    assert time.monotonic() - began >= 1.0
    assert client.waiting_until is None, "that is for the rate limit"


@pytest.mark.parametrize("written", ["a b", "x" * 81, "<script>", "\x1b[31m", "\xe9"])
def test_row_48_strange_request_id_is_dropped(client: Client, server: ByteServer, error_of: Ask, written: str) -> None:
    server.script(answer(status=404, headers={"x-request-id": written}))
    assert error_of(lambda: client.get("/")).request_id is None


def test_row_34_rate_limit_pauses_all_threads(client: Client, server: ByteServer) -> None:
    server.script(answer(status=429, headers={"retry-after": "1"}), GOOD)
    answered: list[float] = []

    def ask() -> None:
        client.get("/")
        answered.append(time.monotonic())

    threads = [threading.Thread(target=ask) for _ in range(4)]
    began, before = time.monotonic(), utc_now()
    threads[0].start()
    assert until(lambda: client.waiting_until is not None)
    shown, after = client.waiting_until, utc_now()
    for thread in threads[1:]:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.answers == 4
    assert min(answered) - began >= 1.0, "nobody asks while the account waits"
    assert shown is not None
    assert before.replace(microsecond=0) <= shown - timedelta(seconds=1) <= after
    assert client.waiting_until is None


class Restless(Pace):
    """Waits for nothing, so that a test need not."""

    def pause(self, seconds: float) -> None:
        del seconds


def test_row_34_rate_limit_uses_up_no_tries(connect: Connect, server: ByteServer) -> None:
    client = connect(pace=Restless(0.0, clock=utc_now))
    server.script(*[answer(status=429, headers={"retry-after": "0"})] * 12, GOOD)
    assert client.get("/") == b"{}"
    assert client.requests == 13


def test_what_answers_announce(connect: Connect, server: ByteServer) -> None:
    client = connect(clock=lambda: utc_now().replace(2026, 3, 1, 12, 0, 0, 0))
    assert (client.rate_limit_remaining, client.clock_skew) == (None, None)
    announced = {"date": "Sun, 01 Mar 2026 10:59:00 GMT", "ratelimit-limit": "5000", "ratelimit-remaining": "4795"}
    strange = {"date": "yesterday", "ratelimit-limit": "many", "ratelimit-remaining": "-1"}
    server.script(answer(status=404, headers=announced), answer({}, headers=strange), GOOD)
    with pytest.raises(NotFoundError):
        client.get("/")
    for _ in range(2):
        assert client.rate_limit_remaining == 4795
        assert client.clock_skew == timedelta(hours=1, minutes=1)
        client.get("/")


def test_cookies_are_not_sent_back(client: Client, server: ByteServer) -> None:
    server.script(answer({}, headers={"set-cookie": "session=1; Path=/"}))
    client.get("/")
    client.get("/")
    assert b"cookie" not in server.heads[1].lower()


def test_token_is_nowhere_to_be_seen(client: Client) -> None:
    assert TOKEN not in repr(client) + str(vars(client))


WAITS: dict[str, tuple[list[bytes | Pause], dict[str, float]]] = {
    "a silent server": ([Pause(600)], {}),
    "a slow body": ([b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n", Pause(600)], {}),
    "the rate limit": ([answer(status=429, headers={"retry-after": "600"})], {}),
    "the asked wait": ([answer(status=503, headers={"retry-after": "600"})], {}),
    "the next try": ([answer(status=500)], {"retry_wait_seconds": 1e6}),
    "our own rate": ([GOOD], {"requests_per_second": 0.001}),
}


@pytest.mark.parametrize(("script", "settings"), WAITS.values(), ids=WAITS)
def test_stop_ends_every_wait(
    connect: Connect, server: ByteServer, script: list[bytes | Pause], settings: dict[str, float]
) -> None:
    server.script(script)
    client = connect(**{"timeout_seconds": 600.0, **settings})
    stop_while(client, lambda: [client.get("/"), client.get("/")], server)
    with pytest.raises(StoppedError):
        client.get("/")
    assert len(server.heads) == 1


def test_stop_ends_a_handshake(connect: Connect, server: ByteServer) -> None:
    client = connect(server.url.replace("http:", "https:"), timeout_seconds=600.0)
    stop_while(client, lambda: client.get("/"), server)


@pytest.mark.parametrize("script", [[Pause(600)], [answer(status=429, headers={"retry-after": "600"})]])
def test_stop_may_be_called_by_a_signal_handler(
    connect: Connect, server: ByteServer, script: list[bytes | Pause]
) -> None:
    server.script(script)
    client = connect(timeout_seconds=600.0)
    before = signal.signal(signal.SIGALRM, lambda _number, _frame: client.stop())
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        with pytest.raises(StoppedError):
            client.get("/")
    finally:
        signal.signal(signal.SIGALRM, before)


def stop_while(client: Client, ask: Callable[[], object], server: ByteServer) -> None:
    """Stop a question that would wait for ten minutes, and see it end."""
    ended: list[bool] = []

    def question() -> None:
        try:
            ask()
        except StoppedError:
            ended.append(True)

    thread = threading.Thread(target=question)
    thread.start()
    assert until(lambda: server.connections)
    time.sleep(0.1)
    assert not ended
    client.stop()
    thread.join(timeout=60)
    assert ended == [True]
