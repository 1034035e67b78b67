"""An account taken out of the configuration: every answer judges the same accounts, until it is forgotten."""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from inventory.simulator.fleet import Fleet
from inventory.store.engine import Database
from inventory.store.snapshot import read_snapshot
from tests.end_to_end.conftest import Run, now
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
    for question in (("--account", "left"), ("--droplet", "left-01")):
        assert "sync-overdue" in run("check", *question).out
        summary = run("report", *question).out
        assert "sync-overdue" in summary
        assert "no longer configured" not in summary
    assert "left-01" in run("report", "droplet_retention").out


def test_figures_of_the_accounts_asked_for_are_read(database: Database) -> None:
    with database.reading() as connection:
        all_of_them = read_snapshot(connection, most_droplets=9)
        one = read_snapshot(connection, most_droplets=9, names=["default"])
    assert [each.name for each in all_of_them.accounts] == ["default", "left"]
    assert one.accounts == all_of_them.accounts[:1]
    assert {each.account for each in all_of_them.newest_backups} == {"default", "left"}
    assert {each.account for each in one.newest_backups} == {"default"}
