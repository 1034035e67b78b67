"""An hour in the life of a daemon, told fast: all is well, the database dies, the API is silent, the token changes."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from signal import SIGHUP

import pytest

from inventory.simulator.faults import Fault
from inventory.store.deadline import ANSWER_SECONDS
from inventory.store.driver_errors import LOCK_WAIT_SECONDS
from inventory.store.engine import Database
from tests.end_to_end.conftest import Served, later
from tests.end_to_end.daemon_process import PATIENCE_SECONDS, DaemonProcess, Record, eventually, running
from tests.ping_receiver import Ping, Receiver, receiving
from tests.postgres import cluster
from tests.simulated import rows

Outage = Callable[[DaemonProcess], None]

OTHER_TOKEN = "dop_v1_" + "b" * 64


@contextmanager
def postgres_that_dies() -> Iterator[tuple[str, Outage, int]]:
    with cluster(is_durable=True) as server:

        def die(daemon: DaemonProcess) -> None:
            server.kill()
            seen = len(daemon.all("round.failed"))
            daemon.wait_for("round.failed", times=seen + 2)
            eventually(lambda: daemon.metric("inventory_database_up") == 0)
            assert answers_at_once(daemon)
            server.start()

        yield server.url().render_as_string(hide_password=False), die, 1


@contextmanager
def sqlite_that_is_locked(directory: Path) -> Iterator[tuple[str, Outage, int]]:
    path = directory / "inventory.db"

    def lock(daemon: DaemonProcess) -> None:
        with closing(sqlite3.connect(path)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert answers_at_once(daemon)
            # The round before may be about to keep its verdict, for which it waits as long as the next sync does.
            waits = 2 * LOCK_WAIT_SECONDS + PATIENCE_SECONDS
            daemon.wait_for("sync.finished", where=lambda record: record["exit_code"] == 75, seconds=waits)
            other.rollback()

    yield f"sqlite:///{path}", lock, 75


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Outage, int]]:
    """A database, what happens to it, and the exit code that this means."""
    with postgres_that_dies() if request.param == "postgresql" else sqlite_that_is_locked(tmp_path) as made:
        yield made


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def new_backups(account: Served) -> None:
    """Let a minute pass, in which every Droplet gets a backup."""
    later(account, minutes=1)
    for droplet_id in account.fleet.droplets:
        account.fleet.add_backup(droplet_id)


def next_complete(daemon: DaemonProcess) -> Record:
    """Wait for a run that begins from now on and is complete."""
    seen = len(daemon.all("sync.finished"))
    # The one that is under way may have begun before.
    daemon.wait_for("sync.finished", times=seen + 1)
    complete = sum(record["status"] == "complete" for record in daemon.all("sync.finished"))
    return daemon.wait_for("sync.finished", times=complete + 1, where=lambda record: record["status"] == "complete")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_an_hour(
    store: tuple[str, Outage, int],
    account: Served,
    receiver: Receiver,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url, outage, code_of_outage = store
    monkeypatch.chdir(tmp_path)
    token_file = tmp_path / "token"
    token_file.write_text(account.api.token)
    token_file.chmod(0o600)
    settings = {
        "API_URL": account.url,
        "TOKEN_FILE": str(token_file),
        "DATABASE_URL": url,
        "PING_URL": receiver.url,
        "REQUESTS_PER_SECOND": "0",
        "RUN_DEADLINE_MINUTES": str(3 / 60),
        "SCHEDULE": str(1 / 60),
    }
    for name, value in settings.items():
        monkeypatch.setenv(f"INVENTORY_{name}", value)
    with running() as daemon:
        for _ in range(3):
            new_backups(account)
            next_complete(daemon)
        new_backups(account)
        outage(daemon)
        eventually(lambda: daemon.metric("inventory_database_up") == 1)
        next_complete(daemon)
        new_backups(account)
        account.api.faults["/v2/*"] = silence = Fault(delay_seconds=60)
        eventually(lambda: silence.requests > 0)
        daemon.wait_for("sync.finished", where=lambda record: "stopped after" in (record["error"] or ""))
        account.api.faults.clear()
        next_complete(daemon)
        (scopes,) = account.api.tokens.values()
        account.api.tokens = {OTHER_TOKEN: scopes}
        token_file.write_text(OTHER_TOKEN)
        daemon.signal(SIGHUP)
        daemon.wait_for("settings.reloaded")
        next_complete(daemon)
        metrics = {status: daemon.metric(runs_metric(status)) for status in ("complete", "failed", "interrupted")}
        assert daemon.stop() == 0
    check_pings(receiver.pings, code_of_outage)
    check_database(url, account, metrics)
    told = "\n".join(map(str, [daemon.records, receiver.pings, daemon.other_lines]))
    assert OTHER_TOKEN not in told
    assert receiver.url not in told


def runs_metric(status: str) -> str:
    return f'inventory_sync_runs_total{{account="default",status="{status}"}}'


def answers_at_once(daemon: DaemonProcess) -> bool:
    """Tell whether the metrics come before a database that is silent would have been given up."""
    began = time.monotonic()
    return daemon.get("/metrics").is_success and time.monotonic() - began < ANSWER_SECONDS / 2


def check_pings(pings: list[Ping], code_of_outage: int) -> None:
    """Every run told of its beginning and of its end, and both disturbances are told as what they were."""
    assert [ping.path for ping in pings[::2]] == ["/start"] * len(pings[::2])
    ends = [ping.path for ping in pings[1::2]]
    assert set(ends) <= {"", "/log", "/1"}
    assert ends.count("") >= 6
    assert {"/log" if code_of_outage == 75 else "/1", "/1"} <= set(ends)


def check_database(url: str, account: Served, metrics: dict[str, float | None]) -> None:
    """Nothing is lost, and what was told to Prometheus is so."""
    with closing(Database(url)) as database, database.reading() as connection:
        live = {row["id"] for row in rows(connection, "backups") if row["gone_at"] is None}
        runs = rows(connection, "sync_runs")
    assert live == {backup.id for number in account.fleet.droplets for backup in account.fleet.backups_of(number)}
    assert not [row for row in runs if row["status"] == "running"]
    complete = sum(row["status"] == "complete" for row in runs)
    shown = metrics["complete"] or 0
    assert complete - 2 <= shown <= complete, "but for runs between the question and the end"
