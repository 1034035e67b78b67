"""PostgreSQL as others run it: crowded, full, behind PgBouncer, a standby, and one that takes over from another."""

import os
import re
import time
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from inventory.store.account_records import read_account
from inventory.store.deadline import ANSWER_SECONDS
from inventory.store.engine import Database
from inventory.store.schema import accounts, sync_runs
from inventory.store.upgrade import upgrade
from tests.end_to_end.conftest import Run, Served, later, on_sqlite
from tests.end_to_end.daemon_process import eventually, running
from tests.end_to_end.stored import check_live, free, state
from tests.pgbouncer import PROGRAM, pgbouncer
from tests.postgres import Cluster, cluster, standby_of
from tests.simulated import Row, rows

pytestmark = pytest.mark.slow  # real servers

QUESTIONS = [("check",), ("report", "--json"), ("report", "live_backups", "--csv"), ("show", "web-0"), ("metrics",)]

LOST = 2  # critical: a backup disappeared


@pytest.fixture(autouse=True)
def _configured(environment: Callable[[Served], None], account: Served) -> None:
    environment(account)


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[sa.URL | str], str]:
    """Let the commands use a database."""

    def use(url: sa.URL | str) -> str:
        text = sa.make_url(url).render_as_string(hide_password=False)
        monkeypatch.setenv("INVENTORY_DATABASE_URL", text)
        return text

    return use


def plain_connection(url: str) -> psycopg.Connection[Any]:
    plain = sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(plain, autocommit=True)


def takes_connection(url: str, connections: ExitStack) -> bool:
    """Tell whether the server took one more connection, which is open as long as the others."""
    with suppress(psycopg.OperationalError):
        connections.enter_context(plain_connection(url))
        return True
    return False


def stored(url: str, table: str) -> list[Row]:
    with closing(Database(url)) as database, database.reading() as connection:
        return rows(connection, table)


def check_stored(account: Served, url: str) -> None:
    with closing(Database(url)) as database:
        check_live(account, state(database))


@on_sqlite
def test_a_server_that_takes_no_more_connections_is_said_and_waited_for(
    run: Run, account: Served, use: Callable[[sa.URL | str], str]
) -> None:
    most = {"max_connections": "5", "superuser_reserved_connections": "0"}
    with cluster(settings=most) as server:
        url = use(server.url())
        assert run("sync", "--quiet").code == 0
        with ExitStack() as others:
            # The server may not have noticed yet that the sync has gone.
            for _ in range(5):
                eventually(lambda: takes_connection(url, others))
            sentence = "too many clients already. Nothing was changed."
            for arguments, code in ((("sync",), 1), (("report",), 1), (("metrics",), 1), (("db", "upgrade"), 1)):
                ended = run(*arguments)
                assert (ended.code, sentence in ended.err, "Traceback" in ended.err) == (code, True, False), ended.err
            checked = run("check")
            assert (checked.code, sentence in checked.out) == (3, True)
            assert any(
                line.startswith("FAIL") and "too many clients" in line for line in run("doctor").out.splitlines()
            )
            with running() as daemon:
                assert "too many clients" in daemon.wait_for("database.waiting")["error"]
                others.close()
                daemon.wait_for("daemon.started")
                assert daemon.stop() == 0


@on_sqlite
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give the server a small disk of its own")
def test_a_full_disk_of_the_server_is_said_and_what_was_there_stays(
    run: Run, account: Served, private_mounts: list[str], use: Callable[[sa.URL | str], str]
) -> None:
    """53100: the tables lie on a disk of 24 MB, which another database of the server then fills."""
    assert private_mounts
    with cluster(disk_kilobytes=24_000) as server:
        server.execute(f"CREATE TABLESPACE small LOCATION '{server.disk}'")
        server.execute("CREATE DATABASE ours TABLESPACE small")
        url = use(server.url("ours"))
        assert run("sync", "--quiet").code == 0
        before = stored(url, "backups")
        for number in range(30):
            account.fleet.add_droplet(name=f"more-{number}", plan="daily", backups=6)
        with plain_connection(url) as other:
            fill(other)
            ended = run("sync")
            assert (ended.code, "Traceback" in ended.err) == (1, False)
            assert re.search(
                r": disk full on its server: .*No space left on device\. Nothing (more )?was changed\.", ended.err
            )
            assert stored(url, "backups") == before
            assert [run(*question).code for question in QUESTIONS] == [0] * len(QUESTIONS)
            other.execute("DROP TABLE filling")
        assert run("sync", "--quiet").code == 0
        check_stored(account, url)


def fill(connection: psycopg.Connection[Any]) -> None:
    """Write until there is no room, first much at a time."""
    connection.execute("CREATE TABLE filling (content text)")
    connection.execute("ALTER TABLE filling ALTER content SET STORAGE PLAIN")
    for lines in (50, 1):
        with suppress(psycopg.errors.DiskFull):
            while True:
                connection.execute("INSERT INTO filling SELECT repeat('x', 7000) FROM generate_series(1, %s)", [lines])


