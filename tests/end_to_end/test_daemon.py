"""`inventory daemon`, as a process: schedule, signals, settings that change, and a database that is away."""

import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from inventory.errors import DatabaseUnavailableError
from inventory.rounds import service as command
from inventory.simulator.faults import Fault
from inventory.store.engine import Database
from inventory.store.schema import accounts, sync_runs
from inventory.store.upgrade import upgrading
from tests.end_to_end.conftest import Run, Served, on_sqlite
from tests.end_to_end.daemon_process import eventually, running
from tests.postgres import cluster
from tests.simulated import Row, rows

pytestmark = pytest.mark.slow  # real processes

Environment = Callable[[Served], None]

on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

SECONDS = 1 / 60
OTHER_TOKEN = "dop_v1_" + "b" * 64


@pytest.fixture(autouse=True)
def _configured(environment: Environment, account: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    environment(account)
    every(monkeypatch, seconds=1)


def every(monkeypatch: pytest.MonkeyPatch, *, seconds: float) -> None:
    monkeypatch.setenv("INVENTORY_SCHEDULE", str(seconds * SECONDS))


def runs(database: Database) -> list[Row]:
    with database.reading() as connection:
        return rows(connection, "sync_runs")


def is_complete(record: dict[str, object]) -> bool:
    return record["status"] == "complete"


@pytest.mark.new_database
@pytest.mark.parametrize(
    ("database_url", "number"),
    [("sqlite", signal.SIGTERM), ("postgresql", signal.SIGINT)],
    indirect=["database_url"],
)
def test_it_syncs_at_each_due_time_until_it_is_told_to_stop(number: signal.Signals, database: Database) -> None:
    with running() as daemon:
        daemon.wait_for("sync.finished", times=3, where=is_complete)
        daemon.signal(number)
        assert daemon.wait() == 0
    assert daemon.records[-1]["event"] == "daemon.stopped"
    assert daemon.other_lines == []
    stored = runs(database)
    assert len(stored) >= 3
    assert {row["trigger"] for row in stored} == {"daemon"}
    assert [row["droplets_proven"] for row in stored[:2]] == [0, 4]
    with database.reading() as connection:
        (account,) = rows(connection, "accounts")
    assert account["judged_at"] is not None, "each round keeps its verdict"


@on_sqlite
def test_its_records_have_stable_fields(account: Served) -> None:
    with running() as daemon:
        record = daemon.wait_for("sync.finished")
        daemon.stop()
    assert list(record)[:3] == ["timestamp", "level", "event"]
    assert record.keys() >= {"account", "status", "droplets", "appeared", "ended", "held", "failed", "requests"}
    assert (record["account"], record["droplets"], record["appeared"]) == ("default", 4, 24)
    assert account.api.token not in str(daemon.records)


def test_a_run_under_way_ends_in_order(account: Served, database: Database) -> None:
    account.api.faults["/v2/droplets/*"] = slow = Fault(delay_seconds=600)
    with running() as daemon:
        daemon.wait_for("daemon.started")
        until_asked(slow)
        assert daemon.stop() == 0
    assert daemon.all("daemon.stopping")[0]["is_run_under_way"]
    assert [row["status"] for row in runs(database)] == ["interrupted"]


def until_asked(fault: Fault) -> None:
    eventually(lambda: fault.requests > 0)


@on_sqlite
def test_a_second_signal_ends_it_at_once(account: Served) -> None:
    account.api.faults["/v2/droplets/*"] = slow = Fault(delay_seconds=600)
    with running() as daemon:
        until_asked(slow)
        daemon.signal(signal.SIGSTOP)
        for _ in range(2):
            daemon.signal(signal.SIGTERM)
            daemon.signal(signal.SIGINT)
        daemon.signal(signal.SIGCONT)
        assert daemon.wait() in (130, 143)


def test_the_next_due_time_survives_a_restart(run: Run, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    every(monkeypatch, seconds=3600)
    assert run("sync", "--quiet").code == 0
    (first,) = runs(database)
    with running() as daemon:
        started = daemon.wait_for("daemon.started")
        assert datetime.fromisoformat(started["first_due_at"]) == first["started_at"] + timedelta(hours=1)
        assert daemon.get("/readyz").status_code == 200
        assert daemon.stop() == 0
    assert len(runs(database)) == 1


def test_what_is_overdue_is_done_at_once_and_only_once(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    every(monkeypatch, seconds=60)
    assert run("sync", "--quiet").code == 0
    with database.writing() as connection:
        long_ago = datetime.fromisoformat("2026-01-01T00:00:00Z")
        connection.execute(sa.update(sync_runs).values(started_at=long_ago, finished_at=long_ago))
        connection.execute(sa.update(accounts).values(next_due_at=long_ago + timedelta(minutes=1)))
    with running() as daemon:
        daemon.wait_for("sync.finished")
        assert daemon.stop() == 0
    assert len(runs(database)) == 2


# Many daemons should not begin in the same second; here one may begin at once.
AT_ONCE = """
import random, sys
from inventory.__main__ import main
random.random = lambda: 0.0
sys.exit(main(["daemon", *sys.argv[1:]]))
"""


@on_sqlite
@pytest.mark.parametrize(("written", "hours"), [("", 2), ("2880", 50)])
def test_its_schedule_is_stored_for_the_views_even_where_it_is_the_default(
    written: str, hours: int, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INVENTORY_SCHEDULE", written)
    with running(program=AT_ONCE) as daemon:
        daemon.wait_for("sync.finished")
        assert daemon.stop() == 0
    assert [row["overdue_after_seconds"] for row in runs(database)] == [hours * 3600]


@on_sqlite
def test_a_process_that_slept_makes_up_for_all_it_missed_with_one_run(database: Database) -> None:
    with running() as daemon:
        daemon.wait_for("sync.finished")
        daemon.signal(signal.SIGSTOP)
        before = len(runs(database))
        time.sleep(5)
        daemon.signal(signal.SIGCONT)
        woken_at = time.monotonic()
        daemon.wait_for("sync.finished", times=before + 2)
        seconds = time.monotonic() - woken_at
        assert daemon.stop() == 0
    assert len(runs(database)) <= before + seconds + 3, "not one for each of the five it missed"


# Settings that change


def configured_by_file(account: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, token: str) -> Path:
    monkeypatch.delenv("INVENTORY_TOKEN")
    (tmp_path / "token").write_text(token)
    (tmp_path / "token").chmod(0o600)
    monkeypatch.setenv("INVENTORY_TOKEN_FILE", str(tmp_path / "token"))
    return tmp_path / "inventory.toml"


def test_sighup_reads_the_settings_again_and_keeps_the_old_where_the_new_are_wrong(
    account: Served, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = configured_by_file(account, tmp_path, monkeypatch, account.api.token)
    file.write_text('droplets = "all"\n')
    first = min(account.fleet.droplets)
    with running() as daemon:
        daemon.wait_for("sync.finished", where=is_complete)
        file.write_text("intervall = 3\n")
        daemon.signal(signal.SIGHUP)
        kept = daemon.wait_for("settings.kept")
        assert "kept the previous configuration" in kept["error"]
        assert "inventory.toml:1" in kept["error"]
        file.write_text(f'droplets = "{first}"\n')
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("settings.reloaded")
        daemon.wait_for("sync.finished", where=lambda record: record["droplets"] == 1)
        assert daemon.stop() == 0
    with database.reading() as connection:
        unselected = {row["id"] for row in rows(connection, "droplets") if row["unselected_since"]}
        gone = [row for row in rows(connection, "backups") if row["gone_at"]]
    assert unselected == account.fleet.droplets.keys() - {first}
    assert gone == [], "what is no longer looked at has not ended"


@on_sqlite
def test_sighup_changes_the_schedule_of_a_daemon_that_waits(
    account: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("INVENTORY_SCHEDULE")
    (tmp_path / "inventory.toml").write_text('schedule = "0 0 1 1 *"\n')
    with running() as daemon:
        daemon.wait_for("sync.finished")
        (tmp_path / "inventory.toml").write_text("schedule = 0.02\nhttp = '127.0.0.1:1'\n")
        daemon.signal(signal.SIGHUP)
        assert daemon.wait_for("settings.reloaded")["need_a_restart"] == ["http"]
        daemon.wait_for("sync.finished", times=3)
        assert daemon.stop() == 0


@on_sqlite
def test_a_token_file_that_was_replaced_is_read_when_its_token_is_due(
    account: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured_by_file(account, tmp_path, monkeypatch, account.api.token)
    with running() as daemon:
        daemon.wait_for("sync.finished", where=is_complete)
        rotate(account)
        daemon.wait_for("sync.finished", where=lambda record: record["exit_code"] == 78)
        (tmp_path / "token").write_text(OTHER_TOKEN)
        complete = sum(map(is_complete, daemon.all("sync.finished")))
        daemon.wait_for("sync.finished", times=complete + 2, where=is_complete)
        assert daemon.stop() == 0
    assert OTHER_TOKEN not in str(daemon.records)


@on_sqlite
def test_a_token_that_is_replaced_while_it_is_rejected_costs_no_run(
    run: Run, account: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured_by_file(account, tmp_path, monkeypatch, account.api.token)
    rotate(account)

    def replace() -> None:
        (tmp_path / "token").write_text(OTHER_TOKEN)

    account.api.faults["/v2/account"] = Fault(before={1: replace})
    assert run("sync", "--quiet").code == 0


def rotate(account: Served) -> None:
    """Let the account know only the other token from now on."""
    (scopes,) = account.api.tokens.values()
    account.api.tokens = {OTHER_TOKEN: scopes}


# A database that is away


@on_sqlite
def test_it_waits_for_a_database_that_is_not_there_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    with cluster() as server:
        server.stop()
        monkeypatch.setenv("INVENTORY_DATABASE_URL", server.url().render_as_string(hide_password=False))
        with running() as daemon:
            waiting = daemon.wait_for("database.waiting", times=2)
            assert 50 < waiting["seconds_left"] < 60
            assert daemon.get("/livez").status_code == 200
            assert daemon.get("/readyz").status_code == 503
            assert daemon.metric("inventory_database_up") == 0
            server.start()
            daemon.wait_for("sync.finished", where=is_complete)
            assert daemon.stop() == 0


@on_sqlite
def test_it_does_not_wait_for_ever(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setenv("INVENTORY_DATABASE_URL", f"postgresql://me@127.0.0.1:{port}/inventory")
    monkeypatch.setattr(command, "_DATABASE_WAIT_SECONDS", 0.2)
    monkeypatch.setattr(command, "_DATABASE_LINE_SECONDS", 0.1)
    ended = run("daemon", "--http", "off")
    assert ended.code == DatabaseUnavailableError.exit_code
    assert ended.err.count("database.waiting") >= 1
    assert ended.err.splitlines()[-1].startswith("inventory: database postgresql://me@127.0.0.1")


@pytest.mark.new_database
def test_a_database_that_a_person_must_mend_is_not_waited_for(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INVENTORY_AUTO_MIGRATE", "false")
    ended = run("daemon", "--http", "off")
    assert ended.code == 78
    assert "inventory db upgrade" in ended.err


@on_sqlite
def test_a_file_that_vanishes_is_not_made_anew_and_is_taken_up_again_where_it_comes_back(tmp_path: Path) -> None:
    """As where its disk is unmounted and mounted again."""
    away = tmp_path / "away"
    away.mkdir()
    with running() as daemon:
        daemon.wait_for("sync.finished")
        for file in tmp_path.glob("inventory.db*"):
            file.rename(away / file.name)
        failed = daemon.wait_for("round.failed", times=2)
        assert "there is no database" in failed["error"]
        eventually(lambda: daemon.get("/readyz").status_code == 503)
        assert not list(tmp_path.glob("inventory.db*"))
        for file in away.iterdir():
            file.rename(tmp_path / file.name)
        finished = len(daemon.all("sync.finished"))
        daemon.wait_for("sync.finished", times=finished + 1, where=is_complete)
        eventually(lambda: daemon.get("/readyz").status_code == 200)
        assert daemon.stop() == 0


@on_sqlite
def test_a_bug_in_a_round_is_logged_and_the_schedule_survives_it(
    account: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault that nobody foresaw: the simulated disk loses the table of accounts."""
    with running() as daemon:
        daemon.wait_for("sync.finished")
        (database_file,) = tmp_path.glob("*.db")
        with closing(Database(f"sqlite:///{database_file}")) as broken, broken.writing() as connection:
            connection.exec_driver_sql("ALTER TABLE accounts RENAME TO lost")
        crashed = daemon.wait_for("round.crashed", times=2)
        assert "no such table" in crashed["exception"]
        assert daemon.get("/livez").status_code == 200
        assert daemon.stop() == 0


@on_sqlite
def test_an_address_that_is_taken_keeps_no_sync_from_running_and_is_tried_again() -> None:
    with running(is_address_taken=True) as daemon:
        assert daemon.wait_for("http.waiting")["error"] == "address already in use"
        daemon.wait_for("sync.finished", where=is_complete)
        daemon.free_address()
        daemon.wait_for("http.listening")
        assert daemon.get("/readyz").status_code == 200
        assert daemon.stop() == 0


# What nothing ever ends


HANGING = """
import sys, threading
from datetime import timedelta
from inventory.__main__ import main
from inventory.rounds import service
from inventory.rounds import round as rounds

def sync(*_arguments, **_options):
    threading.Event().wait()

rounds.sync = sync
service._SHORTEST_PATIENCE = timedelta(seconds=2)
sys.exit(main(["daemon", *sys.argv[1:]]))
"""


@on_sqlite
def test_a_run_in_which_nothing_moves_ends_the_process_with_every_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    with running(program=HANGING) as daemon:
        daemon.wait_for("daemon.started")
        eventually(lambda: daemon.get("/livez").status_code == 200)
        assert daemon.wait() == 70
    hung = daemon.all("daemon.hung")[0]
    assert hung["level"] == "critical"
    assert 'Thread "round_0"' in hung["stacks"]
    assert "in sync" in hung["stacks"]
    assert daemon.other_lines == []


@on_sqlite
def test_a_hung_run_does_not_keep_the_process_from_stopping() -> None:
    with running(program=HANGING.replace("seconds=2", "minutes=5")) as daemon:
        daemon.wait_for("daemon.started")
        eventually(lambda: daemon.get("/readyz").status_code == 200)
        time.sleep(0.5)
        assert daemon.stop() == 0
    assert daemon.records[-1]["is_run_under_way"]


@on_sqlite
def test_systemd_hears_of_the_start_of_progress_and_of_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(30)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        with running() as daemon:
            assert manager.recv(100) == b"EXTEND_TIMEOUT_USEC=30000000\nSTATUS=opening the database"
            assert manager.recv(100) == b"READY=1\nSTATUS="
            assert manager.recv(100) == b"WATCHDOG=1"
            assert daemon.stop() == 0
        told = set()
        while b"STOPPING=1" not in told:
            told.add(manager.recv(100))
        assert told <= {b"WATCHDOG=1", b"STOPPING=1"}


@contextmanager
def another_upgrades(database_url: str) -> Iterator[None]:
    """Hold, in this process, the lock that upgrades hold."""
    with closing(Database(database_url)) as other, upgrading(other):
        yield


@on_postgresql
@pytest.mark.new_database
def test_it_waits_for_another_process_that_upgrades_and_says_so(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(30)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        with running() as daemon:
            with another_upgrades(database_url):
                waiting = daemon.wait_for("database.waiting")
                assert "another process is upgrading database postgresql://" in waiting["error"]
                assert "seconds_left" not in waiting
                told = [manager.recv(1000)]
                while b"another process is upgrading" not in told[-1]:
                    told.append(manager.recv(1000))
            assert all(each.startswith(b"EXTEND_TIMEOUT_USEC=30000000\nSTATUS=") for each in told)
            daemon.wait_for("daemon.started")
            assert daemon.stop() == 0
        while told[-1] != b"READY=1\nSTATUS=":
            told.append(manager.recv(1000))


@on_postgresql
@pytest.mark.new_database
def test_it_stops_at_once_while_it_waits_for_another_process_that_upgrades(
    database_url: str, database: Database
) -> None:
    with another_upgrades(database_url), running() as daemon:
        eventually(lambda: is_waited_for(database))
        assert daemon.stop() == 0
    assert [record["event"] for record in daemon.records] == ["http.listening", "daemon.stopped"]


def is_waited_for(database: Database) -> bool:
    waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory' AND datname = current_database()"
    with database.reading() as connection:
        return bool(connection.exec_driver_sql(waits).scalar_one() == 1)
