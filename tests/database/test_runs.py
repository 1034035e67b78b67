"""One sync at a time: whoever is dead or silent makes way, and a sleeper that wakes too late writes nothing."""

import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa

from inventory.errors import LeaseLostError, SyncRunningError
from inventory.store import account_records, runs
from inventory.store.engine import Database
from inventory.store.schema import accounts, sync_listings, sync_runs
from inventory.vocabulary import RunMode, RunStatus, Trigger

NOW = datetime(2026, 3, 3, 6, 0, 2, tzinfo=UTC)
HOURLY = timedelta(hours=2)

HOLD = """
import sys, time
from datetime import UTC, datetime, timedelta
from inventory.store import account_records, runs
from inventory.store.engine import Database
database = Database(sys.argv[1])
with database.writing() as connection:
    account = account_records.ensure_account(connection, "default")
    order = {"trigger": "command", "mode": "listing", "overdue_after": timedelta(hours=2)}
    run_id = runs.start(connection, account, **order, now=datetime.now(UTC))
print(run_id, flush=True)
time.sleep(60)
"""

# Imports once and forks. Six at a time take the lease again and again; they write under it; now and then one dies
# holding it, and another comes in its place, or one oversleeps and goes on once its lease is another's.
COMPETE = """
import os, random, sys, time
from datetime import UTC, datetime, timedelta
import sqlalchemy as sa
from inventory.errors import LeaseLostError, SyncRunningError
from inventory.store import account_records, runs
from inventory.store.engine import Database

ORDER = {"trigger": "command", "mode": "listing", "overdue_after": timedelta(hours=2)}

def compete(chance):
    database = Database(sys.argv[1])
    leases = 0
    while leases < 5:
        try:
            with database.writing() as connection:
                account = account_records.ensure_account(connection, "default")
                run_id = runs.start(connection, account, **ORDER, now=datetime.now(UTC))
            leases += 1
            for _ in range(chance.randrange(1, 6)):
                with runs.writing(database, run_id) as connection:
                    connection.execute(sa.text("INSERT INTO writes (run_id) VALUES (:run)"), {"run": run_id})
                event = chance.random()
                if event < 0.05:
                    os._exit(9)
                if event < 0.15:
                    oversleep(database, run_id)
            with database.writing() as connection:
                runs.finish(connection, run_id, "complete", datetime.now(UTC), {})
        except SyncRunningError:
            time.sleep(chance.random() / 50)
        except LeaseLostError:
            pass

def oversleep(database, run_id):
    with database.writing() as connection:
        connection.execute(
            sa.text("UPDATE sync_runs SET heartbeat_at = '2020-01-01 00:00:00' WHERE id = :run"), {"run": run_id}
        )
    status = sa.text("SELECT status FROM sync_runs WHERE id = :run")
    until = time.monotonic() + 0.2  # the others may all have gone
    while time.monotonic() < until:
        with database.reading() as connection:
            if connection.scalar(status, {"run": run_id}) != "running":
                return
        time.sleep(0.002)

codes = []
for seed in range(12):
    if seed >= 6:
        codes.append(os.waitstatus_to_exitcode(os.wait()[1]))
    if os.fork() == 0:
        compete(random.Random(seed))
        sys.exit()
print(*codes, *(os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(6)))
"""


def start(database: Database, name: str = "default", *, now: datetime = NOW) -> int:
    with database.writing() as connection:
        account = account_records.ensure_account(connection, name)
        return runs.start(
            connection, account, trigger=Trigger.COMMAND, mode=RunMode.LISTING, overdue_after=HOURLY, now=now
        )


def finish(database: Database, run_id: int, status: RunStatus = RunStatus.COMPLETE, **figures: object) -> None:
    with database.writing() as connection:
        runs.finish(connection, run_id, status, NOW + timedelta(minutes=5), figures)


def record(database: Database, run_id: int) -> sa.Row[Any]:
    with database.reading() as connection:
        return connection.execute(sa.select(sync_runs).where(sync_runs.c.id == run_id)).one()


