"""A sync that is killed at any moment, and one that is not, end in the same state once another has run (R4)."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
import sqlalchemy as sa

from inventory.simulator.api import SimulatedApi
from inventory.simulator.faults import Fault
from inventory.store.engine import Database
from inventory.store.schema import sync_runs
from inventory.store.upgrade import upgrade
from tests.end_to_end.conftest import Run, Served, later, on_sqlite
from tests.end_to_end.daemon_process import eventually, running
from tests.end_to_end.stored import check_live, empty, free, state
from tests.postgres import Cluster, cluster
from tests.simulated import rows

pytestmark = pytest.mark.slow  # real processes, killed

# Imports once and forks for every sync, so that many can be killed in little time.
NURSERY = """
import os, sys
from inventory.__main__ import main
import inventory.commands.sync
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        os._exit(main(line.split()))
    print(child, flush=True)
    os.waitpid(child, 0)
    print("ended", flush=True)
"""


class Nursery:
    """Syncs in processes of their own, that begin at once."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", NURSERY],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            bufsize=1,
            env=os.environ.copy(),
        )

    def killed(self, api: SimulatedApi, *, at_request: int, seconds_later: float = 0.0) -> None:
        """Begin a sync and kill it a moment after its n-th request, or when it has ended."""
        api.faults["/v2/*"] = every_request = Fault(delay_seconds=0.02)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("sync --quiet\n")
        child = int(self._process.stdout.readline())
        until = time.monotonic() + 1.5
        while every_request.requests < at_request and time.monotonic() < until:
            time.sleep(0.002)
        time.sleep(seconds_later)
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        assert self._process.stdout.readline() == "ended\n"
        api.faults.clear()

    def close(self) -> None:
        self._process.communicate("", timeout=20)


@contextmanager
def nursery() -> Iterator[Nursery]:
    one = Nursery()
    try:
        yield one
    finally:
        one.close()


@pytest.fixture(autouse=True)
def _configured(environment: Callable[[Served], None], account: Served) -> None:
    environment(account)


@pytest.mark.timeout(400)
def test_killed_syncs_are_made_good_by_the_next(run: Run, account: Served, database: Database) -> None:
    """Of syncs that load and of syncs that change, on each database; after each, a clean one makes all good."""
    for number in range(30):
        account.fleet.add_droplet(name=f"db-{number}", plan="weekly", backups=4)
    seed = random.Random(7)
    upgrade(database)
    most = 4 + len(account.fleet.droplets)
    statuses: set[str] = set()
    with nursery() as syncs:
        for number in range(50):
            empty(database)
            if number % 2:  # every other time there is something to end, too
                assert run("sync", "--quiet").code == 0
                later(account, minutes=1)
                for droplet_id in list(account.fleet.droplets)[:3]:
                    account.fleet.lose(account.fleet.backups_of(droplet_id)[0].id)
                    account.fleet.add_backup(droplet_id)
            syncs.killed(account.api, at_request=seed.randint(1, most), seconds_later=seed.uniform(0, 0.05))
            assert run("sync", "--quiet").code == 0
            after = state(database)
            with database.reading() as connection:
                statuses.update(connection.scalars(sa.select(sync_runs.c.status)))
            check_live(account, after)
    assert statuses == {"complete", "interrupted"}, "some were killed in the middle, and each was found out"


def test_a_killed_first_load_ends_as_one_that_was_not_killed(run: Run, account: Served, database: Database) -> None:
    """The same fleet, loaded at once, and loaded by syncs of which all but the last are killed: the same rows."""
    upgrade(database)
    assert run("sync", "--quiet").code == 0
    never_killed = state(database)
    empty(database)
    with nursery() as syncs:
        for at_request in (1, 4, 5, 7):
            syncs.killed(account.api, at_request=at_request)
    assert run("sync", "--quiet").code == 0
    killed = state(database)
    assert killed == never_killed


@on_sqlite
def test_a_daemon_that_is_killed_leaves_an_interrupted_run_and_the_next_one_makes_it_good(
    account: Served, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INVENTORY_SCHEDULE", str(1 / 60))
    for _ in range(2):
        account.api.faults["/v2/droplets/*"] = slow = Fault(delay_seconds=600)
        with running() as daemon:
            eventually(lambda slow=slow: slow.requests > 0)  # type: ignore[misc]  # bound now
            daemon.signal(signal.SIGKILL)
            daemon.wait()
        account.api.faults.clear()
        account.fleet.add_backup(min(account.fleet.droplets))
    with running() as daemon:
        daemon.wait_for("sync.finished", where=lambda record: record["status"] == "complete")
        assert daemon.stop() == 0
    with database.reading() as connection:
        ended = rows(connection, "sync_runs")
    assert [row["status"] for row in ended[:3]] == ["interrupted"] * 2 + ["complete"]
    assert ended[0]["error"] == "the process ended without finishing the run"
    check_live(account, state(database))


@pytest.fixture(scope="module")
def durable() -> Iterator[Cluster]:
    with cluster(is_durable=True) as server:
        yield server


@pytest.mark.timeout(300)
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_database_that_crashes_keeps_what_was_written(
    run: Run, account: Served, durable: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL is killed in the middle of a sync, five times; each time that is said, and the next sync goes on."""
    url = durable.url().render_as_string(hide_password=False)
    monkeypatch.setenv("INVENTORY_DATABASE_URL", url)
    assert run("sync", "--quiet").code == 0
    # The request that is under way when the server dies: whose token it is, the listings, the backups of a Droplet.
    for number in (1, 2, 4, 6, 7):
        for droplet_id in account.fleet.droplets:
            account.fleet.add_backup(droplet_id)
        before = ids(url)
        account.api.faults["/v2/*"] = deadly = Fault(before={number: durable.kill})
        ended = run("sync", "--full")
        account.api.faults.clear()
        assert deadly.requests >= number
        assert (ended.code, "Traceback" in ended.err) == (1, False), ended.err
        durable.start()
        assert before <= ids(url)
        free(sa.make_url(url))
        ended = run("sync")
        assert ended.code == 0, ended.out + ended.err
    with_database = Database(url)
    check_live(account, state(with_database))
    with_database.close()


def ids(url: str) -> set[Any]:
    """Read which backups are stored, waiting for the server to recover."""
    database = Database(url)
    until = time.monotonic() + 60
    try:
        while True:
            try:
                with database.reading() as connection:
                    return {row["id"] for row in rows(connection, "backups")}
            except Exception:
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)
    finally:
        database.close()
