"""One look at a fleet that is four weeks old already says what is wrong with it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from inventory.simulator.fleet import Fleet
from inventory.store.engine import Database
from inventory.views.queries import Question, ask
from inventory.views.rows import DropletRetention, DropletSizeOnDay, MissedBackup, MonthCoverage, SizeGrowth
from tests.simulated import Account
from tests.views.story import Punctual

SATURDAY = datetime(2026, 2, 28, 21, tzinfo=UTC)
BEGAN = datetime(2026, 1, 31, 21, tzinfo=UTC)


@pytest.fixture
def database(migrated_url: str) -> Iterator[Database]:
    """Let a fleet live for 28 days, and look once."""
    fleet = Fleet(BEGAN)
    fleet.chance = Punctual(1)
    daily = fleet.add_droplet(name="daily", plan="daily", hour=4, size_gigabytes=2.0)
    weekly = fleet.add_droplet(name="weekly", plan="weekly", weekday="SUN", hour=20, size_gigabytes=10.0)
    fleet.advance(to=datetime(2026, 2, 14, 12, tzinfo=UTC))
    fleet.miss_next(weekly)  # on 15 February
    fleet.advance(to=datetime(2026, 2, 24, 12, tzinfo=UTC))
    fleet.miss_next(daily)  # on 25 February
    fleet.advance(to=SATURDAY)
    for number, backup in enumerate(fleet.backups_of(weekly)):
        fleet.edit_backup(backup.id, size_gigabytes=(10.0, 11.0, 13.0)[number])  # 1, 8 and 22 February
    database = Database(migrated_url)
    Account(database, fleet).sync()
    yield database
    database.close()


def test_the_first_look_names_what_was_missed_what_is_kept_and_how_it_grows(database: Database) -> None:
    question = Question(SATURDAY)
    with database.reading() as connection:
        missed = ask(connection, MissedBackup, question)
        kept = ask(connection, DropletRetention, question)
        growth = ask(connection, SizeGrowth, question)
        covered = ask(connection, MonthCoverage, question)
        days = ask(connection, DropletSizeOnDay, question)
    assert [(row.droplet, row.window_starts_at.day, row.verdict, row.is_before_first_look) for row in missed] == [
        ("daily", 25, "missed", True),
        ("weekly", 15, "missed", True),
    ]
    # 22 to 28 February, and 1, 8, 15 and 22 February.
    assert [(row.droplet, row.backups, row.expected_backups, row.verdict) for row in kept] == [
        ("daily", 6, 7, "too few"),
        ("weekly", 3, 4, "too few"),
    ]
    assert [(row.windows_due, row.windows_made, row.windows_missed) for row in covered] == [(7, 6, 1), (4, 3, 1)]
    # A gigabyte a week, times three that are kept.
    assert {row.droplet: row.growth_per_day_gigabytes for row in growth} == {"daily": 0.0, "weekly": 0.4286}
    assert {row.day for row in days} == {SATURDAY.date()}


def test_a_day_later_it_says_the_same_of_what_was_before(database: Database) -> None:
    with database.reading() as connection:
        missed = ask(connection, MissedBackup, Question(SATURDAY + timedelta(hours=24)))
    assert [row.window_starts_at.day for row in missed if row.is_before_first_look] == [25, 15]
