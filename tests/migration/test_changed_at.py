"""Revision 0020: when a backup last changed is what its history says, on a database that syncs have filled."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from operator import itemgetter

import pytest

from inventory.simulator.fleet import Fleet
from inventory.store.engine import Database
from inventory.store.upgrade import configuration, upgrade
from tests.migration.later import downgrade
from tests.simulated import MONDAY, Account

DAY = timedelta(days=1)


@pytest.fixture
def account(migrated_url: str) -> Iterator[Account]:
    with closing(Database(migrated_url)) as database:
        account = Account(database, Fleet(MONDAY, seed=1))
        account.fleet.add_droplet(name="web", plan="weekly", backups=4)
        yield account


def youngest_first(account: Account) -> list[int]:
    return [row["id"] for row in sorted(account.rows("backups"), key=itemgetter("created_at"), reverse=True)]


def changed_at(account: Account) -> dict[int, datetime | None]:
    return {row["id"]: row["changed_at"] for row in account.rows("backups")}


def test_what_changed_came_back_or_moved_is_dated_by_its_history(account: Account) -> None:
    """Of one a size is put right and a day later another one, one moves, one is lost and comes back, one stays."""
    account.sync()
    resized, moved, lost, same = youngest_first(account)
    account.fleet.edit_backup(resized, size_gigabytes=7.0)
    account.fleet.edit_backup(moved, regions=("ams3", "nyc3"))
    account.fleet.lose(lost)
    account.advance(days=1)
    account.sync()
    account.fleet.edit_backup(resized, size_gigabytes=8.0)
    account.fleet.return_backup(lost)
    account.advance(days=1)
    account.sync()
    account.advance(days=60)
    account.sync()
    assert all(row["gone_at"] for row in account.rows("backups") if row["id"] in (resized, moved, lost, same))
    written = changed_at(account)
    assert {each: written[each] for each in (resized, moved, lost, same)} == {
        resized: MONDAY + 2 * DAY,
        moved: MONDAY + DAY,
        lost: MONDAY + 2 * DAY,
        same: None,
    }
    downgrade(account.database, configuration(), "0019")
    upgrade(account.database)
    assert changed_at(account) == written


def test_a_region_that_is_left_is_a_change_and_one_that_goes_with_its_backup_is_none(account: Account) -> None:
    account.sync()
    left, _, gone, _ = youngest_first(account)
    account.fleet.edit_backup(left, regions=("ams3", "nyc3"))
    account.fleet.lose(gone)
    account.advance(days=1)
    account.sync()
    account.fleet.edit_backup(left, regions=("nyc3",))
    account.advance(days=1)
    account.sync()
    account.advance(days=60)
    account.sync()
    written = changed_at(account)
    assert (written[left], written[gone]) == (MONDAY + 2 * DAY, None)
    downgrade(account.database, configuration(), "0019")
    upgrade(account.database)
    assert changed_at(account) == written
