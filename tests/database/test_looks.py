"""A backup that was seen to be missed stays missed, whatever happens to its Droplet afterwards."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from inventory.model import Selection
from inventory.simulator.faults import Fault
from inventory.simulator.fleet import Fleet
from inventory.store import forget
from inventory.store.engine import Database
from inventory.views.queries import Question, ask
from inventory.views.rows import (
    BackupLifetime,
    DropletSize,
    DropletSizeOnDay,
    EmptyWindow,
    Event,
    FleetSizeOnDay,
    KnownDroplet,
    SyncHealth,
)
from tests.simulated import MONDAY, Account, backups_path

pytestmark = pytest.mark.costly

POLICIES = "/v2/droplets/backups/policies"
WINDOW = MONDAY.replace(hour=4) + timedelta(days=1)
LOOKS = [MONDAY.replace(hour=14, minute=30) + number * timedelta(hours=6) for number in range(6)]


@pytest.fixture
def account(migrated_url: str) -> Iterator[Account]:
    """A Droplet whose backup of Tuesday, 04:00 to 08:00, is missed; looked at every six hours until 20:30."""
    with closing(Database(migrated_url)) as database:
        account = Account(database, Fleet(MONDAY, seed=1))
        droplet = account.fleet.add_droplet(name="web", plan="daily", backups=6, hour=4)
        account.fleet.miss_next(droplet)
        for look in LOOKS:
            account.fleet.advance(to=look)
            account.sync()
        yield account


def verdicts(account: Account, now: datetime) -> list[tuple[datetime, str]]:
    with account.database.reading() as connection:
        rows = ask(connection, EmptyWindow, Question(now))
    return [(row.window_starts_at, row.verdict) for row in rows if row.window_starts_at >= WINDOW]


@pytest.mark.parametrize(
    "happens",
    [
        lambda fleet, droplet: fleet.change_policy(droplet, plan="daily", hour=12),
        Fleet.disable_backups,
        Fleet.destroy,
    ],
    ids=["the hour moves", "backups go off", "it is destroyed"],
)
def test_what_was_mailed_in_the_evening_is_still_missed_after_a_change_at_night(
    account: Account, happens: Callable[[Fleet, int], object]
) -> None:
    mailed_at = account.fleet.now
    assert verdicts(account, mailed_at) == [(WINDOW, "missed")]
    happens(account.fleet, account.droplets[0])
    account.fleet.advance(to=WINDOW.replace(hour=22))
    for _ in range(2):
        account.sync(accept_gone=True)
        account.advance(minutes=1)
    account.advance(days=1)
    account.sync()
    assert (WINDOW, "missed") in verdicts(account, account.fleet.now)
    assert verdicts(account, mailed_at) == [(WINDOW, "missed")]


def test_a_miss_that_was_seen_stays_one_after_an_outage_longer_than_retention(account: Account) -> None:
    account.advance(days=9)
    account.sync()
    assert (WINDOW, "missed") in verdicts(account, account.fleet.now)


def test_the_last_look_before_a_moment_is_known_of_every_day(account: Account) -> None:
    account.advance(days=1)
    account.sync()
    with account.database.reading() as connection:
        for look, later in pairwise([*LOOKS, account.fleet.now]):
            for now in (look, later - timedelta(seconds=1)):
                (row,) = ask(connection, KnownDroplet, Question(now))
                assert row.last_observed_at == look, now


def test_a_droplet_that_moves_was_where_it_was(account: Account) -> None:
    """Unselected here, it is another account's from the look on that found it there."""
    (droplet,), before = account.droplets, account.fleet.now
    other = Account(account.database, account.fleet, name="other")
    other.configured = account.configured = frozenset({"default", "other"})
    account.fleet.add_droplet(name="stays", tags=["stays"])
    account.selection = Selection(everything=False, tags=frozenset({"stays"}))
    account.advance(hours=1)
    account.sync()
    between = account.fleet.now + timedelta(minutes=1)
    account.advance(hours=1)
    other.sync()
    after = account.fleet.now + timedelta(minutes=1)
    other.fleet.rename(droplet, "moved")
    account.advance(hours=1)
    other.sync()
    with account.database.reading() as connection:
        questions = [Question(now, droplet_ids=[droplet]) for now in (before, between, after)]
        known = [row for question in questions for row in ask(connection, KnownDroplet, question)]
    assert [(row.account, row.droplet, row.is_current) for row in known] == [
        ("default", "web", True),
        ("default", "web", False),
        ("other", "web", True),
    ]


