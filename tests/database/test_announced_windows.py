"""A plan that nobody documents is watched by the windows that the API announces, from the first look to the finding."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from inventory.judging.evidence import inspect
from inventory.judging.rules import Rules
from inventory.simulator.faults import Fault
from inventory.store.engine import Database
from tests.simulated import Account

pytestmark = pytest.mark.costly

HOURS = timedelta(hours=1)


def findings(account: Account) -> list[tuple[str, str]]:
    with account.database.reading() as connection:
        found = inspect(connection, account.clock(), Rules(), ()).findings
    return [(each.name, each.severity) for each in found]


def passing(account: Account, *, hours: int, is_missing: bool = False) -> None:
    """Look every hour."""
    for _ in range(hours):
        for number in account.droplets if is_missing else ():
            account.fleet.miss_next(number)
        account.advance(hours=1)
        account.sync()


def test_three_days_without_a_backup_are_critical_under_a_plan_that_nobody_documents(database: Database) -> None:
    account = Account(database)
    droplet = account.fleet.add_droplet(name="web", plan="nightly", hour=0, backups=6, retention_days=7)
    account.sync()
    passing(account, hours=24)
    assert findings(account) == []
    passing(account, hours=72, is_missing=True)
    assert findings(account) == [("missed-backup", "critical")]
    passing(account, hours=9)
    assert findings(account) == []
    # One at first, and one every four hours of the 105; the last may be shown until its backup is made.
    assert len(account.rows("droplet_windows", droplet_id=droplet)) in {27, 28}


def looks_after(account: Account, *happening: Callable[[], object]) -> list[datetime]:
    """Let things happen, look ten minutes apart, after each of them, and return when."""
    looked_at = []
    for happen in happening:
        happen()
        account.sync()
        looked_at.append(account.clock())
        account.advance(minutes=10)
    return looked_at


def test_what_is_shown_is_kept_once_while_it_is_shown_under_one_policy(database: Database) -> None:
    account = Account(database)
    fleet = account.fleet
    droplet = fleet.add_droplet(name="web", plan="nightly", hour=0, retention_days=7)
    first, _, changed, ruled, again, off, on, _, gone = looks_after(
        account,
        lambda: None,
        lambda: None,
        lambda: fleet.change_policy(droplet, retention_days=14),
        lambda: fleet.change_policy(droplet, plan="intra_daily_4h"),
        lambda: fleet.change_policy(droplet, plan="nightly"),
        lambda: fleet.disable_backups(droplet),
        lambda: fleet.enable_backups(droplet, "nightly", hour=0),
        lambda: fleet.destroy(droplet),
        lambda: None,
    )
    rows = account.rows("droplet_windows", droplet_id=droplet)
    intervals = [(row["valid_from"], row["valid_to"]) for row in rows]
    assert intervals == [(first, changed), (changed, ruled), (again, off), (on, gone)]
    assert {(row["starts_at"], row["ends_at"] - row["starts_at"]) for row in rows} == {
        (first.replace(hour=16), 4 * HOURS)
    }


def test_a_policy_that_cannot_be_read_leaves_the_window_as_it_is(database: Database) -> None:
    account = Account(database)
    droplet = account.fleet.add_droplet(name="web", plan="nightly", hour=0)
    account.sync()
    before = account.rows("droplet_windows", droplet_id=droplet)
    account.api.faults["/v2/droplets/backups/policies"] = Fault(status=500)
    passing(account, hours=2)
    assert account.rows("droplet_windows", droplet_id=droplet) == before
    passing(account, hours=6)  # to the end of the window
    assert [row["valid_to"] is None for row in account.rows("droplet_windows", droplet_id=droplet)] == [False, True]