def change(database: Database, run_id: int, **values: object) -> None:
    with database.writing() as connection:
        connection.execute(sa.update(sync_runs).where(sync_runs.c.id == run_id).values(values))


@contextmanager
def holder(database: Database) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Let a real process take the lease and hold it."""
    url = database.url.render_as_string(hide_password=False)
    process = subprocess.Popen([sys.executable, "-c", HOLD, url], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process, int(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


def test_a_run_is_recorded_from_its_start(database: Database) -> None:
    run = record(database, start(database))
    assert (run.status, run.started_at, run.finished_at) == ("running", NOW, None)
    assert (run.host, run.pid) == (socket.gethostname(), os.getpid())
    assert abs(run.heartbeat_at - datetime.now(UTC)) < timedelta(seconds=60), "by the database's clock"


def test_the_second_run_says_who_holds_the_account(database: Database) -> None:
    first = start(database)
    with pytest.raises(SyncRunningError) as caught:
        start(database, now=NOW + timedelta(minutes=2))
    said = str(caught.value)
    assert f"host {socket.gethostname()}, pid {os.getpid()}, since 06:00:02Z (2 min)" in said
    assert '"default"' in said
    assert record(database, first).status == "running"


def test_accounts_do_not_wait_for_each_other(database: Database) -> None:
    assert start(database) != start(database, "other")


def test_a_finished_run_frees_the_account(database: Database) -> None:
    first = start(database)
    finish(database, first, RunStatus.PARTIAL, droplets_failed=3, error="3 Droplets failed")
    run = record(database, first)
    assert (run.status, run.finished_at, run.droplets_failed) == ("partial", NOW + timedelta(minutes=5), 3)
    assert start(database) > first


def test_the_last_complete_run_looked_at_everything(database: Database) -> None:
    for status, mode in (
        (RunStatus.COMPLETE, RunMode.LISTING),
        (RunStatus.PARTIAL, RunMode.LISTING),
        (RunStatus.COMPLETE, RunMode.SUBSET),
    ):
        run_id = start(database)
        finish(database, run_id, status)
        minutes = timedelta(minutes=run_id)
        change(database, run_id, mode=mode, finished_at=NOW + minutes)
    with database.reading() as connection:
        assert runs.last_complete(connection, 1) == NOW + timedelta(minutes=1)
        assert runs.last_complete(connection, 2) is None


@pytest.mark.parametrize("is_new", [True, False], ids=["account is new", "account is known"])
def test_of_many_that_start_at_once_one_runs(database: Database, *, is_new: bool) -> None:
    if not is_new:
        finish(database, start(database))
    together = Barrier(3)

    def race(_: int) -> int | SyncRunningError:
        together.wait()
        try:
            return start(database)
        except SyncRunningError as error:
            return error

    with ThreadPoolExecutor(3) as threads:
        for _ in range(5):
            results = list(threads.map(race, range(3)))
            (winner,) = (result for result in results if isinstance(result, int))
            finish(database, winner)


def test_a_living_process_keeps_the_account(database: Database) -> None:
    with holder(database) as (process, _), pytest.raises(SyncRunningError, match=f"pid {process.pid}"):
        start(database)


@pytest.mark.slow
@pytest.mark.parametrize("is_reaped", [True, False], ids=["reaped", "not reaped"])
def test_a_killed_process_makes_way_at_once(database: Database, *, is_reaped: bool) -> None:
    with holder(database) as (process, run_id):
        process.send_signal(signal.SIGKILL)
        if is_reaped:
            process.wait()
        else:
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert start(database) > run_id
    run = record(database, run_id)
    assert (run.status, run.finished_at) == ("interrupted", NOW)
    assert run.error


def test_only_its_own_host_can_tell_a_process_dead(database: Database) -> None:
    run_id = start(database)
    change(database, run_id, host="elsewhere", pid=2**22 - 1)
    with pytest.raises(SyncRunningError, match="elsewhere"):
        start(database)


@pytest.mark.parametrize("identity", [None, "another-boot pid:[1] 1"], ids=["unknown", "another boot"])
def test_without_an_identity_the_heartbeat_alone_counts(database: Database, identity: str | None) -> None:
    run_id = start(database)
    change(database, run_id, pid=2**22 - 1, process=identity)
    with pytest.raises(SyncRunningError):
        start(database)


def test_a_process_number_used_again_is_another_process(database: Database) -> None:
    run_id = start(database)
    identity = record(database, run_id).process
    change(database, run_id, process=identity.rsplit(" ", 1)[0] + " 1")
    assert start(database) > run_id


def test_a_silent_run_makes_way_by_the_clock_of_the_database(database: Database) -> None:
    run_id = start(database)
    ten_years_on = NOW + timedelta(days=3653)
    change(database, run_id, heartbeat_at=datetime.now(UTC) - timedelta(seconds=80))
    with pytest.raises(SyncRunningError):
        start(database, now=ten_years_on)
    change(database, run_id, heartbeat_at=datetime.now(UTC) - timedelta(seconds=95))
    assert start(database) > run_id
    assert record(database, run_id).status == "interrupted"


def test_writing_renews_the_lease(database: Database) -> None:
    run_id = start(database)
    long_ago = datetime.now(UTC) - timedelta(seconds=95)
    change(database, run_id, heartbeat_at=long_ago)
    with runs.writing(database, run_id):
        pass
    assert record(database, run_id).heartbeat_at > long_ago
    with pytest.raises(SyncRunningError):
        start(database)


def test_a_run_that_wakes_too_late_writes_nothing(database: Database) -> None:
    sleeper = start(database)
    change(database, sleeper, heartbeat_at=datetime.now(UTC) - timedelta(seconds=95))
    successor = start(database)
    with pytest.raises(LeaseLostError), runs.writing(database, sleeper) as connection:
        connection.execute(sa.update(accounts).values(status="overwritten"))
    with pytest.raises(LeaseLostError):
        finish(database, sleeper)
    assert record(database, sleeper).status == "interrupted"
    assert record(database, successor).status == "running"
    with database.reading() as connection:
        assert connection.execute(sa.select(accounts.c.status)).scalar_one() is None


def test_attempts_are_kept_once_a_droplet(database: Database) -> None:
    run_id = start(database)
    attempt = {
        "attempted_at": NOW,
        "outcome": "unavailable",
        "http_status": 503,
        "pages": None,
        "rows": None,
        "announced_total": None,
        "duration_seconds": 1.5,
        "error": "HTTP 503",
    }
    rows = [{"droplet_id": droplet_id, **attempt} for droplet_id in (7, 5, 7)]
    with database.writing() as connection:
        runs.record_attempts(connection, run_id, [*rows, {**rows[0], "outcome": "complete"}])
    with database.reading() as connection:
        query = sa.select(sync_listings.c.droplet_id, sync_listings.c.outcome).order_by(sync_listings.c.droplet_id)
        assert [tuple(row) for row in connection.execute(query)] == [(5, "unavailable"), (7, "complete")]


@pytest.mark.slow
def test_runs_of_six_processes_never_overlap(database: Database) -> None:
    with database.writing() as connection:
        kind = "INTEGER PRIMARY KEY AUTOINCREMENT" if database.is_sqlite else "BIGINT GENERATED ALWAYS AS IDENTITY"
        connection.exec_driver_sql(f"CREATE TABLE writes (id {kind}, run_id BIGINT NOT NULL)")
    words = [sys.executable, "-c", COMPETE, database.url.render_as_string(hide_password=False)]
    told = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True, timeout=120)
    crashes = Counter(told.stdout.split())
    assert crashes.keys() == {"0", "9"}

    start(database)  # and finds out the last that died
    with database.reading() as connection:
        order = connection.exec_driver_sql("SELECT run_id FROM writes ORDER BY id").scalars().all()
        ends = Counter(connection.scalars(sa.select(sync_runs.c.status)))
    assert order == sorted(order), "a run wrote after its successor"
    assert ends["complete"] > 10
    assert ends["interrupted"] > crashes["9"], "others overslept"
    assert ends["running"] == 1
