"""Days are added up once they are over; what is kept is what would be added up, or is passed over."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from inventory.model import Selection
from inventory.report.fleet_sizes import SizeOnDay, read_sizes
from inventory.report.kept_days import read_kept
from inventory.rounds.adding_up import add_up_after
from inventory.simulator.faults import Fault
from inventory.simulator.fleet import Fleet
from inventory.store import forget
from inventory.store.account_records import StoredAccount
from inventory.store.engine import Database
from inventory.store.schema import account_days
from inventory.sync.result import SyncReport
from inventory.views.queries import Question, ask
from inventory.views.rows import FleetSizeOnDay, KnownDroplet
from tests.simulated import EVERYTHING, MONDAY, Account, backups_path

DAY = timedelta(days=1)
MONSTROUS = 77_777.0


@pytest.fixture
def account(database: Database) -> Account:
    account = Account(database, Fleet(MONDAY, seed=1))
    for number in range(3):
        account.fleet.add_droplet(name=f"web-{number}", plan="daily", backups=5)
    return account


def look(account: Account, days: int = 1) -> SyncReport:
    """Let days pass, each with a sync after which days are added up."""
    for _ in range(days):
        account.advance(days=1)
        report = account.sync()
        add_up_after(account.database, report)
    return report


def of(*droplet_ids: int) -> Selection:
    return Selection(everything=False, droplet_ids=frozenset(droplet_ids))


def asked(account: Account, now: datetime | None = None) -> Sequence[FleetSizeOnDay]:
    with account.database.reading() as connection:
        return ask(connection, FleetSizeOnDay, Question(now or account.clock()))


def summed_up(account: Account, days: int = 30, now: datetime | None = None) -> tuple[int, list[SizeOnDay]]:
    """Give how many days a summary reads from what is kept, and every day that it adds up."""
    question = Question(now or account.clock())
    with account.database.reading() as connection:
        droplets = ask(connection, KnownDroplet, question)
        found, until = read_kept(connection, question, droplets, question.now.date() - days * DAY)
        return len(found), [*found, *read_sizes(connection, question, droplets, until).totals()]


def kept(account: Account) -> list[date]:
    return [row["day"] for row in account.rows("account_days")]


def forge(account: Account) -> None:
    """Put a size into what is kept that no day had."""
    with account.database.writing() as connection:
        connection.execute(sa.update(account_days).values(size_gigabytes=MONSTROUS))


def forged(account: Account, now: datetime | None = None) -> list[date]:
    """List the days that are read from what is kept, after `forge`."""
    return [row.day for row in asked(account, now) if row.size_gigabytes == MONSTROUS]


def added_up_anew(account: Account) -> Sequence[FleetSizeOnDay]:
    with account.database.writing() as connection:
        connection.execute(sa.delete(account_days))
    return asked(account)


def test_days_that_are_over_are_read_and_the_last_two_are_added_up(account: Account) -> None:
    look(account, 6)
    before, days = asked(account), kept(account)
    assert [row.day for row in before] == [(MONDAY + number * DAY).date() for number in range(1, 7)]
    assert days == [row.day for row in before[:-2]]
    forge(account)
    assert forged(account) == days
    assert added_up_anew(account) == before


def test_a_summary_reads_what_is_kept_and_adds_up_the_rest(account: Account) -> None:
    look(account, 8)
    (of_kept, before), (of_few, few) = summed_up(account), summed_up(account, days=4)
    assert (of_kept, len(before)) == (6, 8)
    assert (of_few, few) == (3, before[3:])
    assert [each.size_gigabytes for each in before] == [row.size_gigabytes for row in asked(account)]
    forge(account)
    assert [each.size_gigabytes for each in summed_up(account)[1]][:6] == [MONSTROUS] * 6
    added_up_anew(account)
    assert summed_up(account) == (0, before)


def test_a_summary_goes_on_over_days_on_which_nobody_looked_at_one_account(
    database: Database, account: Account
) -> None:
    other = Account(database, account.fleet, name="other")
    other.configured = account.configured = frozenset({"default", "other"})
    account.selection, other.selection = of(*account.droplets[:2]), of(account.droplets[2])
    look(account)
    add_up_after(database, other.sync())
    look(account, 8)
    add_up_after(database, other.sync())
    kept_now, before = summed_up(account, days=5)
    assert (kept_now, len(before)) == (4, 6)
    added_up_anew(account)
    assert summed_up(account, days=5) == (0, before)


def test_a_summary_asks_the_droplets_where_one_went_while_nobody_looked(database: Database, account: Account) -> None:
    """One is no longer selected on a day on which the other one cannot be listed; another account is looked at."""
    other = Account(database, account.fleet, name="other")
    other.configured = account.configured = frozenset({"default", "other"})
    first, second, third = account.droplets
    account.selection, other.selection = of(first, second), of(third)
    for _ in range(4):
        look(account)
        add_up_after(database, other.sync())
    account.selection = of(first)
    account.api.faults[backups_path(first)] = Fault(status=403)
    for _ in range(4):
        look(account)
        add_up_after(database, other.sync())
    account.api.faults.clear()
    look(account)
    add_up_after(database, other.sync())
    kept_now, before = summed_up(account)
    assert (kept_now, len(before)) == (5, 9)
    added_up_anew(account)
    assert summed_up(account) == (0, before)


def test_nothing_is_written_twice_on_a_day(account: Account) -> None:
    look(account, 6)
    rows = account.rows("account_days")
    account.advance(hours=1)
    add_up_after(account.database, account.sync())
    assert account.rows("account_days") == rows


def test_a_day_without_a_look_is_kept_and_not_shown(account: Account) -> None:
    look(account, 2)
    account.advance(days=3)
    look(account, 3)
    before = asked(account)
    assert [row["droplets_observed"] for row in account.rows("account_days")] == [3, 3, 0, 0, 0, 3]
    assert len(before) == 5
    assert added_up_anew(account) == before


def test_a_past_moment_does_not_read_what_was_added_up_later(account: Account) -> None:
    look(account, 6)
    moments = [account.clock() - number * DAY + timedelta(minutes=1) for number in range(7)]
    forge(account)
    assert [len(forged(account, moment)) for moment in moments] == [4, 3, 2, 1, 0, 0, 0]
    assert [summed_up(account, now=moment)[0] for moment in moments] == [4, 3, 2, 1, 0, 0, 0]


@pytest.mark.parametrize("how", ["is found again", "is selected again"])
def test_a_droplet_that_comes_back_changes_the_past(account: Account, how: str) -> None:
    look(account, 3)
    if how == "is found again":
        account.api.token_sees = set(account.droplets[1:])
        look(account, 5)
        account.api.token_sees = None
    else:
        account.selection = of(*account.droplets[1:])
        look(account, 5)
        account.selection = EVERYTHING
    gone = asked(account)
    forge(account)
    look(account)
    assert forged(account) == []
    assert summed_up(account)[0] == 0
    back = asked(account)
    assert [row.droplets_known for row in back[:8]] != [row.droplets_known for row in gone]
    look(account, 2)
    assert kept(account) == [row.day for row in asked(account)[:-2]]
    assert MONSTROUS not in {row["size_gigabytes"] for row in account.rows("account_days")}
    now = asked(account)
    assert now[: len(back)] == back
    assert added_up_anew(account) == now


def test_a_droplet_that_moves_changes_the_past_of_both(database: Database, account: Account) -> None:
    other = Account(database, account.fleet, name="other")
    other.configured = account.configured = frozenset({"default", "other"})
    first, second, third = account.droplets
    account.selection, other.selection = of(first, second), of(third)
    for _ in range(6):
        look(account)
        add_up_after(database, other.sync())
    forge(account)
    assert len(forged(account)) == 8
    account.selection, other.selection = of(first), of(second, third)
    look(account)
    before = account.rows("account_days")
    add_up_after(database, other.sync())
    assert account.rows("account_days") == before
    assert [row["account_id"] for row in account.rows("droplets")] == [1, 2, 2]
    assert forged(account, account.clock() + timedelta(minutes=1)) == []
    for _ in range(3):
        look(account)
        add_up_after(database, other.sync())
    assert len(kept(account)) == 16
    now = asked(account)
    assert added_up_anew(account) == now


@pytest.mark.parametrize(("hours", "is_read"), [(1, False), (24, False), (25, True)])
def test_what_was_added_up_within_a_day_of_a_return_is_passed_over(
    account: Account, hours: int, *, is_read: bool
) -> None:
    look(account, 4)
    account.api.token_sees = set(account.droplets[1:])
    look(account, 4)
    account.api.token_sees = None
    look(account)
    forge(account)
    added_up_at = account.clock() + timedelta(hours=hours)
    with account.database.writing() as connection:
        connection.execute(sa.update(account_days).values(added_up_at=added_up_at))
    assert bool(forged(account, added_up_at + timedelta(hours=1))) is is_read


def test_nothing_is_read_of_an_account_whose_droplets_another_took_over(database: Database, account: Account) -> None:
    """It is no longer configured: they move without having been unselected."""
    look(account, 6)
    forge(account)
    other = Account(database, account.fleet, name="other")
    other.sync()
    assert {row["account_id"] for row in account.rows("droplets")} == {2}
    later = account.clock() + timedelta(minutes=1)
    assert forged(account, later) == []
    assert {row.account for row in asked(account, later)} == {"other"}


def test_a_history_of_years_is_added_up_over_some_rounds(account: Account) -> None:
    account.sync()
    account.advance(days=250)
    lengths = []
    for _ in range(4):
        account.advance(hours=1)
        add_up_after(account.database, account.sync())
        lengths.append(len(kept(account)))
    assert lengths == [101, 202, 249, 249]


def test_a_dry_run_and_a_failed_one_add_nothing_up(account: Account) -> None:
    account.sync()
    account.advance(days=9)
    add_up_after(account.database, account.sync(is_dry_run=True))
    account.api.status = "locked"
    assert kept(account) == []


def test_a_bug_is_logged_and_stops_nothing(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise ZeroDivisionError

    look(account, 2)
    monkeypatch.setattr("inventory.rounds.adding_up.account_days.find_open", fail)
    with capture_logs() as logged:
        look(account, 3)
    assert [(each["event"], each["log_level"]) for each in logged] == [("days.crashed", "error")] * 3
    assert "ZeroDivisionError" in logged[0]["exception"]
    assert len(asked(account)) == 5


def test_forgetting_an_account_lets_others_be_added_up_anew(database: Database, account: Account) -> None:
    other = Account(database, account.fleet, name="other")
    other.configured = account.configured = frozenset({"default", "other"})
    look(account, 6)
    account.selection = of(account.droplets[0])
    look(account)
    for _ in range(4):
        account.advance(days=1)
        add_up_after(database, other.sync())
    assert {row["account_id"] for row in account.rows("account_days")} == {1, 2}
    (stored,) = (row for row in account.rows("accounts") if row["name"] == "default")
    forget.forget(database, StoredAccount(stored["id"], stored["name"], stored["uuid"]), account.clock())
    assert account.rows("account_days") == []
    add_up_after(database, other.sync())
    now = asked(other)
    assert len(kept(other)) > 4
    assert added_up_anew(other) == now
