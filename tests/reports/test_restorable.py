"""`inventory report restorable --at` narrows by what is known today, and by what was known then."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from inventory.__main__ import main
from inventory.store.engine import Database
from tests.simulated import MONDAY, Account

Restorable = Callable[..., list[int]]


@pytest.fixture
def account(migrated_url: str) -> Iterator[Account]:
    """An account whose Droplet had another name and another tag two days ago, and since then a new backup."""
    with closing(Database(migrated_url)) as database:
        account = Account(database)
        droplet = account.fleet.add_droplet(name="old", plan="daily", tags=["before"], backups=3)
        account.sync()
        account.advance(days=2)
        account.fleet.rename(droplet, "new")
        account.fleet.untag(droplet, "before")
        account.fleet.tag(droplet, "after")
        account.fleet.add_droplet(name="young", plan="daily")
        account.sync()
        yield account


@pytest.fixture
def restorable(
    account: Account, migrated_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Restorable:
    monkeypatch.setenv("INVENTORY_DATABASE_URL", migrated_url)

    def restorable(*words: str, code: int = 0) -> list[int]:
        capsys.readouterr()
        at = MONDAY + timedelta(hours=1)
        assert main(["report", "restorable", "--json", "--at", f"{at:%Y-%m-%dT%H:%MZ}", *words]) == code
        out = capsys.readouterr().out
        return [row["backup_id"] for row in json.loads(out)["rows"]] if out else []

    return restorable


def test_names_ids_accounts_and_tags_of_then_and_of_today_are_found(account: Account, restorable: Restorable) -> None:
    every = restorable()
    assert len(every) == 3
    droplet = str(account.droplets[0])
    for words in (
        ("--droplet", "old"),
        ("--droplet", "new"),
        ("--droplet", droplet),
        ("--tag", "before"),
        ("--tag", "after"),
        ("--account", "default"),
        ("--account", "default", "--droplet", "new", "--tag", "before"),
    ):
        assert restorable(*words) == every, words
    assert restorable("--droplet", "young") == []


def test_what_was_never_known_is_refused(restorable: Restorable) -> None:
    for words in (("--droplet", "ne"), ("--tag", "never"), ("--account", "other")):
        assert restorable(*words, code=2) == []


def test_before_the_first_look_only_what_was_left_is_known(
    account: Account, capsys: pytest.CaptureFixture[str], restorable: Restorable, tmp_path: Path
) -> None:
    """Three backups were there at the first look, the oldest three days old; of what had gone before nobody knows."""
    assert len(restorable()) == 3  # and the databases's address is set
    said = f"no sync had looked before {MONDAY:%Y-%m-%d %H:%MZ}"
    for at, backups in ((MONDAY - timedelta(days=1), 2), (MONDAY - timedelta(days=30), 0)):
        words = ["report", "restorable", "--at", f"{at:%Y-%m-%dT%H:%MZ}"]
        capsys.readouterr()
        assert [main([*words, *form]) for form in ((), ("--html", str(tmp_path / "page.html")), ("--json",))] == [
            0,
            0,
            0,
        ]
        text, _, document = capsys.readouterr().out.partition("{")
        assert said in text
        assert said in (tmp_path / "page.html").read_text("utf-8")
        document = json.loads("{" + document)
        assert document["incomplete_before"] == f"{MONDAY:%Y-%m-%dT%H:%M:%SZ}"
        assert len(document["rows"]) == backups
        assert main([*words, "--csv"]) == 0
        assert said in capsys.readouterr().err


def test_a_droplet_first_seen_after_the_moment_is_found(account: Account, restorable: Restorable) -> None:
    """Its backup was made before the moment, but the first sync came after it."""
    account.fleet.add_backup(account.droplets[1], created_at=MONDAY)
    account.advance(minutes=5)
    account.sync()
    assert len(restorable("--droplet", "young")) == len(restorable("--account", "default", "--droplet", "young")) == 1
    assert len(restorable()) == 4
