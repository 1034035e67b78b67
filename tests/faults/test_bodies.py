"""Rows 16 to 20 and 38 to 40: bodies that are too large, packed strangely, or no JSON."""

import gzip
import json
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from inventory.digitalocean.client import Client
from inventory.digitalocean.questions import list_backups
from inventory.errors import HostileAnswerError, ProtocolError, TransientError
from inventory.process.clock import utc_now
from tests.faults.byte_server import Action, Again, ByteServer, Close, answer
from tests.faults.conftest import Ask, Connect
from tests.faults.documents import backup, listing

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
TOO_LARGE = "the answer is larger than 8 MiB; refused"


@contextmanager
def little_memory() -> Iterator[None]:
    """Check that no more than 40 MiB are held at any moment, by the server of the test included."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < 40 * 1024 * 1024
    finally:
        tracemalloc.stop()


def packed(body: bytes) -> bytes:
    return answer(gzip.compress(body), headers={"content-encoding": "gzip"})


@pytest.fixture(scope="module")
def bomb() -> bytes:
    """Return 256 MiB of blanks, packed."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    blanks = b" " * (1 << 20)
    return b"".join(packer.compress(blanks) for _ in range(256)) + packer.flush()


def test_row_16_gzip_bomb(client: Client, server: ByteServer, error_of: Ask, bomb: bytes) -> None:
    server.script(answer(bomb, headers={"content-encoding": "gzip"}))
    with little_memory():
        error = error_of(lambda: client.get("/"))
    assert isinstance(error, HostileAnswerError)
    assert str(error) == TOO_LARGE
    assert client.requests == 1


REFUSED_ENCODINGS = ["deflate", "br", "zstd", "gzip, gzip", "x-unheard-of"]


@pytest.mark.parametrize("encoding", REFUSED_ENCODINGS)
def test_row_17_encodings_not_asked_for(client: Client, server: ByteServer, error_of: Ask, encoding: str) -> None:
    server.script([HEAD + f"content-encoding: {encoding}\r\n\r\n".encode(), Again(b"x" * 1000, 0.01)])
    error = error_of(lambda: client.get("/"))
    assert isinstance(error, HostileAnswerError)
    assert str(error) == "refused content encoding: only gzip was asked for"
    assert b"Accept-Encoding: gzip\r\n" in server.heads[0]


def test_row_17_gzip_within_gzip_is_no_json(client: Client, server: ByteServer, error_of: Ask) -> None:
    server.script(packed(gzip.compress(json.dumps(listing([])).encode())))
    error = error_of(lambda: list_backups(client, 1, clock=utc_now))
    assert isinstance(error, ProtocolError)


def test_gzip_is_understood(client: Client, server: ByteServer) -> None:
    server.script(packed(json.dumps(listing([backup(5)])).encode()))
    assert [each.id for each in list_backups(client, 1, clock=utc_now).backups] == [5]


GOOD_GZIP = gzip.compress(json.dumps(listing([backup(n) for n in range(1, 50)])).encode())
DAMAGED = {
    "row 18: cut": GOOD_GZIP[:-20],
    "row 18: changed": GOOD_GZIP[:80] + bytes([GOOD_GZIP[80] ^ 255]) + GOOD_GZIP[81:],
    "row 18: empty": b"",
    "row 18: not gzip": b"{}",
    "row 18: more behind it": GOOD_GZIP + b"more",
}


@pytest.mark.parametrize("body", DAMAGED.values(), ids=DAMAGED)
def test_damaged_gzip_is_tried_again(client: Client, server: ByteServer, error_of: Ask, body: bytes) -> None:
    server.script(answer(body, headers={"content-encoding": "gzip"}))
    error = error_of(lambda: client.get("/"))
    assert type(error) is TransientError
    assert str(error) == "the compressed answer is damaged, 5 tries"


ENDLESS: dict[str, list[Action]] = {
    "row 19: 1 GB": [HEAD + b"content-length: 1000000000\r\n\r\n", Again(b" " * 65536, times=15259), Close()],
    "row 19: chunks without end": [
        HEAD + b"transfer-encoding: chunked\r\n\r\n",
        Again(b"10000\r\n" + b" " * 65536 + b"\r\n"),
    ],
}


