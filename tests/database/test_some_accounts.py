"""Every view answers about some of several accounts what it answers about all, but for the rows of the others."""

from datetime import timedelta
from typing import Any

import pytest

from inventory.judging import evidence
from inventory.judging.evidence import inspect
from inventory.judging.rules import Rules
from inventory.simulator.fleet import Fleet
from inventory.store.engine import Database
from inventory.views.catalog import views
from inventory.views.queries import Question, ask
from inventory.views.rows import ROWS
from tests.simulated import MONDAY, Account

pytestmark = pytest.mark.costly

NAMES = ("big", "small", "other")


@pytest.fixture
def accounts(database: Database) -> list[Account]:
    """Three accounts of a fortnight, and a Droplet that moved from the second to the third."""
    found = []
    for number, name in enumerate(NAMES):
        fleet = Fleet(
            MONDAY - timedelta(hours=number),
            seed=number,
            first_droplet_id=(number + 1) * 1_000_000,
            first_image_id=number * 2_000_000_000,
        )
        account = Account(database, fleet, name=name)
        account.configured = frozenset(NAMES)
        for droplet in range(2):
            fleet.add_droplet(name=f"web-{droplet}", plan="daily", backups=3, tags=["web"])
        found.append(account)
    for _ in range(4):
        for account in found:
            account.sync(is_full=False)
            account.advance(days=3)
    lost = found[0].droplets[0]
    found[0].lose_all(lost)
    found[0].sync()
    moved = Account(database, found[1].fleet, name="other")
    moved.api.uuid = found[2].api.uuid
    moved.configured = frozenset({"other"})
    moved.sync(str(found[1].droplets[0]))
    return found


@pytest.mark.parametrize("days", [0, 5])
def test_the_rows_are_those_of_all_but_the_others(accounts: list[Account], days: int) -> None:
    now = accounts[0].clock() - timedelta(days=days)
    with accounts[0].database.reading() as connection:
        for name in views():
            if "account" in views()[name].columns and views()[name].reads:
                every: list[Any] = ask(connection, ROWS[name], Question(now))
                for wanted in (["big"], ["small", "other"]):
                    expected = [row for row in every if row.account in wanted]
                    assert ask(connection, ROWS[name], Question(now, accounts=wanted)) == expected, name


def test_a_verdict_in_parts_is_the_verdict(accounts: list[Account], monkeypatch: pytest.MonkeyPatch) -> None:
    now = accounts[0].clock() + timedelta(days=2)

    def verdict(*, by_two: bool) -> object:
        with accounts[0].database.reading_twice() as readers:
            assert readers.second is not None
            second = readers.second if by_two else None
            return inspect(readers.connection, now, Rules(), (), accounts=[*NAMES, "never"], second=second)

    whole = verdict(by_two=False)
    monkeypatch.setattr(evidence, "ALL_AT_ONCE", 1)
    assert verdict(by_two=False) == whole
    assert verdict(by_two=True) == whole
