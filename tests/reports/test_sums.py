"""The summary's sums, where not every Droplet could be looked at."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest

from inventory.report import summary_text
from inventory.report.summary import Summary, read, summarise
from inventory.simulator.faults import Fault
from inventory.simulator.fleet import Fleet
from inventory.store.engine import Database
from inventory.views.queries import Question
from inventory.views.readers import TwoReaders
from tests.simulated import MONDAY, Account, backups_path

pytestmark = pytest.mark.costly

BIG = 700.7
SMALL = 12.3


class Two:
    """Two accounts, each with a Droplet whose only backup never changes."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.big = Account(database, Fleet(MONDAY), name="big")
        # A day older: the ids of simulated backups go by the time.
        self.small = Account(database, Fleet(MONDAY - timedelta(days=1), first_droplet_id=600_000_001), name="small")
        self.ids: list[int] = []
        for account, size in ((self.big, BIG), (self.small, SMALL)):
            account.configured = frozenset({"big", "small"})
            self.ids.append(account.fleet.add_droplet(name=f"of-{account.name}", plan=None))
            account.fleet.add_backup(self.ids[-1], size_gigabytes=size)
        self.small.advance(days=1)

    def days(self, number: int, *accounts: Account) -> None:
        """Let days pass, and sync these accounts at noon."""
        for _ in range(number):
            self.big.advance(days=1)
            self.small.advance(days=1)
            for account in accounts:
                account.sync()

    def summary(self, *droplet_ids: int, hours: float = 0) -> Summary:
        """Sum up all Droplets, or only some, so many hours after the last noon."""
        question = Question(self.big.clock() + timedelta(hours=hours), droplet_ids=droplet_ids or None)
        with self.database.reading() as connection:
            return summarise(connection, question, *read(TwoReaders(connection), question))

    def notes(self, *droplet_ids: int) -> dict[str, str]:
        return {each.what: f"{each.figure} {each.note}" for each in summary_text.figures(self.summary(*droplet_ids))}


@pytest.fixture
def two(migrated_url: str) -> Iterator[Two]:
    with closing(Database(migrated_url)) as database:
        yield Two(database)


def test_an_account_that_was_not_read_for_six_days_changes_no_sum(two: Two) -> None:
    two.days(3, two.big, two.small)
    two.days(6, two.small)
    two.days(3, two.big, two.small)
    found = two.summary()
    assert (found.size_gigabytes, found.size_before_gigabytes) == (713.0, 713.0)
    assert found.sizes == [713.0] * 12
    assert found.size_not_fresh_gigabytes == 0
    assert found.size_before_not_fresh_gigabytes == BIG
    assert two.notes()["Stored"] == "713.0 GB +0.0 GB in 7 days or more (+0.0%)"


def test_what_was_not_read_for_a_month_is_carried_and_said(two: Two) -> None:
    two.days(3, two.big, two.small)
    two.days(31, two.small)
    whole, some = two.summary(), two.summary(*two.ids)
    assert replace(some, health=whole.health) == whole
    assert (whole.size_gigabytes, whole.size_before_gigabytes) == (713.0, 713.0)
    assert whole.sizes == [713.0] * 31
    assert (whole.size_not_fresh_gigabytes, whole.size_before_not_fresh_gigabytes) == (BIG, BIG)
    assert two.notes() == two.notes(*two.ids)
    assert two.notes()["Stored"] == "713.0 GB +0.0 GB in 7 days or more (+0.0%)"
    assert two.notes()["Not fresh"] == "700.7 GB of it, by a look that is overdue"


def test_the_largest_stays_among_the_largest_while_nobody_looks(two: Two) -> None:
    two.days(3, two.big, two.small)
    two.days(31, two.small)
    largest = [(each.growth.droplet, each.sizes) for each in two.summary().largest]
    assert largest == [("of-big", []), ("of-small", [SMALL] * 31)]


def test_a_droplet_that_existed_before_its_first_look_does_not_grow_out_of_nothing(two: Two) -> None:
    two.days(9, two.small)
    two.days(3, two.big, two.small)
    found = two.summary()
    assert (found.size_gigabytes, found.size_before_gigabytes) == (713.0, SMALL)
    assert found.size_unknown_before_gigabytes == BIG
    assert two.notes()["Stored"] == "713.0 GB +0.0 GB in 7 days (+0.0%), 700.7 GB first seen since"


def test_a_droplet_made_since_grows_out_of_nothing(two: Two) -> None:
    two.days(9, two.big, two.small)
    two.small.advance(hours=1)
    two.big.advance(hours=1)
    new = two.small.fleet.add_droplet(name="new", plan=None)
    two.small.fleet.add_backup(new, size_gigabytes=1.0)
    two.days(1, two.big, two.small)
    found = two.summary()
    assert (found.size_gigabytes, found.size_before_gigabytes, found.size_unknown_before_gigabytes) == (714.0, 713.0, 0)


def test_a_droplet_that_is_gone_counts_until_it_was_found_gone(two: Two) -> None:
    two.days(9, two.big, two.small)
    two.big.fleet.add_droplet(name="another", plan=None)
    two.big.fleet.destroy(two.ids[0])
    two.days(3, two.big, two.small)
    found = two.summary()
    assert (found.size_gigabytes, found.size_before_gigabytes) == (SMALL, 713.0)
    assert found.sizes[-4:] == [713.0, 713.0, SMALL, SMALL]


def test_of_droplets_that_nobody_could_look_at_nothing_is_zero(two: Two) -> None:
    two.big.api.faults[backups_path(two.ids[0])] = Fault(status=500)
    two.days(1, two.big)
    found = two.summary()
    assert (found.backups, found.size_gigabytes, found.size_before_gigabytes, found.never_looked_at) == (None,) * 3 + (
        1,
    )
    notes = two.notes()
    assert notes["Live backups"] == notes["Stored"] == "unknown "
    assert notes["Unknown"] == "1 not looked at yet, and not counted in the above"
    two.days(1, two.small)
    found = two.summary()
    assert (found.backups, found.size_gigabytes, found.never_looked_at) == (1, SMALL, 1)


def test_a_price_that_is_not_known_is_counted_and_not_zero(two: Two) -> None:
    policies = "/v2/droplets/backups/policies"
    two.big.api.faults[policies] = Fault(status=500)
    two.days(1, two.big, two.small)
    found = two.summary()
    assert (found.cost_usd, found.without_rate) == (0.0, 1)


def test_sums_are_written_as_they_are_meant(two: Two) -> None:
    for size in (0.1, 0.2, 0.7):
        two.small.advance(hours=1)
        two.small.fleet.add_backup(two.ids[1], size_gigabytes=size)
    two.big.advance(hours=3)
    two.days(1, two.big, two.small)
    found = two.summary()
    assert (str(found.size_gigabytes), list(map(str, found.sizes))) == ("714.0", ["714.0"])
