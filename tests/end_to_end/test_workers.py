"""Workers share the accounts of a database, and whatever ends one of them costs only time."""

import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from queue import SimpleQueue
from threading import Event

import httpx
import pytest
import sqlalchemy as sa

from inventory.serving import web
from inventory.settings.load import load
from inventory.simulator.fleet import Fleet
from inventory.simulator.messages import Answer, Request
from inventory.simulator.server import serve
from inventory.store.engine import Database
from inventory.store.schema import accounts, sync_runs
from inventory.store.upgrade import upgrade
from inventory.workers.service import Worker
from tests.end_to_end.conftest import Run, now, on_sqlite
from tests.end_to_end.daemon_process import DaemonProcess, eventually, running
from tests.end_to_end.receiver import receiving
from tests.end_to_end.stored import free
from tests.pgbouncer import PROGRAM as PGBOUNCER
from tests.pgbouncer import pgbouncer
from tests.postgres import Cluster, cluster
from tests.simulated import Accounts, rows, token_of

NAMES = [f"customer-{number}" for number in range(6)]


class Served(Accounts):
    """The accounts, which count what is asked of them; those that are slow answer no listing of backups."""

    def __init__(self) -> None:
        self.fleets = {name: fleet(number) for number, name in enumerate(NAMES)}
        self.slow: set[str] = set()
        self.slow_seconds = 600.0
        self.asked: Counter[str] = Counter()
        super().__init__(self.fleets)
        self._names = {token_of(name): name for name in NAMES}

    def answer(self, request: Request) -> Answer:
        name = self._names[request.headers["authorization"].removeprefix("Bearer ")]
        self.asked[name] += 1
        answer = super().answer(request)
        is_slow = name in self.slow and request.path.endswith("/backups")
        return replace(answer, delay_seconds=self.slow_seconds) if is_slow else answer


def fleet(number: int) -> Fleet:
    found = Fleet(now(), seed=number, first_droplet_id=1_000_000 * (number + 1), first_image_id=2_000_000_000 * number)
    for each in range(3):
        found.add_droplet(name=f"web-{each}", plan="daily", backups=2)
    return found


