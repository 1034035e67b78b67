from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.model import Selection
from inventory.settings.formats import read_api_url, read_database_url, read_selection, write_selection


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


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("https://api.digitalocean.com/", "https://api.digitalocean.com"),
        ("https://proxy.example:8443", "https://proxy.example:8443"),
        ("http://localhost:8099", "http://localhost:8099"),
        ("http://127.0.0.1:8099", "http://127.0.0.1:8099"),
        ("http://[::1]:8099/", "http://[::1]:8099"),
    ],
)
def test_an_api_url_is_an_origin(written: str, expected: str) -> None:
    assert read_api_url(written) == expected


@given(
    ids=st.frozensets(st.integers(1, 2**63 - 1), max_size=5),
    tags=st.frozensets(st.from_regex(r"[A-Za-z0-9_:-]{1,20}", fullmatch=True), max_size=5),
)
def test_a_selection_that_is_written_is_read_the_same(ids: frozenset[int], tags: frozenset[str]) -> None:
    selection = Selection(everything=not ids and not tags, droplet_ids=ids, tags=tags)
    assert read_selection(write_selection(selection)) == selection
    if not selection.everything:
        assert read_selection([*ids, *(f"tag:{tag}" for tag in tags)]) == selection
