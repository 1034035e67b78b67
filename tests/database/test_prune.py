"""Pruning deletes nothing that a question about the time kept needs, and may be cut short anywhere."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from inventory.store import prune
from inventory.store.engine import Database
from inventory.store.schema import backup_versions, backups, metadata, sync_runs
from inventory.views.queries import Question, ask
from inventory.views.rows import KnownDroplet, LiveBackup, RestorableBackup, WindowSchedule
from tests.end_to_end.daemon_process import eventually
from tests.histories import History, answers, live, tables
from tests.simulated import MONDAY, Account, Row

pytestmark = pytest.mark.slow  # whole histories

PRUNED = {"backups", "backup_versions", "backup_regions", "sync_runs", "sync_listings"}
# It is not by its age that a backup exists.
WHOLE = {"live_backups": LiveBackup, "restorable_backups": RestorableBackup}


@pytest.fixture
def account(database: Database, history: History, tmp_path: Path) -> Account:
    return history.fill(database, tmp_path)


@pytest.fixture
def now(account: Account) -> datetime:
    """When the history ends that fills the database."""
    return account.clock()


def find(database: Database, now: datetime, keep_days: int = 90) -> prune.Prunable:
    return prune.find(database, keep_days=keep_days, today=now.date())


def pruned(database: Database, now: datetime) -> prune.Prunable:
    found = find(database, now)
    for _ in prune.delete(database, found):
        pass
    return found


def keys(rows: dict[str, list[Row]], table: str) -> set[tuple[object, ...]]:
    names = metadata.tables[table].primary_key.columns.keys()
    return {tuple(row[name] for name in names) for row in rows[table]}


def kept_answers(database: Database, since: datetime, now: datetime) -> Iterator[dict[str, object]]:
    """Every view's answers about the time since then, as of several moments of it."""
    for moment in (since, since + (now - since) / 3, since + (now - since) * 2 / 3, now):
        found: dict[str, object] = dict(answers(database, moment, since))
        with database.reading() as connection:
            found |= {name: ask(connection, row, Question(now=moment)) for name, row in WHOLE.items()}
            known = ask(connection, KnownDroplet, Question(now=moment))
            schedules = ask(connection, WindowSchedule, Question(now=moment, since=since))
        # Beside when it was pruned, which is meant to change, and what was due before that.
        schedules = [row._replace(first_day=max(row.first_day, since.date())) for row in schedules]
        yield found | {
            "known_droplets": [row._replace(pruned_before=None) for row in known],
            "window_schedules": schedules,
        }


def check_answers(database: Database, now: datetime) -> None:
    before = find(database, now).ended_before
    asked = list(kept_answers(database, before, now))
    for name in asked[0]:
        assert any(answer[name] for answer in asked), f"{name} has something to answer"
    deleted = pruned(database, now).rows
    assert all(deleted[table] for table in PRUNED)
    for was, is_now in zip(asked, kept_answers(database, before, now), strict=True):
        for name, rows in was.items():
            assert is_now[name] == rows, name


def test_no_answer_about_the_time_kept_changes(database: Database, now: datetime) -> None:
    check_answers(database, now)


@pytest.mark.parametrize(("seed", "every_days"), [(2, 1), (3, 3), (4, 7)])
def test_no_answer_changes_whatever_befell(tmp_path: Path, seed: int, every_days: int) -> None:
    history = live(tmp_path / "inventory.db", seed=seed, days=260, every_days=every_days)
    with closing(Database(f"sqlite:///{history.path}")) as database:
        check_answers(database, history.ends_at)


def test_it_deletes_what_it_said_and_nothing_else(database: Database, now: datetime) -> None:
    before = tables(database)
    found = pruned(database, now)
    after = tables(database)
    assert found.rows == {name: len(before[name]) - len(after[name]) for name in found.rows}
    assert found.rows.keys() == PRUNED | {"notices", "notice_attempts", "notice_digests"}
    for name in metadata.tables.keys() - PRUNED - {"accounts"}:
        assert after[name] == before[name], name
    (account,) = after["accounts"]
    assert account["pruned_before"] == found.made_before == datetime(2026, 5, 1, tzinfo=UTC)
    assert account["complete_since"] == found.ended_before
    gone = {row["id"]: row for row in before["backups"] if (row["id"],) not in keys(after, "backups")}
    assert max(row["gone_at"] for row in gone.values()) < found.ended_before == datetime(2026, 8, 19, tzinfo=UTC)
    assert not {row["backup_id"] for row in after["backup_versions"]} & gone.keys()


def test_of_every_droplet_it_is_still_known_that_it_had_backups(database: Database, now: datetime) -> None:
    had = {row["droplet_id"] for row in tables(database)["backups"]}
    pruned(database, now)
    assert {row["droplet_id"] for row in tables(database)["backups"]} == had


