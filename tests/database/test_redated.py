"""Backups whose creation time the API changes: what was answered stays, and no age is reckoned from it."""

from datetime import timedelta

import pytest

from inventory.errors import EXIT_COMPLETE, EXIT_HELD
from inventory.store.engine import Database
from inventory.views.queries import Question, ask
from inventory.views.rows import ROWS, Event
from tests.simulated import MONDAY, Account, Row

pytestmark = pytest.mark.costly


@pytest.fixture
def account(database: Database) -> Account:
    """Three Droplets with ten backups each, of up to ten days, synced once."""
    account = Account(database)
    for number in range(3):
        account.fleet.add_droplet(name=f"web-{number}", retention_days=10, backups=10)
    account.sync()
    return account


def redate(account: Account, by: timedelta) -> None:
    for number in account.droplets:
        for backup in account.fleet.backups_of(number):
            account.fleet.edit_backup(backup.id, created_at=backup.created_at + by)


def created_at(account: Account) -> dict[int, object]:
    return {row["id"]: row["created_at"] for row in account.rows("backups")}


def test_backups_that_were_re_dated_are_not_taken_for_expired(account: Account) -> None:
    """A year back in one run, empty listings in the next."""
    first_shown = created_at(account)
    redate(account, timedelta(days=-365))
    account.advance(hours=1)
    assert account.sync().exit_code == EXIT_COMPLETE
    account.lose_all(*account.droplets)
    account.advance(hours=1)
    assert account.sync().exit_code == EXIT_HELD
    assert account.sync().exit_code == EXIT_COMPLETE
    assert account.reasons().count("unexplained") >= 24
    assert created_at(account) == first_shown


@pytest.mark.parametrize("days", [-365, -1, 3])
def test_re_dating_changes_no_answer_about_the_past(account: Account, days: int) -> None:
    views = [name for name in ROWS if name != "restorable_backups"]

    def answers() -> dict[str, object]:
        with account.database.reading() as connection:
            return {name: ask(connection, ROWS[name], Question(now=MONDAY)) for name in views}

    before = answers()
    redate(account, timedelta(days=days))
    account.advance(hours=1)
    account.sync()
    assert answers() == before


def test_changes_tell_of_each_re_dating(account: Account) -> None:
    number = account.droplets[0]
    backup = account.fleet.backups_of(number)[0]
    moved = backup.created_at - timedelta(days=365)
    for created in (moved, backup.created_at):
        account.fleet.edit_backup(backup.id, created_at=created)
        account.advance(hours=1)
        account.sync()
    with account.database.reading() as connection:
        found: list[Event] = ask(connection, Event, Question(now=account.clock()))
    changed = [row for row in found if row.event == "backup_changed"]
    texts = (f"{backup.created_at:%Y-%m-%d %H:%M:%S}", f"{moved:%Y-%m-%d %H:%M:%S}")
    assert [(row.backup_id, row.attribute, row.old_value, row.new_value) for row in changed] == [
        (backup.id, "created_at", texts[1], texts[0]),
        (backup.id, "created_at", texts[0], texts[1]),
    ]
    rows: list[Row] = account.rows("backup_versions", backup_id=backup.id)
    assert [row["created_at"] for row in rows] == [None, moved, None]
