"""Rows 41 to 50 and 53: values that cannot be true, or cannot be stored; tokens and URLs that cannot be used."""

import json
import traceback
from datetime import UTC, datetime

import pytest

from inventory.digitalocean.client import Client
from inventory.digitalocean.questions import list_backups, list_droplets, list_policies, read_account, read_droplet
from inventory.errors import ProtocolError
from inventory.model import Account, Backup, BackupPolicy
from inventory.network.access import Origin, Token
from inventory.process.clock import utc_now
from tests.faults.byte_server import ByteServer, answer
from tests.faults.conftest import TOKEN, Ask
from tests.faults.documents import backup, droplet, listing, policy


def read(client: Client, server: ByteServer, entry: object) -> Backup:
    server.script(answer(listing([entry])))
    return list_backups(client, 1, clock=utc_now).backups[0]


def raw(field: str, text: str) -> bytes:
    """Write a listing in which a value is what JSON libraries would not write."""
    return json.dumps(listing([backup(9, **{field: "@"})])).encode().replace(b'"@"', text.encode())


FINITE = "Input should be a finite number"
NUMBER = "Input should be a valid number"
NOT_NEGATIVE = "Input should be greater than or equal to 0"
INTEGER = "Input should be a valid integer"
POSITIVE = "Input should be greater than or equal to 1"
MOMENT = "Input should be a time of the years 1900 to 2199 with an offset, as RFC 3339 writes it"
SLUG = "String should match pattern '^[a-z0-9-]{1,32}$'"

REFUSED: dict[str, tuple[str, str, str]] = {
    "row 41: NaN": ("size_gigabytes", "NaN", FINITE),
    "row 41: Infinity": ("size_gigabytes", "Infinity", FINITE),
    "row 41: 1e400": ("size_gigabytes", "1e400", FINITE),
    "row 41: -1": ("size_gigabytes", "-1", NOT_NEGATIVE),
    "row 102: bytes for gigabytes": ("size_gigabytes", "1e12", "Input should be less than or equal to 1000000"),
    "row 41: text": ("size_gigabytes", '"1.5"', NUMBER),
    "row 41: null": ("size_gigabytes", "null", NUMBER),
    "row 41: true": ("size_gigabytes", "true", NUMBER),
    "row 43: 2^63": ("id", "9223372036854775808", "Input should be less than or equal to 9223372036854775807"),
    "row 43: 0": ("id", "0", POSITIVE),
    "row 43: -1": ("id", "-1", POSITIVE),
    "row 43: text": ("id", '"1"', INTEGER),
    "row 43: true": ("id", "true", INTEGER),
    "row 43: 1.0": ("id", "1.0", INTEGER),
    "row 44: year 0": ("created_at", '"0000-01-01T00:00:00Z"', MOMENT),
    "row 44: year 1899": ("created_at", '"1899-12-31T23:59:59Z"', MOMENT),
    "row 44: year 9999 to the west": ("created_at", '"9999-12-31T23:59:59-12:00"', MOMENT),
    "row 44: no offset": ("created_at", '"2026-03-01T05:11:00"', MOMENT),
    "row 44: Unix time": ("created_at", "1772341860", MOMENT),
    "row 44: Unix time as text": ("created_at", '"1772341860"', MOMENT),
    "row 44: leap second": ("created_at", '"2016-12-31T23:59:60Z"', MOMENT),
    "row 44: 24:00": ("created_at", '"2026-03-01T24:00:00Z"', MOMENT),
    "row 44: 30 February": ("created_at", '"2026-02-30T00:00:00Z"', MOMENT),
    "row 44: a week's day": ("created_at", '"2026-W01-1T00:00:00Z"', MOMENT),
    "row 44: null": ("created_at", "null", MOMENT),
    "row 46: 2 MB": ("name", '"' + "x" * 2_000_000 + '"', "String should have at most 1024 characters"),
    "row 46: null": ("name", "null", "Input should be a valid string"),
    "row 47: region with markup": ("regions", '["<b>"]', SLUG),
    "row 47: region with a newline": ("regions", '["nyc3\\n"]', SLUG),
    "row 47: regions null": ("regions", "null", "Input should be a valid array"),
    "a disk that no integer column holds": ("min_disk_size", "2147483648", "Input should be less than or equal"),
}