def crowd(database: Database, found: prune.Prunable) -> None:
    """Add as much again of what can be deleted as takes several transactions."""
    stored = tables(database)
    (backup,) = (row for row in stored["backups"] if row["id"] == found.backup_ids[0])
    (run,) = (row for row in stored["sync_runs"] if row["id"] == found.run_ids[0])
    with database.writing() as connection:
        connection.execute(sa.insert(backups), [{**backup, "id": 10**12 + number} for number in range(2_500)])
        # Before all others: what came after the last complete run of before stays.
        connection.execute(sa.insert(sync_runs), [{**run, "id": -number} for number in range(1, 251)])


def test_cut_short_it_says_so_and_goes_on_another_time(database: Database, now: datetime) -> None:
    crowd(database, find(database, now))
    found = find(database, now)
    steps = prune.delete(database, found)
    first = next(steps)
    assert 0 < first < 2_500
    steps.close()  # type: ignore[attr-defined]
    (account,) = tables(database)["accounts"]
    assert account["pruned_before"] == found.made_before
    left = find(database, now)
    assert (left.backup_ids, left.run_ids) == (found.backup_ids[first:], found.run_ids)
    further = list(prune.delete(database, left))
    assert max(further) <= first
    assert sum(further) == len(left.backup_ids) + len(left.run_ids)
    assert not any(find(database, now).rows.values())


def test_who_kept_less_once_is_not_said_to_have_more(database: Database, now: datetime) -> None:
    before = pruned(database, now)
    longer = find(database, now, keep_days=120)
    assert longer.made_before < before.made_before
    assert list(prune.delete(database, longer)) == []
    (account,) = tables(database)["accounts"]
    assert (account["pruned_before"], account["complete_since"]) == (before.made_before, before.ended_before)


def bring_back(connection: sa.Connection, number: int) -> None:
    back = {"gone_at": None, "gone_after_at": None, "gone_reason": None, "gone_reason_replaced_at": None}
    connection.execute(sa.update(backups).where(backups.c.id == number).values(back))


def check_is_left(database: Database, number: int) -> None:
    with database.reading() as connection:
        assert connection.scalar(sa.select(backups.c.id).where(backups.c.id == number)) == number
        versions = sa.select(sa.func.count()).where(backup_versions.c.backup_id == number)
        assert connection.scalar(versions) == 1


def test_a_backup_that_is_listed_again_meanwhile_is_left(database: Database, now: datetime) -> None:
    found = find(database, now)
    returned = found.backup_ids[0]
    with database.writing() as connection:
        bring_back(connection, returned)
    for _ in prune.delete(database, found):
        pass
    check_is_left(database, returned)


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
def test_a_sync_that_writes_it_at_the_same_time_is_waited_for(database: Database, now: datetime) -> None:
    """On SQLite only one writes at a time."""
    found = find(database, now)
    returned = found.backup_ids[0]
    waiting = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    with closing(Database(database.url)) as other, ThreadPoolExecutor(1) as pool:
        with database.writing() as connection:
            bring_back(connection, returned)
            pruning = pool.submit(lambda: list(prune.delete(other, found)))
            eventually(lambda: bool(connection.scalar(waiting)))
        assert sum(pruning.result(60)) == len(found.backup_ids) + len(found.run_ids)
    check_is_left(database, returned)


def test_the_next_sync_has_nothing_to_tell(database: Database, account: Account) -> None:
    pruned(database, account.clock())
    before = account.dump()
    report = account.sync()
    assert (report.status, report.counts["droplets_changed"], report.droplets) == ("complete", 0, ())
    after = account.dump()
    for name in ("backups", "backup_versions", "backup_regions", "accounts"):
        assert after[name] == before[name]


def test_the_last_complete_run_and_those_since_stay(database: Database) -> None:
    account = Account(database)
    account.fleet.add_droplet(name="web", backups=2)
    statuses = ["complete", "partial", "complete", "failed", "partial", "running"]
    account.sync()
    with database.writing() as connection:
        connection.execute(sa.delete(metadata.tables["sync_listings"]))
        connection.execute(sa.delete(sync_runs))
        for number, status in enumerate(statuses, 1):
            at = MONDAY + timedelta(hours=number)
            connection.execute(
                sa.insert(sync_runs).values(
                    id=number,
                    account_id=1,
                    started_at=at,
                    finished_at=None if status == "running" else at,
                    heartbeat_at=at,
                    host="here",
                    pid=1,
                    trigger="command",
                    mode="detection",
                    overdue_after_seconds=7200,
                    status=status,
                )
            )
    assert find(database, MONDAY + timedelta(days=400)).run_ids == [1, 2]