@pytest.mark.parametrize("script", ENDLESS.values(), ids=ENDLESS)
def test_endless_body(connect: Connect, server: ByteServer, error_of: Ask, script: list[Action]) -> None:
    server.script(script)
    client = connect(timeout_seconds=60.0)
    with little_memory():
        error = error_of(lambda: client.get("/"))
    assert isinstance(error, HostileAnswerError)
    assert str(error) == TOO_LARGE


HUGE_HEADS: dict[str, list[Action]] = {
    "row 20: one header of 5 MB": [HEAD + b"x: ", Again(b"y" * 65536, times=80), b"\r\n\r\n{}"],
    "row 20: 100,000 headers": [HEAD, Again(b"some-header: with-a-value\r\n" * 1000, times=100), b"\r\n{}"],
    "row 20: a chunk's size without end": [HEAD + b"transfer-encoding: chunked\r\n\r\n", Again(b"1" * 65536)],
}


@pytest.mark.parametrize("script", HUGE_HEADS.values(), ids=HUGE_HEADS)
def test_headers_are_bounded(client: Client, server: ByteServer, error_of: Ask, script: list[Action]) -> None:
    server.script(script)
    with little_memory():
        error = error_of(lambda: client.get("/"))
    assert str(error).startswith(("malformed answer", "the connection broke"))


def test_row_20_two_thousand_interim_answers(client: Client, server: ByteServer) -> None:
    server.script([b"HTTP/1.1 103 Early Hints\r\n\r\n" * 2000, answer({})])
    assert client.get("/") == b"{}"


@pytest.mark.parametrize("content_type", ["text/html; charset=utf-8", "text/plain", ""])
def test_row_38_captive_portal(client: Client, server: ByteServer, error_of: Ask, content_type: str) -> None:
    server.script(answer(b"<html>Please log in</html>", content_type=content_type))
    error = error_of(lambda: client.get("/"))
    assert isinstance(error, ProtocolError)
    assert str(error) == "the answer is not JSON: a proxy or captive portal in between?"
    assert client.answers == 0, "it proves nothing about the token"
    assert client.requests == 1


MALFORMED: dict[str, tuple[bytes, str]] = {
    "row 39: empty": (b"", "the answer is cut off"),
    "row 39: null": (b"null", "the answer does not fit: Input should be an object"),
    "row 39: []": (b"[]", "the answer does not fit: Input should be an object"),
    "row 39: {}": (b"{}", "the answer does not fit: backups: Field required"),
    "row 39: backups null": (b'{"backups": null}', "the answer does not fit: backups: Input should be a valid array"),
    "row 39: backups is a map": (b'{"backups": {}}', "the answer does not fit: backups: Input should be a valid array"),
    "row 40: deep nesting": (b'{"backups": ' + b"[" * 100_000, "the answer does not fit: recursion limit"),
    "row 40: 5,000 digits": (b'{"backups": [], "x": ' + b"1" * 5000 + b"}", "the answer does not fit: number out of"),
    "row 46: invalid UTF-8": (b'{"backups": ["\xff"]}', "the answer does not fit: invalid unicode"),
    "row 46: byte order mark": (b'\xef\xbb\xbf{"backups": []}', "the answer does not fit: expected value"),
    "row 10: cut": (b'{"backups": [{"id": 1, "na', "the answer is cut off"),
    "more than a page can hold": (
        json.dumps(listing([backup(number) for number in range(1, 1002)])).encode(),
        "the answer does not fit: backups: List should have at most 1000 items",
    ),
}


@pytest.mark.parametrize(("body", "message"), MALFORMED.values(), ids=MALFORMED)
def test_malformed_listing_is_never_an_empty_one(
    client: Client, server: ByteServer, error_of: Ask, body: bytes, message: str
) -> None:
    server.script(answer(body))
    error = error_of(lambda: list_backups(client, 1, clock=utc_now))
    assert isinstance(error, ProtocolError)
    assert str(error).startswith(message)
    assert client.requests == 1


def test_row_39_no_content(client: Client, server: ByteServer, error_of: Ask) -> None:
    server.script(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert isinstance(error_of(lambda: client.get("/")), ProtocolError)


def test_row_40_last_of_duplicate_keys_wins(client: Client, server: ByteServer) -> None:
    server.script(answer(b'{"backups": [1], "backups": [], "meta": {"total": 0}}'))
    assert list_backups(client, 1, clock=utc_now).backups == ()