@pytest.mark.parametrize(("field", "text", "message"), REFUSED.values(), ids=REFUSED)
def test_value_that_refuses_the_listing(
    client: Client, server: ByteServer, error_of: Ask, *, field: str, text: str, message: str
) -> None:
    server.script(answer(raw(field, text)))
    error = error_of(lambda: list_backups(client, 1, clock=utc_now))
    assert isinstance(error, ProtocolError)
    place = f"backups.0.{field}" + (".0" if text.startswith("[") else "")
    assert str(error).startswith(f"the answer does not fit: {place}: {message}")
    assert len(str(error)) < 250
    assert client.requests == 1


@pytest.mark.parametrize("text", ['"\\ud800"', '"\\udc00x"'])
def test_row_46_lone_surrogate_is_refused(client: Client, server: ByteServer, error_of: Ask, text: str) -> None:
    server.script(answer(raw("name", text)))
    assert isinstance(error_of(lambda: list_backups(client, 1, clock=utc_now)), ProtocolError)


NAMES = {
    "row 46: NUL": ("a\0b", "a\ufffdb"),
    "row 46: right to left": ("\u202egnp", "\u202egnp"),
    "row 46: emoji": ("🚀", "🚀"),
    "row 46: combining": ("e\u0301", "e\u0301"),
    "row 47: script": ("<script>alert(1)</script>", "<script>alert(1)</script>"),
    "row 47: template": ("{{7*7}}", "{{7*7}}"),
    "row 47: formula": ('=HYPERLINK("x")', '=HYPERLINK("x")'),
    "row 48: escape": ("\x1b[31m\n", "\x1b[31m\n"),
}


@pytest.mark.parametrize(("sent", "stored"), NAMES.values(), ids=NAMES)
def test_name_is_kept_as_it_is(client: Client, server: ByteServer, sent: str, stored: str) -> None:
    """What shows it makes it harmless; here only NUL goes, which PostgreSQL cannot store."""
    assert read(client, server, backup(1, name=sent)).name == stored


def test_row_42_size_zero_and_whole_sizes(client: Client, server: ByteServer) -> None:
    assert read(client, server, backup(1, size_gigabytes=0)).size_gigabytes == 0.0
    assert str(read(client, server, backup(1, size_gigabytes=-0.0)).size_gigabytes) == "0.0"
    assert isinstance(read(client, server, backup(1, size_gigabytes=2)).size_gigabytes, float)


MOMENTS = {
    "row 44: half-hour offset": ("2026-03-01T05:11:00+05:30", datetime(2026, 2, 28, 23, 41, tzinfo=UTC)),
    "row 44: fractions": ("2026-03-01T05:11:00.999999999Z", datetime(2026, 3, 1, 5, 11, tzinfo=UTC)),
    "row 45: the future": ("2199-01-01T00:00:00Z", datetime(2199, 1, 1, tzinfo=UTC)),
}


@pytest.mark.parametrize(("written", "moment"), MOMENTS.values(), ids=MOMENTS)
def test_times_become_utc_and_whole_seconds(client: Client, server: ByteServer, written: str, moment: datetime) -> None:
    read_at = read(client, server, backup(1, created_at=written)).created_at
    assert (read_at, read_at.tzinfo) == (moment, UTC)


def test_row_49_unknown_words_and_keys(client: Client, server: ByteServer) -> None:
    strange = backup(1, type="hourly-thing", regions=["zzz9", "atl1", "zzz9"], status="?", tags=[1], x={"y": None})
    read_backup = read(client, server, strange)
    assert (read_backup.type, read_backup.regions) == ("hourly-thing", ("atl1", "zzz9"))
    server.script(answer({"droplet": droplet(1, status="frozen", features=["new"], size_slug="gpu-x9")}))
    read_it = read_droplet(client, 1)
    assert (read_it.status, read_it.features, read_it.size_slug) == ("frozen", frozenset({"new"}), "gpu-x9")
    odd = policy(1, backup_policy={"plan": "every-4h", "hour": 2, "new": 1})
    server.script(answer({"policies": {"1": odd}, "meta": {"total": 1}}))
    assert list_policies(client).policies[1] == BackupPolicy(is_enabled=True, plan="every-4h", hour=2)


def test_what_a_droplet_lacks_is_unknown(client: Client, server: ByteServer) -> None:
    optional = ("size", "next_backup_window", "tags", "features", "backup_ids", "snapshot_ids")
    bare = {key: value for key, value in droplet(1).items() if key not in optional}
    server.script(answer({"droplets": [bare, droplet(2, tags=[], next_backup_window=None)], "meta": {"total": 2}}))
    lacking, empty = list_droplets(client).droplets.values()
    assert (lacking.tags, lacking.features, lacking.backup_ids, lacking.snapshot_ids) == (None,) * 4
    assert (lacking.price_monthly_usd, lacking.next_window_starts_at, lacking.next_window_ends_at) == (None,) * 3
    assert empty.tags == frozenset()
    assert empty.price_monthly_usd == 6.0


