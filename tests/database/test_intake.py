"""When the attempts of a run are written: many together, but none waits for long."""

from dataclasses import replace
from datetime import timedelta

import pytest

from inventory.model import Attempt, Selection
from inventory.store.engine import Database
from inventory.sync.intake import Intake
from inventory.sync.ledger import Ledger
from inventory.sync.order import Job, Order
from tests.simulated import rows
from tests.unit.attempts import LATER, backup, droplet, seen


class Time:
    """A monotonic clock that is set by hand."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def intake(database: Database, time: Time) -> Intake:
    job = Job(
        account="default",
        selection=Selection(everything=True),
        configured_accounts=frozenset({"default"}),
        deadline=timedelta(hours=1),
        order=Order(),
    )
    ledger = Ledger.begin(database, job, clock=lambda: LATER, seconds=time)
    return Intake(ledger, before_writing=lambda: None, accepting=None, is_verbose=False, seconds=time)


def attempt(number: int) -> Attempt:
    """A look at the Droplet of this id, which has one backup, of the same id."""
    return replace(seen(backup(number)), droplet_id=number, droplet=droplet(id=number))


def stored(intake: Intake) -> list[int]:
    with intake.ledger.database.reading() as connection:
        return [row["id"] for row in rows(connection, "droplets")]


def test_attempts_are_written_when_the_first_of_them_is_two_seconds_old(intake: Intake, time: Time) -> None:
    for number, seconds, written in ((1, 0.0, []), (2, 1.5, []), (3, 1.5, [1, 2, 3])):
        time.seconds += seconds
        intake.take(attempt(number))
        assert stored(intake) == written
    assert intake.counts["backups_appeared"] == 3


def test_the_age_of_the_next_attempts_begins_with_the_first_of_them(intake: Intake, time: Time) -> None:
    for number, seconds, written in ((1, 0.0, []), (2, 5.0, [1, 2]), (3, 10.0, [1, 2]), (4, 1.5, [1, 2])):
        time.seconds += seconds
        intake.take(attempt(number))
        assert stored(intake) == written
    intake.flush()
    assert stored(intake) == [1, 2, 3, 4]
