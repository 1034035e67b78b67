"""Revision 0021: when a Droplet was first looked at is what its days say, on a database that syncs have filled."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta

import pytest

from inventory.simulator.faults import Fault
from inventory.simulator.fleet import Fleet
from inventory.store.engine import Database
from inventory.store.upgrade import configuration, upgrade
from tests.migration.later import downgrade
from tests.simulated import MONDAY, Account, backups_path

DAY = timedelta(days=1)


@pytest.fixture
def account(migrated_url: str) -> Iterator[Account]:
    with closing(Database(migrated_url)) as database:
        yield Account(database, Fleet(MONDAY, seed=1))


def first_looks(account: Account) -> dict[str, datetime | None]:
    return {row["name"]: row["first_look_at"] for row in account.rows("droplets")}


def test_the_first_look_is_that_of_the_first_day(account: Account) -> None:
    """One is looked at on two days, one only on the second, and one never, because its listing fails."""
    account.fleet.add_droplet(name="old", plan="daily", backups=2)
    account.sync()
    account.advance(days=1)
    account.fleet.add_droplet(name="new", plan="weekly", backups=1)
    account.fleet.add_droplet(name="never", plan="weekly", backups=1)
    account.api.faults[backups_path(account.droplets[-1])] = Fault(status=403)
    account.sync()
    written = first_looks(account)
    assert written == {"old": MONDAY, "new": MONDAY + DAY, "never": None}
    downgrade(account.database, configuration(), "0020")
    upgrade(account.database)
    assert first_looks(account) == written