def test_a_replaced_reason_is_kept_when_the_backup_returns(account: Account) -> None:
    (droplet,) = account.droplets
    newest = account.fleet.backups_of(droplet)[-1]
    account.api.faults[POLICIES] = Fault(status=500)
    account.api.faults[f"{POLICIES[:12]}/{droplet}/backups/policy"] = Fault(status=500)
    account.fleet.lose(newest.id)
    account.advance(hours=1)
    account.sync(accept_gone=True)
    account.api.faults.clear()
    moments = [account.fleet.now + timedelta(minutes=1)]
    account.advance(hours=1)
    account.sync()
    moments.append(account.fleet.now + timedelta(minutes=1))
    account.fleet.return_backup(newest.id)
    account.advance(hours=1)
    account.sync()
    moments.append(account.fleet.now + timedelta(minutes=1))
    with account.database.reading() as connection:
        lifetimes = [ask(connection, BackupLifetime, Question(now)) for now in moments]
        ended = [ask(connection, Event, Question(now)) for now in moments]
    assert [[row.gone_reason for row in rows if row.backup_id == newest.id] for rows in lifetimes] == [
        ["unknown"],
        ["unexplained"],
        [None],
    ]
    assert [[row.gone_reason for row in rows if row.event == "backup_ended"] for rows in ended] == [
        ["unknown"],
        ["unexplained"],
        ["unexplained"],
    ]


def test_the_status_of_an_account_is_that_of_the_moment(account: Account) -> None:
    before = account.fleet.now
    account.api.status = "locked"
    account.advance(hours=1)
    account.sync()
    with account.database.reading() as connection:
        told = [ask(connection, SyncHealth, Question(now))[0].account_status for now in (before, account.fleet.now)]
    assert told == ["active", "locked"]


def test_what_an_incomplete_listing_adds_is_left_out_of_the_day(account: Account) -> None:
    (droplet,) = account.droplets
    account.fleet.add_backup(droplet, size_gigabytes=7.0)
    account.api.faults[backups_path(droplet)] = Fault(total=lambda true: true + 1)
    account.advance(hours=1)
    account.sync()
    with account.database.reading() as connection:
        question = Question(account.fleet.now)
        (now,) = ask(connection, DropletSize, question)
        *_, today = ask(connection, DropletSizeOnDay, question)
        *_, of_all = ask(connection, FleetSizeOnDay, question)
    assert today.day == of_all.day == account.fleet.now.date()
    assert today.backups == of_all.backups == now.backups - 1


def test_a_droplet_that_moved_keeps_its_past_when_its_old_account_is_forgotten(account: Account) -> None:
    (droplet,) = account.droplets
    other = Account(account.database, account.fleet, name="other")
    account.advance(hours=1)
    other.sync()  # the account "default" is configured no more
    before = account.rows("droplet_versions", droplet_id=droplet)
    owners = [row.pop("account_id") for row in before]
    found = forget.find(account.database, "default")
    assert found is not None
    assert (found.rows["accounts"], found.rows["droplet_versions"], len(set(owners))) == (1, 0, 2)
    forget.forget(account.database, found.account, account.fleet.now)
    after = account.rows("droplet_versions", droplet_id=droplet)
    assert {row.pop("account_id") for row in after} == {owners[-1]}
    assert after == before