@pytest.mark.new_database
@pytest.mark.skipif(PROGRAM is None, reason="PgBouncer is not installed")
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_everything_works_behind_pgbouncer_in_transaction_mode(
    run: Run, account: Served, postgres: Cluster, database_url: str, use: Callable[[sa.URL | str], str]
) -> None:
    with pgbouncer(postgres) as through:
        url = use(through(database_url))
        assert run("db", "upgrade").code == 0
        assert run("sync", "--quiet").code == 0
        first = min(account.fleet.droplets)
        account.fleet.lose(account.fleet.backups_of(first)[-1].id)  # at some hours the oldest is old enough to expire
        account.fleet.add_backup(first)
        later(account, minutes=1)
        assert run("sync", "--full", "--quiet").code == 0
        assert "FAIL" not in run("doctor").out
        assert run("prune", "--keep-days", "90", "--yes").code == 0
        use_many_connections(url)
        time.sleep(1)  # the second of two syncs in one second is stamped a second later
        assert [run(*question).code for question in QUESTIONS] == [LOST, 0, 0, 0, 0]
    check_stored(account, database_url)


@pytest.mark.skipif(PROGRAM is None, reason="PgBouncer is not installed")
def test_a_pooler_with_one_connection_keeps_no_summary_waiting(
    run: Run, postgres: Cluster, migrated_postgres_url: str, use: Callable[[sa.URL | str], str]
) -> None:
    use(migrated_postgres_url)
    assert run("sync", "--quiet").code == 0
    with pgbouncer(postgres, most=1) as through:
        use(through(migrated_postgres_url))
        began = time.monotonic()
        summary = run("report", "--json")
        assert summary.code == 0, summary.err
        assert time.monotonic() - began < ANSWER_SECONDS, "it does not wait for a second one as long as for the first"


def use_many_connections(url: str) -> None:
    """Ask the same question often enough for the driver to prepare it, each time over another connection."""
    with closing(Database(url)) as first, closing(Database(url)) as second:
        with first.reading() as connection, second.reading() as other:
            assert read_account(connection, "default") == read_account(other, "default")
        for _ in range(12):
            with first.writing() as connection:  # a rollback would let the driver forget what it has prepared
                assert read_account(connection, "default")


def let_there_be_something_to_delete(url: str) -> None:
    """Age all runs but the last by a year, and add an account that is not configured."""
    last = sa.select(sa.func.max(sync_runs.c.id)).scalar_subquery()
    long_ago = dict.fromkeys(("started_at", "finished_at"), sa.text("now() - interval '400 days'"))
    with closing(Database(url)) as database, database.writing() as connection:
        connection.execute(sa.update(sync_runs).where(sync_runs.c.id < last).values(long_ago))
        connection.execute(sa.insert(accounts).values(name="other"))


WRITERS = (("sync",), ("prune", "--keep-days", "90", "--yes"), ("db", "forget-account", "other", "--yes"))


@on_sqlite
def test_a_standby_is_read_and_what_would_write_says_that_it_is_one(
    run: Run, account: Served, use: Callable[[sa.URL | str], str]
) -> None:
    with cluster() as primary:
        url = use(primary.url())
        for _ in range(3):
            assert run("sync", "--quiet").code == 0
        let_there_be_something_to_delete(url)
        with standby_of(primary) as standby:
            eventually(lambda: stored(str(standby.url()), "sync_runs") == stored(url, "sync_runs"))
            use(standby.url())
            assert [run(*question).code for question in QUESTIONS] == [0] * len(QUESTIONS)
            check_stored(account, str(standby.url()))
            assert run("sync", "--dry-run").code == 0
            for arguments in WRITERS:
                ended = run(*arguments)
                assert (ended.code, "Traceback" in ended.err) == (78, False), (arguments, ended)
                assert "it is in read-only mode (a standby?). Nothing was changed." in ended.err
            assert any(line.startswith("FAIL") and "a standby?" in line for line in run("doctor").out.splitlines())


@on_sqlite
def test_a_daemon_goes_on_with_the_standby_that_takes_over(
    account: Served, use: Callable[[sa.URL | str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its URL names both servers, and asks for the one that can be written."""
    monkeypatch.setenv("INVENTORY_SCHEDULE", str(1 / 60))
    with cluster() as primary:
        with closing(Database(primary.url())) as database:
            upgrade(database)
        with standby_of(primary) as standby:
            both = f"{primary.socket.parent},{standby.socket.parent}"
            use(primary.url().set(query={"host": both, "target_session_attrs": "read-write"}))
            with running() as daemon:
                daemon.wait_for("sync.finished", where=lambda record: record["status"] == "complete")
                primary.kill()
                account.fleet.add_backup(min(account.fleet.droplets))
                failed = daemon.wait_for("round.failed")
                assert "Nothing" in failed["error"]
                assert daemon.get("/livez").status_code == 200
                standby.execute("SELECT pg_promote()")
                free(standby.url())
                finished = len(daemon.all("sync.finished"))
                daemon.wait_for(
                    "sync.finished", times=finished + 1, where=lambda record: record["status"] == "complete"
                )
                assert daemon.stop() == 0
            check_stored(account, str(standby.url()))
