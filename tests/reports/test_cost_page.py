"""Months that were added up are shown as they were told; all others are added up from what is known now."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from inventory.judging.rules import Rules
from inventory.pages import cost
from inventory.pages.asked import Asked
from inventory.pages.reading import Reading
from inventory.report.overview import Judging
from inventory.rounds.adding_up import add_up_after
from inventory.simulator.fleet import Fleet
from inventory.store.engine import Database
from inventory.store.schema import account_months
from inventory.views.queries import Question, ask
from inventory.views.rows import MonthlyCost
from tests.simulated import MONDAY, Account

pytestmark = pytest.mark.costly

NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)
TOLD = 1000.0
"""More than any month costs, so that it shows whether it was told or added up."""

EVERYTHING = Asked()
MONTHS = ["2026-03", "2026-04", "2026-05"]


@pytest.fixture
def two(migrated_url: str) -> Iterator[Database]:
    """Give two accounts that are looked at from March to May; only the months of the first are added up."""
    with closing(Database(migrated_url)) as database:
        first = Account(database, Fleet(MONDAY, seed=1), name="first")
        # A day older: the ids of simulated backups go by the time.
        older = Fleet(MONDAY - timedelta(days=1), seed=2, first_droplet_id=600_000_001)
        second = Account(database, older, name="second")
        for account in (first, second):
            account.configured = frozenset({"first", "second"})
            account.fleet.add_droplet(name=f"of-{account.name}", plan="daily", tags=("paid",))
        while first.clock() < NOW:
            first.fleet.advance(to=min(NOW, first.clock() + timedelta(days=6)))
            second.fleet.advance(to=first.clock())
            add_up_after(database, first.sync())
            second.sync()
        with database.writing() as connection:
            connection.execute(sa.update(account_months).values(estimated_usd=TOLD, droplets_of_unknown_cost=7))
        yield database


def content(database: Database, asked: Asked, now: datetime = NOW) -> Mapping[str, object]:
    judging = Judging(Rules(), (), None, {"first": "acme", "second": None})
    with database.reading() as connection:
        return cost.page(Reading(connection, asked, now, NOW, "", judging)).content


def parts(database: Database, asked: Asked = EVERYTHING, now: datetime = NOW) -> Sequence[Sequence[str]]:
    """Give each month's parts, the oldest month first."""
    found = content(database, asked, now)
    lines: Sequence[cost.Line] = found["lines"]  # type: ignore[assignment]
    assert [f"{line.month:%Y-%m}" for line in lines][::-1] == MONTHS[: len(lines)]
    return [tuple(line.parts) for line in reversed(lines)]


def known_now(database: Database, account: str, now: datetime = NOW) -> Sequence[str]:
    with database.reading() as connection:
        rows = ask(connection, MonthlyCost, Question(now, accounts=[account]))
    usd = {f"{row.month:%Y-%m}": row.estimated_usd or 0.0 for row in rows}
    return [f"{usd[month]:,.2f} USD" for month in MONTHS if month in usd]


def test_months_are_as_they_were_told_and_the_others_as_they_are_known(two: Database) -> None:
    of_first, of_second = known_now(two, "first"), known_now(two, "second")
    for by in ("account", "group"):
        assert parts(two, Asked(by=by)) == [*zip(("1,000.00 USD", "1,000.00 USD", of_first[2]), of_second, strict=True)]
        assert content(two, Asked(by=by))["unknown"] == 14


def test_an_account_alone_is_as_among_others(two: Database) -> None:
    for number, name in enumerate(("first", "second")):
        assert parts(two, Asked(account=name)) == [(each[number],) for each in parts(two)]


def test_some_droplets_are_added_up_as_they_are_known(two: Database) -> None:
    for asked in (Asked(by="tag"), Asked(tag="paid"), Asked(text="of-")):
        assert not any("1,000.00 USD" in each for each in parts(two, asked))
        assert content(two, asked)["unknown"] == 0


def test_of_the_past_only_what_was_told_by_then(two: Database) -> None:
    then = datetime(2026, 4, 15, tzinfo=UTC)
    of_first, of_second = known_now(two, "first", then), known_now(two, "second", then)
    assert parts(two, now=then) == [*zip(("1,000.00 USD", of_first[1]), of_second, strict=True)]


def test_what_was_not_added_up_for_long_is_added_up_from_droplets(two: Database) -> None:
    """As where one of the Droplets could never be looked at since, so that no run was complete."""
    with two.writing() as connection:
        connection.execute(sa.delete(account_months).where(account_months.c.month > date(2026, 3, 1)))
    later = NOW + timedelta(days=20)
    of_first, of_second = known_now(two, "first", later), known_now(two, "second", later)
    shown = parts(two, now=later)
    assert shown == [*zip(("1,000.00 USD", *of_first[1:]), of_second, strict=True)]
