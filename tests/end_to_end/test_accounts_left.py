"""An account taken out of the configuration: every answer judges the same accounts, until it is forgotten."""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from inventory.simulator.fleet import Fleet
from inventory.store import account_records, runs
from inventory.store.engine import Database
from inventory.store.schema import metadata
from inventory.store.snapshot import read_snapshot
from inventory.vocabulary import RunMode, Trigger
from tests.end_to_end.conftest import Run, now
from tests.end_to_end.test_tidy import at_a_terminal
from tests.simulated import TOKEN, Account

LEFT = 'Account "left" is no longer configured'


@pytest.fixture
def database(migrated_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """Two accounts of one Droplet each: `default`, synced two hours ago, and `left`, which is configured no more."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("INVENTORY_DATABASE_URL", migrated_url)
    monkeypatch.setenv("INVENTORY_API_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("INVENTORY_TOKEN", TOKEN)
    with closing(Database(migrated_url)) as database:
        for name, days, first_id in (("left", 40, 600_000_000), ("default", 0, 500_000_000)):
            fleet = Fleet(now() - timedelta(days=days, hours=2), first_droplet_id=first_id)
            account = Account(database, fleet, name=name)
            account.fleet.add_droplet(name=f"{name}-01", plan="hourly", backups=3)
            account.sync()
        yield database


def test_an_account_that_was_taken_out_alarms_nobody(run: Run, database: Database) -> None:
    assert run("check").code == 0
    summary = run("report")
    assert "Needs attention: nothing" in summary.out
    assert 'Backups of account "default", 1 Droplet' in summary.out
    assert LEFT in " ".join(summary.out.split())
    assert '"left"' not in run("metrics").out


def test_it_is_judged_where_somebody_asks_for_it(run: Run, database: Database) -> None:
    for question in (("--account", "left"), ("--account", "le*"), ("--droplet", "left-01")):
        assert "sync-overdue" in run("check", *question).out
        summary = run("report", *question).out
        assert "sync-overdue" in summary
        assert "no longer configured" not in summary
    assert "left-01" in run("report", "droplet_retention").out


def test_figures_of_the_accounts_asked_for_are_read(database: Database) -> None:
    with database.reading() as connection:
        all_of_them = read_snapshot(connection, now(), most_droplets=9)
        one = read_snapshot(connection, now(), most_droplets=9, names=["default"])
    assert [each.name for each in all_of_them.accounts] == ["default", "left"]
    assert one.accounts == all_of_them.accounts[:1]
    assert {each.account for each in all_of_them.newest_backups} == {"default", "left"}
    assert {each.account for each in one.newest_backups} == {"default"}


# Forgetting it


def contents(database: Database) -> dict[str, list[dict[str, Any]]]:
    with database.reading() as connection:
        return {
            table.name: [dict(row) for row in connection.execute(sa.select(table)).mappings()]
            for table in metadata.sorted_tables
        }


def test_forgetting_deletes_all_of_it_and_nothing_else(run: Run, database: Database) -> None:
    before = contents(database)
    dry = run("db", "forget-account", "left", "--dry-run")
    numbers = {line.split()[0]: line.split()[1] for line in dry.out.splitlines() if len(line.split()) == 2}
    assert (dry.code, dry.err, contents(database)) == (0, "", before)
    assert (numbers["accounts"], numbers["droplets"], numbers["backups"], numbers["sync_runs"]) == ("1", "1", "3", "1")
    assert run("db", "forget-account", "left", "--yes").code == 0
    assert contents(database) == contents_of_default(before)
    assert run("db", "copy", "--to", "copy.db").code == 0
    assert "no longer configured" not in run("report").out


def contents_of_default(before: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Leave out what belongs to the other account, by the ids that the rows have."""
    account = next(row["id"] for row in before["accounts"] if row["name"] == "left")
    droplets = {row["id"] for row in before["droplets"] if row["account_id"] == account}
    backups = {row["id"] for row in before["backups"] if row["droplet_id"] in droplets}
    runs = {row["id"] for row in before["sync_runs"] if row["account_id"] == account}
    own = {"accounts": {account}, "droplets": droplets, "backups": backups, "sync_runs": runs}
    led = {"account_id": {account}, "droplet_id": droplets, "backup_id": backups, "run_id": runs}
    return {
        table: [
            row
            for row in rows
            if row.get("id") not in own.get(table, set())
            and not any(row.get(key) in numbers for key, numbers in led.items())
        ]
        for table, rows in before.items()
    }


@pytest.mark.parametrize(
    ("asked", "code", "why"),
    [
        (("default", "--yes"), 2, "is configured"),
        (("lefd", "--yes"), 2, 'no account "lefd" is stored; did you mean left'),
        (("left",), 2, "no terminal to confirm at"),
    ],
)
def test_what_cannot_be_forgotten_is_refused(
    run: Run, database: Database, asked: tuple[str, ...], code: int, why: str
) -> None:
    before = contents(database)
    ended = run("db", "forget-account", *asked)
    assert (ended.code, contents(database)) == (code, before)
    assert why in ended.err


def test_an_account_that_is_being_synced_is_not_forgotten(run: Run, database: Database) -> None:
    with database.writing() as connection:
        stored = account_records.ensure_account(connection, "left")
        runs.start(
            connection,
            stored,
            trigger=Trigger.COMMAND,
            mode=RunMode.LISTING,
            overdue_after=timedelta(hours=2),
            now=now(),
        )
    ended = run("db", "forget-account", "left", "--yes")
    assert ended.code == 75
    assert 'a sync of account "left" is running' in ended.err


@pytest.mark.parametrize(("answer", "left"), [("y\n", []), ("\n", ["left"])])
def test_a_person_is_asked(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch, answer: str, left: list[str]
) -> None:
    at_a_terminal(monkeypatch, answer)
    ended = run("db", "forget-account", "left")
    assert ended.code == 0
    assert "Delete these rows for good? [y/N]" in ended.out
    assert [row["name"] for row in contents(database)["accounts"] if row["name"] == "left"] == left