def test_float_noise_of_prices_is_rounded(client: Client, server: ByteServer) -> None:
    server.script(answer({"droplet": droplet(1, size={"price_monthly": 0.00743999984115362})}))
    assert read_droplet(client, 1).price_monthly_usd == 0.00744


def test_answer_about_another_droplet_is_refused(client: Client, server: ByteServer, error_of: Ask) -> None:
    server.script(answer({"droplet": droplet(2)}))
    assert isinstance(error_of(lambda: read_droplet(client, 1)), ProtocolError)


def test_policies_are_a_map_by_id(client: Client, server: ByteServer) -> None:
    policies = {
        "1": policy(1),
        "2": {"droplet_id": 2, "backup_enabled": False},
        "3": policy(4),
        "4": {"droplet_id": 4},
        "x5": policy(5),
        "6": None,
        "7": {"backup_enabled": True},
    }
    server.script(answer({"policies": policies, "links": {}, "meta": {"total": 7}}))
    listed = list_policies(client)
    assert listed.policies == {
        1: BackupPolicy(is_enabled=True, plan="daily", weekday=None, hour=4, window_length_hours=4, retention_days=7),
        2: BackupPolicy(is_enabled=False),
        7: BackupPolicy(is_enabled=True),
    }
    assert listed.malformed.keys() == {3, 4, 6}
    assert listed.unidentified == ("the answer does not fit: policies: a key is not the id of a Droplet",)
    assert listed.malformed[4] == "the answer does not fit: policies.4.backup_enabled: Field required"
    assert listed.problem is None


@pytest.mark.parametrize(
    ("team", "team_uuid"),
    [
        ({}, None),
        ({"team": None}, None),
        ({"team": {}}, None),
        ({"team": {"uuid": ""}}, None),
        ({"team": "T"}, None),
        ({"team": {"uuid": "T1", "name": "T"}}, "t1"),
    ],
)
def test_account_and_its_team_are_read(
    client: Client, server: ByteServer, team: dict[str, object], team_uuid: str | None
) -> None:
    server.script(answer({"account": {"uuid": "U1", "status": "active", "email": "sammy@example.org", **team}}))
    assert read_account(client) == Account(uuid="u1", status="active", team_uuid=team_uuid)


UNUSABLE_TOKENS = {
    "newline within": TOKEN + "\n" + TOKEN,
    "CRLF within": TOKEN + "\r\nx: y",
    "NUL": TOKEN + "\0",
    "ellipsis": TOKEN + "\u2026",
    "blank before": " " + TOKEN,
    "blank behind": TOKEN + " ",
    "empty": "",
    "only a newline": "\n",
    "far too long": TOKEN * 10,
}


@pytest.mark.parametrize("text", UNUSABLE_TOKENS.values(), ids=UNUSABLE_TOKENS)
def test_row_50_unusable_token(text: str) -> None:
    with pytest.raises(ValueError, match=r"the token is empty|characters that cannot be part of a token") as caught:
        Token(text)
    assert TOKEN not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_row_50_newline_at_the_end_of_a_file_is_no_part_of_the_token(server: ByteServer, end: str) -> None:
    server.script(answer({}))
    with Client(Token(TOKEN + end), origin=Origin(server.url)) as client:
        client.get("/")
    assert f"Authorization: Bearer {TOKEN}\r\n".encode() in server.heads[0]


@pytest.mark.parametrize(
    "url",
    [
        "http://api.digitalocean.com",
        "http://169.254.169.254",
        "http://localhost.example.org",
        "http://127.0.0.1.example.org",
        "https://user:secret@api.digitalocean.com",
        "https://api.digitalocean.com/v2",
        "https://api.digitalocean.com?x=1",
        "https://api.digitalocean.com/#x",
        "file:///etc/passwd",
        "ftp://127.0.0.1",
        "api.digitalocean.com",
        "https://",
        "https://api.digital\nocean.com",
        "",
    ],
)
def test_row_53_unusable_url(url: str) -> None:
    with pytest.raises(ValueError, match="the API base URL") as caught:
        Origin(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["https://api.digitalocean.com/", "http://localhost:8099", "http://[::1]:8099/"])
def test_row_53_usable_url(url: str) -> None:
    assert Origin(url) == url.removesuffix("/")
