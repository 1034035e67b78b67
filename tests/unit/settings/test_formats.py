from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.model import Selection
from inventory.settings.formats import (
    read_database_url,
    read_listen_address,
    read_ping_url,
    read_schedule,
    read_selection,
    write_selection,
)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("sqlite:////var/lib/a.db", "sqlite:////var/lib/a.db"),
        ("sqlite:/var/lib/a.db", "sqlite:////var/lib/a.db"),
        ("/var/lib/a.db", "sqlite:////var/lib/a.db"),
        ("sqlite:///a.db", "sqlite:///{here}/a.db"),
        ("sqlite:a.db", "sqlite:///{here}/a.db"),
        ("sub/a.db", "sqlite:///{here}/sub/a.db"),
        ("~/a.db", "sqlite:///{here}/home/a.db"),
        ("postgres://u:p@h:5/d?sslmode=verify-full", "postgresql+psycopg://u:p@h:5/d?sslmode=verify-full"),
        ("postgresql:///d?host=/run/postgresql", "postgresql+psycopg:///d?host=%2Frun%2Fpostgresql"),
        ("postgresql+psycopg://h/d", "postgresql+psycopg://h/d"),
        ("POSTGRES://h/d", "postgresql+psycopg://h/d"),
    ],
)
def test_a_database_url_is_brought_to_one_form(
    written: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    assert read_database_url(written) == expected.format(here=tmp_path)
    assert read_database_url(read_database_url(written)) == read_database_url(written)


@given(
    ids=st.frozensets(st.integers(1, 2**63 - 1), max_size=5),
    tags=st.frozensets(st.from_regex(r"[A-Za-z0-9_:-]{1,20}", fullmatch=True), max_size=5),
)
def test_a_selection_that_is_written_is_read_the_same(ids: frozenset[int], tags: frozenset[str]) -> None:
    selection = Selection(everything=not ids and not tags, droplet_ids=ids, tags=tags)
    assert read_selection(write_selection(selection)) == selection
    if not selection.everything:
        assert read_selection([*ids, *(f"tag:{tag}" for tag in tags)]) == selection


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (60, 60.0),
        ("60", 60.0),
        (0.5, 0.5),
        ("17 * * * *", "17 * * * *"),
        (" 0   3 * *  mon-fri ", "0 3 * * mon-fri"),
        ("*/20 1,13 * * *", "*/20 1,13 * * *"),
        ("0 3 1 * *", "0 3 1 * *"),
        ("0 3 * * */2", "0 3 * * */2"),
    ],
)
def test_a_schedule_is_minutes_or_a_cron_expression(written: object, expected: float | str) -> None:
    assert read_schedule(written) == expected
    assert read_schedule(expected) == expected


@pytest.mark.parametrize(
    ("written", "why"),
    [
        (0, "more than 0"),
        (-5, "more than 0"),
        ("nan", "more than 0"),
        ("1e9", "at most"),
        (True, "more than 0"),
        ("hourly", "neither a number of minutes nor a cron expression"),
        ("* * * *", "neither"),
        ("@hourly", "neither"),
        ("0 0 * * $(date)", "neither"),
        ("0 3 * * 0", "write weekdays as names"),
        ("0 3 * * 1-5", "write weekdays as names"),
        ("0 3 * * mon,7", "write weekdays as names"),
        ("0 3 1 * mon", "not both"),
        ([60], "more than 0"),
    ],
)
def test_a_schedule_that_crons_read_differently_is_refused(written: object, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_schedule(written)


@pytest.mark.parametrize("written", ["off", "127.0.0.1:8080", "0.0.0.0:0", "[::1]:8080", "[::]:80", "localhost:65535"])
def test_a_listen_address_is_an_address_of_this_machine(written: str) -> None:
    assert read_listen_address(written) == written


@pytest.mark.parametrize(
    "written", ["", "on", "8080", ":8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "::1:8080",
                "[127.0.0.1]:80", "db.example:80", "http://127.0.0.1:80", "127.0.0.1:-1"],
)  # fmt: skip
def test_what_is_no_listen_address_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"ADDRESS:PORT|the port is"):
        read_listen_address(written)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("https://hc-ping.com/uuid", "https://hc-ping.com/uuid"),
        ("https://hc-ping.com/uuid/\n", "https://hc-ping.com/uuid"),
        ("http://127.0.0.1:8000/ping", "http://127.0.0.1:8000/ping"),
        ("http://localhost/ping", "http://localhost/ping"),
    ],
)
def test_a_ping_url_is_https_or_of_this_machine(written: str, expected: str) -> None:
    assert read_ping_url(written) == expected


@pytest.mark.parametrize(
    "written",
    ["", "hc-ping.com/uuid", "http://hc-ping.com/secret", "https://user:secret@hc-ping.com/x", "https://h/secret?x=1",
     "https://h/secret#x", "https://169.254.169.254/secret", "https://0.0.0.0/secret", "ftp://h/secret",
     "https://h/sec ret", "https://h:port/secret", "https:///secret"],
)  # fmt: skip
def test_what_is_no_ping_url_is_refused_without_telling_it(written: str) -> None:
    with pytest.raises(ValueError, match="the ping URL") as caught:
        read_ping_url(written)
    assert "secret" not in str(caught.value)