@pytest.fixture
def served(tmp_path: Path, migrated_postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """Serve the accounts, and configure them with a schedule of an hour."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    served = Served()
    with serve(served) as url:
        tables = "".join(f"[accounts.{name}]\ntoken = '{token_of(name)}'\n" for name in NAMES)
        Path("inventory.toml").write_text(
            f"api_url = '{url}'\ndatabase_url = '{migrated_postgres_url}'\nrequests_per_second = 0\n"
            f"accounts_at_once = 2\n{tables}"
        )
        Path("inventory.toml").chmod(0o600)
        yield served


@pytest.fixture
def database(migrated_postgres_url: str) -> Iterator[Database]:
    with closing(Database(migrated_postgres_url)) as database:
        yield database


@pytest.fixture
def start() -> Iterator[Callable[[], DaemonProcess]]:
    with ExitStack() as stack:
        yield lambda: stack.enter_context(running("worker"))


Start = Callable[[], DaemonProcess]


def complete(database: Database) -> Counter[str]:
    """Count the complete runs of each account."""
    query = sa.select(accounts.c.name).join_from(accounts, sync_runs).where(sync_runs.c.status == "complete")
    with database.reading() as connection:
        return Counter(connection.scalars(query))


def held(database: Database) -> list[int]:
    """Return the processes that hold an account."""
    with database.reading() as connection:
        return list(connection.scalars(sa.select(sync_runs.c.pid).where(sync_runs.c.status == "running")))


def jobs(database: Database) -> int:
    with database.reading() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM inventory_jobs.procrastinate_jobs").scalar_one())


def change(database: Database, statement: str) -> None:
    with database.writing() as connection:
        connection.exec_driver_sql(statement)


def holding(database: Database, *workers: DaemonProcess) -> DaemonProcess:
    """Wait until one of these workers holds an account, and return it."""
    eventually(lambda: len(held(database)) > 0)
    return next(each for each in workers if each.pid in held(database))


def test_a_worker_syncs_what_is_due_answers_and_ends_when_it_is_told_to(served: Served, database: Database) -> None:
    """In this process, whose lines are counted; all others start programs."""
    config, address, ended = Path("inventory.toml"), "127.0.0.1:0", Event()
    events: SimpleQueue[str] = SimpleQueue()
    worker = Worker(
        config, load(config), is_verbose=False, interrupted_by=lambda: signal.SIGTERM if ended.is_set() else None
    )

    def ask() -> str:
        try:
            eventually(lambda: complete(database) == dict.fromkeys(NAMES, 1) and jobs(database) == 0)
            events.put("reload")
            change(database, "UPDATE accounts SET next_due_at = now() WHERE name = 'customer-0'")
            eventually(lambda: complete(database)[NAMES[0]] == 2)
            eventually(lambda: httpx.get(f"{serving.url}/readyz").status_code == HTTPStatus.OK)
            return httpx.get(f"{serving.url}/metrics").text
        finally:
            ended.set()

    with web.serve(address, worker.application(address)) as serving, ThreadPoolExecutor(1) as thread:
        metrics = thread.submit(ask)
        assert worker.run(events) == 0
    assert f'inventory_droplets{{account="{NAMES[5]}"}} 3.0' in metrics.result()
    assert (held(database), jobs(database)) == ([], 0)


@pytest.mark.slow
def test_two_workers_share_the_accounts_and_answer_the_same_of_the_fleet(
    served: Served, database: Database, start: Start
) -> None:
    served.slow.update(NAMES)
    served.slow_seconds = 3.0
    first, second = start(), start()
    eventually(lambda: complete(database) == Counter(NAMES) and jobs(database) == 0)
    with database.reading() as connection:
        assert {row["pid"] for row in rows(connection, "sync_runs")} == {first.pid, second.pid}
        assert {row["trigger"] for row in rows(connection, "sync_runs")} == {"worker"}
        eventually(lambda: all(row["judged_at"] for row in rows_of_accounts(database)))
    for worker in (first, second):
        assert (worker.get("/livez").status_code, worker.get("/readyz").status_code) == (200, 200)
    name = 'inventory_backups{account="customer-3"}'
    assert first.metric(name) == second.metric(name) == 6.0
    assert first.get("/metrics").text.count("inventory_findings{") == second.get("/metrics").text.count(
        "inventory_findings{"
    )
    assert {first.stop(), second.stop()} == {0}
    assert {record["level"] for record in [*first.records, *second.records]} == {"info"}
    assert first.other_lines == second.other_lines == []
    assert complete(database) == Counter(NAMES), "nothing is due again"


def rows_of_accounts(database: Database) -> list[dict[str, object]]:
    with database.reading() as connection:
        return rows(connection, "accounts")


@pytest.mark.slow
def test_the_accounts_of_a_killed_worker_are_taken_over(served: Served, database: Database, start: Start) -> None:
    served.slow.update(NAMES[:3])
    first, second = start(), start()
    holding(database, first, second).signal(signal.SIGKILL)
    served.slow.clear()
    eventually(lambda: complete(database).keys() == set(NAMES) - stuck(database), seconds=40)
    assert max(complete(database).values()) == 1


def stuck(database: Database) -> set[str]:
    """Return the accounts that the worker which lives still waits for."""
    query = sa.select(accounts.c.name).join_from(accounts, sync_runs).where(sync_runs.c.status == "running")
    with database.reading() as connection:
        return set(connection.scalars(query))


def stop_outside_transactions(database: Database, worker: DaemonProcess) -> None:
    """Stop a worker while it has nothing locked: a server ends a transaction that was left open after a minute."""
    others = """
        SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'
    """

    def is_stopped() -> bool:
        worker.signal(signal.SIGSTOP)
        with database.reading() as connection:
            if connection.scalar(sa.text(others)) == 0:
                return True
        worker.signal(signal.SIGCONT)
        return False

    eventually(is_stopped)


@pytest.mark.slow
def test_a_worker_that_was_stopped_for_too_long_writes_nothing_more(
    served: Served, database: Database, start: Start
) -> None:
    served.slow.add(NAMES[0])
    first = start()
    eventually(lambda: held(database) == [first.pid] and len(complete(database)) == len(NAMES) - 1)
    stop_outside_transactions(database, first)
    served.slow.clear()
    before = served.asked[NAMES[0]]
    # As after 90 s without a sign of life.
    change(database, "UPDATE sync_runs SET heartbeat_at = now() - interval '91 seconds' WHERE status = 'running'")
    change(database, "UPDATE inventory_jobs.procrastinate_workers SET last_heartbeat = now() - interval '91 seconds'")
    start()
    eventually(lambda: complete(database) == Counter(NAMES))
    by_others = served.asked[NAMES[0]] - before
    with database.reading() as connection:
        stored = rows(connection, "droplets"), rows(connection, "backups"), rows(connection, "sync_runs")
    first.signal(signal.SIGCONT)
    time.sleep(3)
    with database.reading() as connection:
        assert stored == (rows(connection, "droplets"), rows(connection, "backups"), rows(connection, "sync_runs"))
    assert served.asked[NAMES[0]] - before - by_others <= 4
    assert first.stop() == 0


@pytest.mark.slow
def test_an_empty_queue_loses_nothing_and_a_worker_that_is_stopped_hands_its_accounts_back(
    served: Served, database: Database, start: Start
) -> None:
    served.slow.update(NAMES)
    first = start()
    eventually(lambda: len(held(database)) == 2 and jobs(database) == len(NAMES))
    change(database, "TRUNCATE inventory_jobs.procrastinate_jobs CASCADE")
    began = time.monotonic()
    assert first.stop() == 0
    assert time.monotonic() - began < 8
    assert held(database) == []
    assert jobs(database) == 0
    with database.reading() as connection:
        assert {row["status"] for row in rows(connection, "sync_runs")} == {"interrupted"}
    served.slow.clear()
    start()
    eventually(lambda: complete(database) == Counter(NAMES))


def use(database: sa.URL) -> None:
    """Let workers use another database."""
    url = database.set(drivername="postgresql").render_as_string(hide_password=False)
    file = Path("inventory.toml")
    file.write_text(re.sub("database_url = .*", f"database_url = '{url}'", file.read_text()))


@pytest.mark.slow
@pytest.mark.skipif(not PGBOUNCER, reason="needs PgBouncer")
def test_behind_pgbouncer_a_worker_says_why_it_takes_nothing(
    served: Served, start: Start, postgres: Cluster, migrated_postgres_url: str
) -> None:
    with pgbouncer(postgres) as through:
        use(sa.make_url(through(migrated_postgres_url)))
        worker = start()
        assert "unsupported startup parameter" in worker.wait_for("queue.failed")["error"]
        answer = worker.get("/readyz")
        assert (answer.status_code, "the queue is not reached" in answer.text) == (503, True)
        assert worker.stop() == 0


@pytest.mark.slow
def test_a_crash_of_the_database_costs_time_and_no_account(served: Served, start: Start) -> None:
    with cluster(is_durable=True) as server, closing(Database(server.url())) as database:
        upgrade(database)
        use(server.url())
        served.slow.update(NAMES[:2])
        served.slow_seconds = 5.0
        worker = start()
        eventually(lambda: len(held(database)) == 2)
        server.kill()
        database.close()
        server.start()
        served.slow.clear()
        worker.wait_for("sync.finished", times=2)
        free(server.url())  # as after 90 s: a run that never heard of its end, of a process that lives
        eventually(lambda: complete(database).keys() == set(NAMES))
        eventually(lambda: worker.get("/readyz").status_code == 200)
        assert worker.stop() == 0


@pytest.mark.slow
def test_workers_and_cron_tell_a_channel_once(served: Served, database: Database, start: Start, run: Run) -> None:
    with receiving() as receiver:
        Path("url").write_text(receiver.url)
        with Path("inventory.toml").open("a") as file:
            file.write('[[notify]]\nname = "ops"\nurl_file = "url"\nallow_private = true\n')
        assert run("sync", "--quiet").code == 0
        receiver.got.clear()
        for name in NAMES[:2]:
            its = served.fleets[name]
            its.disable_backups(next(iter(its.droplets)))
        time.sleep(2)  # looks of one second are stamped one after the other
        change(database, "UPDATE accounts SET next_due_at = NULL")
        start(), start()
        run("sync", "--quiet")
        eventually(lambda: len(told(receiver.got)) >= 2)
        time.sleep(6)
        assert told(receiver.got) == {"customer-0": 1, "customer-1": 1}


def told(messages: list[dict[str, str]]) -> Counter[str]:
    """Count the messages that name each account."""
    return Counter(name for each in messages for name in NAMES if name in str(each))


def test_an_upgrade_makes_the_queue_and_doctor_says_whether_it_is_there(served: Served, run: Run) -> None:
    def said() -> str:
        return " ".join(
            str(each["found"]) for each in run("doctor", "--json").document["checks"] if each["name"] == "schema"
        )

    assert "the queue of workers in database" in said()
    assert "is missing" in said()
    assert "The queue of workers was made." in run("db", "upgrade").out
    assert "was made" not in run("db", "upgrade").out
    assert said() == "the tables match this version, and so does the queue of workers"


@on_sqlite
def test_a_sqlite_file_is_refused_in_a_sentence(
    run: Run, database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("INVENTORY_TOKEN", token_of("default"))
    monkeypatch.setenv("INVENTORY_DATABASE_URL", database_url)
    ended = run("worker")
    assert ended.code == 78
    assert "is a SQLite file, which workers cannot share: they need PostgreSQL" in " ".join(ended.err.split())
