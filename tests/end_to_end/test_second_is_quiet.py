"""Who finds an account synced by another process says so quietly, and looks only where nobody else has."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa

from inventory.store import account_records, runs
from inventory.store.engine import Database
from inventory.store.schema import sync_runs
from inventory.vocabulary import RunMode, Trigger
from tests.end_to_end.conftest import Run, Served, now
from tests.end_to_end.daemon_process import DaemonProcess, eventually, running
from tests.ping_receiver import receiving
from tests.simulated import Row, rows

ROUNDS = 3
EVERY_SECONDS = 4


@pytest.fixture(autouse=True)
def _configured(environment: Callable[[Served], None], account: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    environment(account)


def hold(database: Database, name: str = "default") -> None:
    """Let another process sync the account, for as long as 90 s."""
    with database.writing() as connection:
        runs.start(
            connection,
            account_records.ensure_account(connection, name),
            trigger=Trigger.DAEMON,
            mode=RunMode.DETECTION,
            overdue_after=timedelta(hours=2),
            now=now(),
        )


def stored(database: Database, table: str) -> list[Row]:
    with database.reading() as connection:
        return rows(connection, table)


def test_an_account_that_another_holds_is_busy_and_no_failure(run: Run, database: Database) -> None:
    hold(database)
    ended = run("sync", "--json")
    assert (ended.code, ended.document["accounts"][0]["status"]) == (75, "busy")
    assert "is running on this database" in ended.document["accounts"][0]["error"]
    assert "Nothing was done" in run("sync").err
    assert (run("sync", "--quiet").out, run("sync", "--quiet").err) == ("", "")


def test_a_run_that_ends_says_when_the_account_is_due_again(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INVENTORY_SCHEDULE", "30")
    assert run("sync", "--droplet", "web-1").code == 0
    assert stored(database, "accounts")[0]["next_due_at"] is None, "it was not all of the account"
    assert run("sync").code == 0
    due, began = (stored(database, "accounts")[0]["next_due_at"], stored(database, "sync_runs")[-1]["started_at"])
    assert -timedelta(seconds=1) <= due - began - timedelta(minutes=30) <= timedelta(seconds=1)
    assert run("sync", "--dry-run").code == 0
    assert stored(database, "accounts")[0]["next_due_at"] == due


@pytest.mark.parametrize(("minutes_ago", "path"), [(59, ""), (61, "/log")])
def test_the_ping_succeeds_where_others_have_looked_within_the_interval(
    minutes_ago: int, path: str, run: Run, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("sync").code == 0
    ended_at = now() - timedelta(minutes=minutes_ago)
    with database.writing() as connection:
        connection.execute(sa.update(sync_runs).values(started_at=ended_at, finished_at=ended_at))
    hold(database)
    with receiving() as receiver:
        monkeypatch.setenv("INVENTORY_PING_URL", receiver.url)
        assert run("sync").code == 75
        assert [each.path for each in receiver.until(2)] == ["/start", path]


@pytest.mark.slow
def test_of_two_daemons_one_looks_and_neither_complains(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVENTORY_SCHEDULE", str(EVERY_SECONDS / 60))
    with running() as first, running() as second:
        eventually(lambda: len(finished(first, second)) >= ROUNDS)
        assert {first.stop(), second.stop()} == {0}
    ended = finished(first, second)
    assert {record["status"] for record in ended} <= {"complete", "busy", "interrupted"}
    assert {record["level"] for record in [*first.records, *second.records]} == {"info"}
    began = sorted(row["started_at"] for row in stored(database, "sync_runs"))
    assert len(began) <= 2 + (began[-1] - began[0]).total_seconds() / EVERY_SECONDS, "as many as one daemon makes"


def finished(*daemons: DaemonProcess) -> list[dict[str, object]]:
    return [record for daemon in daemons for record in daemon.all("sync.finished")]
