"""Months are added up once they are over and a complete run has seen what was made in them; they stay as they were."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from inventory.model import Selection
from inventory.rounds.adding_up import add_up_after
from inventory.simulator.faults import Fault
from inventory.simulator.fleet import Fleet
from inventory.store import account_months, forget
from inventory.store.account_months import OpenMonths
from inventory.store.account_records import StoredAccount
from inventory.store.engine import Database
from inventory.store.schema import backup_rates
from inventory.views.queries import Question, ask
from inventory.views.rows import AccountMonth, MonthCoverage, MonthlyCost
from tests.simulated import MONDAY, Account, backups_path

MARCH, APRIL, MAY = date(2026, 3, 1), date(2026, 4, 1), date(2026, 5, 1)


@pytest.fixture
def account(database: Database) -> Account:
    """Give an account that is looked at from 2 March on."""
    account = Account(database, Fleet(MONDAY, seed=1))
    for number in range(3):
        account.fleet.add_droplet(name=f"web-{number}", plan="daily", backups=5)
    return account


def look_until(account: Account, moment: datetime) -> None:
    """Look every third day, and add up after each look, the last of them at the moment."""
    while account.clock() < moment:
        account.fleet.advance(to=min(moment, account.clock() + timedelta(days=3)))
        add_up_after(account.database, account.sync())


def asked(account: Account, now: datetime | None = None) -> Sequence[AccountMonth]:
    with account.database.reading() as connection:
        return ask(connection, AccountMonth, Question(now or account.clock()))


def months(account: Account) -> list[date]:
    return [row.month for row in asked(account)]


def noon(month: int, day: int) -> datetime:
    return datetime(2026, month, day, 12, tzinfo=UTC)


def test_a_month_is_added_up_after_a_complete_run_a_day_after_its_end(account: Account) -> None:
    look_until(account, noon(4, 1))
    assert months(account) == []
    account.fleet.advance(to=noon(4, 2))
    add_up_after(account.database, account.sync())
    assert months(account) == [], "what it came to is asked as of the beginning of the run, which knows of no such run"
    account.advance(minutes=5)
    add_up_after(account.database, account.sync())
    assert months(account) == [MARCH]


def test_it_is_the_sum_of_what_the_views_said_then(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inventory.rounds.adding_up._DROPLETS_AT_ONCE", 2)
    account.fleet.schedule(noon(3, 20), lambda fleet: fleet.miss_next(account.droplets[0]))
    account.fleet.schedule(noon(4, 9), lambda fleet: fleet.disable_backups(account.droplets[1]))
    look_until(account, noon(5, 9))
    april, march = asked(account)
    for found in (april, march):
        with account.database.reading() as connection:
            question = Question(found.added_up_at, since=datetime.combine(found.month, MONDAY.timetz()))
            costs = [row for row in ask(connection, MonthlyCost, question) if row.month == found.month]
            coverage = [row for row in ask(connection, MonthCoverage, question) if row.month == found.month]
        assert found.droplets == len(costs) == 3
        assert found.backups_made == sum(row.backups_made for row in costs) > 60
        assert found.estimated_usd == pytest.approx(sum(row.estimated_usd or 0 for row in costs))
        assert found.droplets_of_unknown_cost == 0
        assert found.windows_due == sum(row.windows_due for row in coverage)
        assert found.windows_made == sum(row.windows_made for row in coverage)
        assert found.windows_made_percent == pytest.approx(100 * found.windows_made / found.windows_due, abs=1e-4)
    assert march.windows_made == march.windows_due - 1
    assert (march.is_complete_month, april.is_complete_month) == (False, True), "the first look was on 2 March"


def test_while_no_run_is_complete_no_month_is_added_up(account: Account) -> None:
    account.sync()
    account.api.faults[backups_path(account.droplets[0])] = Fault(status=403)
    look_until(account, noon(4, 20))
    assert months(account) == []
    account.api.faults.clear()
    look_until(account, noon(4, 22))
    look_until(account, noon(4, 23))
    assert months(account) == [MARCH]
    assert asked(account)[0].backups_made > 60


def test_a_run_over_some_droplets_is_not_complete(account: Account) -> None:
    look_until(account, noon(3, 31))
    for day in (3, 4):
        account.fleet.advance(to=noon(4, day))
        add_up_after(account.database, account.sync(str(account.droplets[0])))
    assert months(account) == []


def test_what_was_told_of_a_month_stays(database: Database, account: Account) -> None:
    """Whatever moves, ends or is priced anew later; before it was added up, nothing was told."""
    look_until(account, noon(4, 6))
    (march,) = asked(account)
    assert asked(account, march.added_up_at) == [march]
    assert asked(account, march.added_up_at - timedelta(seconds=1)) == []
    other = Account(database, account.fleet, name="other")
    other.configured = account.configured = frozenset({"default", "other"})
    moved, *left = account.droplets
    account.selection = Selection(everything=False, droplet_ids=frozenset(left))
    other.selection = Selection(everything=False, droplet_ids=frozenset({moved}))
    with database.writing() as connection:
        connection.execute(sa.update(backup_rates).values(price_percent=99.0, gibibyte_month_usd=None))
    for _ in range(12):
        account.advance(days=3)
        add_up_after(database, account.sync())
        add_up_after(database, other.sync())
    of_both = asked(account)
    assert [(row.account, row.month, row.droplets) for row in of_both] == [
        ("default", APRIL, 2), ("default", MARCH, 3), ("other", APRIL, 1),
    ]  # fmt: skip
    assert of_both[1] == march


def test_costs_that_are_not_known_are_counted(account: Account) -> None:
    account.fleet.change_policy(account.droplets[0], plan="hourly-or-so")
    look_until(account, noon(4, 6))
    (march,) = asked(account)
    assert (march.droplets, march.droplets_of_unknown_cost) == (3, 1)
    assert march.estimated_usd
    with account.database.writing() as connection:
        connection.execute(sa.delete(backup_rates))
    look_until(account, noon(5, 6))
    april = asked(account)[0]
    assert (april.month, april.estimated_usd, april.droplets_of_unknown_cost) == (APRIL, None, 3)


def test_a_history_of_years_is_added_up_over_some_rounds(account: Account) -> None:
    account.sync()
    account.advance(days=250)
    account.sync()
    lengths = []
    for _ in range(4):
        account.advance(hours=1)
        add_up_after(account.database, account.sync())
        lengths.append(len(months(account)))
    assert lengths == [3, 6, 8, 8]


def test_who_comes_second_leaves_what_is_there(account: Account) -> None:
    look_until(account, noon(4, 6))
    before = asked(account)
    with account.database.writing() as connection:
        (row,) = account.rows("account_months")
        again = OpenMonths(row["account_id"], MARCH, MAY, MARCH)
        account_months.keep(connection, again, [], [], account.clock())
    assert asked(account)[1:] == before
    assert months(account) == [APRIL, MARCH]


def test_an_account_that_is_forgotten_leaves_no_month(account: Account) -> None:
    look_until(account, noon(4, 6))
    (stored,) = account.rows("accounts")
    forget.forget(account.database, StoredAccount(stored["id"], stored["name"], stored["uuid"]), account.clock())
    assert account.rows("account_months") == []
    with account.database.writing() as connection:
        account_months.keep(connection, OpenMonths(stored["id"], MARCH, APRIL, MARCH), [], [], account.clock())
    assert account.rows("account_months") == []
