"""The figures of a database, as they are read for the metrics."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from inventory.store.engine import Database
from inventory.store.schema import accounts, droplets, sync_runs
from inventory.store.snapshot import DURATION_BUCKETS, Snapshot, read_snapshot
from tests.simulated import Account

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def read(database: Database, most_droplets: int = 10) -> Snapshot:
    with database.reading() as connection:
        return read_snapshot(connection, NOON, most_droplets=most_droplets)


def insert_run(database: Database, **values: Any) -> None:  # noqa: ANN401 - columns
    row = {
        "account_id": 1,
        "started_at": NOON,
        "finished_at": NOON + timedelta(seconds=7),
        "heartbeat_at": NOON,
        "host": "a",
        "pid": 1,
        "trigger": "daemon",
        "mode": "detection",
        "overdue_after_seconds": 7200,
        "status": "complete",
    }
    with database.writing() as connection:
        connection.execute(sa.insert(sync_runs).values({**row, **values}))


@pytest.fixture
def account(database: Database) -> Account:
    with database.writing() as connection:
        connection.execute(sa.insert(accounts).values(name="default"))
    return Account(database)


def test_an_empty_database_has_no_figures(database: Database) -> None:
    assert read(database) == Snapshot(NOON)


def test_an_account_that_never_ran_has_none(account: Account, database: Database) -> None:
    (figures,) = read(database).accounts
    assert (figures.name, figures.last_attempt_at, figures.last_success_at, figures.runs) == ("default", None, None, {})


def test_the_fleet_is_counted_as_it_is_stored(account: Account, database: Database) -> None:
    kept = account.fleet.add_droplet(name="kept", plan="daily", backups=3)
    lost = account.fleet.add_droplet(name="lost", plan="daily", backups=2)
    left_out = account.fleet.add_droplet(name="left-out", plan="daily", backups=5)
    account.sync()
    account.lose_all(lost)
    account.advance(hours=1)
    account.sync()
    with database.writing() as connection:
        connection.execute(sa.update(droplets).where(droplets.c.id == left_out).values(unselected_since=NOON))
    (figures,) = read(database).accounts
    sizes = [row["size_gigabytes"] for row in account.rows("backups", droplet_id=kept)]
    assert (figures.droplets, figures.backups, figures.backups_held) == (2, 3, 0)
    assert figures.backups_gigabytes == pytest.approx(sum(sizes))
    assert figures.looks == {"complete": 6, "proven": 0, "incomplete": 0, "failed": 0}
    assert figures.runs == {"complete": 2}
    assert figures.requests > 6


def test_what_the_brake_holds_is_counted(account: Account, database: Database) -> None:
    droplet = account.fleet.add_droplet(name="web", plan="daily", backups=12)
    account.sync()
    account.lose_all(droplet)
    account.advance(hours=1)
    assert account.sync().status == "held"
    (figures,) = read(database).accounts
    assert figures.last_status == "held"
    live = [row for row in account.rows("backups") if row["gone_at"] is None]
    held = [row for row in live if row["missing_since"] is not None]
    assert len(held) > 10
    assert (figures.backups, figures.backups_held) == (len(live), len(held))


def test_the_newest_backups_that_are_oldest_come_first_and_no_more_than_asked_for(
    account: Account, database: Database
) -> None:
    for hours in range(4):
        account.fleet.add_droplet(name=f"web-{hours}", plan="daily", backups=1)
        account.advance(hours=1)
    account.fleet.add_droplet(name="empty", plan="daily", backups=0)
    account.sync()
    found = read(database, 3).newest_backups
    expected = sorted(
        (row["created_at"], row["droplet_id"]) for row in account.rows("backups") if row["gone_at"] is None
    )
    assert [(each.created_at, each.droplet_id) for each in found] == expected[:3]
    assert {each.account for each in found} == {"default"}
    assert read(database, 0).newest_backups == ()


def test_a_droplet_that_goes_takes_its_newest_backup_with_it(account: Account, database: Database) -> None:
    gone = account.fleet.add_droplet(name="gone", plan="daily", backups=1)
    account.fleet.add_droplet(name="stays", plan="daily", backups=1)
    account.sync()
    account.fleet.destroy(gone)
    for _ in range(2):
        account.advance(hours=1)
        account.sync()
    assert [each.droplet for each in read(database).newest_backups] == ["stays"]


def test_attempts_and_successes_are_those_of_the_whole_configuration(account: Account, database: Database) -> None:
    hours = [NOON + timedelta(hours=hour) for hour in range(9)]

    def run(hour: int, **values: object) -> None:
        insert_run(database, started_at=hours[hour], finished_at=hours[hour] + timedelta(seconds=7), **values)

    run(0, status="complete")
    run(1, status="complete", rate_limit_remaining=4000)
    run(2, status="partial")
    run(3, status="failed", rate_limit_remaining=3000)
    run(4, status="complete", mode="subset", rate_limit_remaining=2000)
    run(5, status="interrupted")
    insert_run(database, started_at=hours[6], finished_at=None, status="running")
    (figures,) = read(database).accounts
    assert figures.last_success_at == hours[1] + timedelta(seconds=7)
    assert figures.last_attempt_at == hours[3], "one that was cut off is to be made again"
    assert figures.runs == {"complete": 3, "failed": 1, "interrupted": 1, "partial": 1}
    assert figures.last_status == "interrupted"
    assert figures.rate_limit_remaining is None


def test_durations_are_counted_in_classes(account: Account, database: Database) -> None:
    for seconds in (0, 1, 2, 60, 61, 5000):
        insert_run(database, finished_at=NOON + timedelta(seconds=seconds))
    insert_run(database, status="interrupted", finished_at=NOON + timedelta(days=3))
    (figures,) = read(database).accounts
    assert tuple(figures.durations) == DURATION_BUCKETS
    assert [*figures.durations.values()] == [2, 3, 3, 4, 5, 5, 5, 5]
    assert (figures.timed_runs, figures.duration_seconds) == (6, 5124)


def test_the_account_that_waits_longest_says_when_the_last_attempt_was(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(sa.insert(accounts), [{"name": "a"}, {"name": "b"}])
    insert_run(database, account_id=1, started_at=NOON)
    assert read(database).last_attempt_at(["a"]) == NOON
    assert read(database).last_attempt_at(["a", "b"]) is None
    insert_run(database, account_id=2, started_at=NOON - timedelta(hours=1))
    assert read(database).last_attempt_at(["a", "b"]) == NOON - timedelta(hours=1)
    assert read(database).last_attempt_at(["a", "never seen"]) is None


def test_the_oldest_backup_the_cost_and_the_schedule_are_read(account: Account, database: Database) -> None:
    account.fleet.add_droplet(name="web", plan="daily", backups=3)
    account.fleet.add_droplet(name="db", plan="daily", backups=2)
    account.sync()
    with database.reading() as connection:
        found = read_snapshot(connection, account.clock(), most_droplets=10)
    made = {
        number: [row["created_at"] for row in account.rows("backups", droplet_id=number)] for number in account.droplets
    }
    assert {each.droplet_id: (each.oldest_at, each.created_at) for each in found.newest_backups} == {
        number: (min(times), max(times)) for number, times in made.items()
    }
    (figures,) = found.accounts
    prices = [row["price_monthly_usd"] for row in account.rows("droplets")]
    assert figures.monthly_cost_usd == pytest.approx(0.3 * sum(prices))
    assert figures.overdue_after_seconds == 26 * 3600
