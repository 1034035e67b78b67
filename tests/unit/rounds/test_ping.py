"""Pings against a real receiver that answers, hangs, refuses and redirects; none ever delays the one who sends it."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import trustme
from structlog.testing import capture_logs

from inventory import errors
from inventory.rounds.ping import Pings, path_of
from tests.ping_receiver import (
    SECRET_PATH,
    Handler,
    Receiver,
    drip,
    hang,
    not_found,
    receiving,
    redirect,
    refuse,
    unknown,
)

DEADLINE_SECONDS = 1.0


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def test_a_run_is_told_from_its_beginning_to_its_end(receiver: Receiver) -> None:
    pings = Pings(receiver.url, secrets=["hunter-2"])
    pings.started()
    pings.ended(0, "COMPLETE: 4 of 4 Droplets. hunter-2 ü")
    pings.close()
    assert receiver.pings == [("/start", ""), ("", "COMPLETE: 4 of 4 Droplets. [token] ü")]


def test_nobody_is_told_where_nobody_is_named() -> None:
    pings = Pings(None)
    pings.started()
    pings.ended(1, "text")
    pings.close()


@pytest.mark.parametrize(
    ("exit_code", "path"),
    [
        (errors.EXIT_COMPLETE, ""),
        (errors.EXIT_PARTIAL, ""),
        (errors.EXIT_BUSY, "/log"),
        (errors.SIGNAL_BASE + 15, "/log"),
        (errors.EXIT_FAILED, "/1"),
        (errors.EXIT_HELD, "/4"),
        (errors.EXIT_BUG, "/70"),
        (errors.EXIT_NEEDS_CHANGE, "/78"),
    ],
)
def test_what_the_next_run_mends_is_no_failure(exit_code: int, path: str) -> None:
    assert path_of(exit_code) == path


def test_a_long_text_is_cut(receiver: Receiver) -> None:
    pings = Pings(receiver.url)
    pings.ended(0, "x" * 1_000_000)
    pings.close()
    assert len(receiver.pings[0].text) == 10_000


@pytest.mark.parametrize(
    ("behaviour", "why"),
    [
        (hang, "no complete answer within 1 s"),
        (drip, "no complete answer within 1 s"),
        (refuse, "the receiver answered 503"),
        (redirect, "the receiver answered 302; redirects are not followed"),
    ],
)
def test_a_ping_that_fails_is_logged(receiver: Receiver, behaviour: Callable[[Handler], object], why: str) -> None:
    receiver.behave = behaviour
    complaints: list[str] = []
    pings = Pings(receiver.url, complain=complaints.append, deadline_seconds=DEADLINE_SECONDS)
    with capture_logs() as records:
        pings.started()
        pings.ended(0, "text")
        pings.close(within_seconds=60)
    assert [ping.path for ping in receiver.pings] == ["/start", ""], "a redirect is not followed"
    assert [record["event"] for record in records] == ["ping.failed"] * 2
    assert all(why in record["error"] for record in records)
    assert len(complaints) == 1, "of both pings once"
    assert SECRET_PATH not in str(records) + str(complaints)


@pytest.mark.parametrize(("behaviour", "complaints"), [(not_found, 1), (unknown, 1), (refuse, 0)])
def test_a_url_that_the_receiver_does_not_know_is_said_even_quietly(
    receiver: Receiver, behaviour: Callable[[Handler], object], complaints: int
) -> None:
    receiver.behave = behaviour
    said: list[str] = []
    pings = Pings(receiver.url, complain=said.append, is_quiet=True)
    with capture_logs() as records:
        pings.started()
        pings.ended(0, "text")
        pings.close()
    assert len(records) == 2
    assert len(said) == complaints
    assert all("correct ping_url" in each for each in said)


def test_a_ping_is_given_and_not_waited_for(receiver: Receiver) -> None:
    is_given = threading.Event()

    def wait(handler: Handler) -> None:
        is_given.wait(600)
        handler.answer(200)

    receiver.behave = wait
    pings = Pings(receiver.url, deadline_seconds=600)
    pings.started()
    pings.ended(0, "text")
    is_given.set()
    pings.close(within_seconds=60)
    assert receiver.pings == [("/start", ""), ("", "text")]


def test_a_receiver_that_is_not_there_is_logged() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}{SECRET_PATH}"
    with capture_logs() as records:
        pings = Pings(url)
        pings.started()
        pings.close()
    assert "connection refused" in records[0]["error"]
    assert SECRET_PATH not in str(records)


def test_who_closes_waits_no_longer_than_that(receiver: Receiver) -> None:
    receiver.behave = hang
    pings = Pings(receiver.url, deadline_seconds=600)
    pings.started()
    with capture_logs():
        pings.close(within_seconds=0.2)
        receiver.closing.set()
        pings.close()


def test_a_receiver_is_told_over_tls_where_its_certificate_is_trusted(tmp_path: Path) -> None:
    authority, ca_file = trustme.CA(), tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(ca_file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with receiving(context) as receiver, capture_logs() as records:
        for trusted in (ca_file, None, tmp_path / "nowhere"):
            pings = Pings(receiver.url, ca_file=trusted)
            pings.started()
            pings.close()
        assert receiver.pings == [("/start", "")]
    assert "a certificate that is not trusted" in records[0]["error"]
    assert "nowhere" in records[1]["error"]
