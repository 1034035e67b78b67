"""Writing is all or nothing; reading sees one state."""

import resource
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from threading import Barrier

import pytest
import sqlalchemy as sa

from inventory.errors import DatabaseConflictError, DatabaseLockedError, DatabaseUnavailableError
from inventory.store import connecting, engine
from inventory.store.engine import Database, memory
from inventory.store.schema import accounts
from inventory.store.upgrade import upgrade


def names(connection: sa.Connection) -> list[str]:
    return list(connection.scalars(sa.select(accounts.c.name).order_by(accounts.c.name)))


def add(connection: sa.Connection, name: str) -> None:
    connection.execute(sa.insert(accounts).values(name=name))


def test_a_block_that_fails_writes_nothing(database: Database) -> None:
    with database.writing() as connection:
        add(connection, "kept")
    with pytest.raises(sa.exc.IntegrityError), database.writing() as connection:
        connection.execute(sa.insert(accounts), [{"name": "lost"}, {"name": "kept"}])
    with database.reading() as connection:
        assert names(connection) == ["kept"]


def test_reading_sees_one_state_while_others_write(database: Database) -> None:
    with database.reading() as reader:
        assert names(reader) == []
        with database.writing() as writer:
            add(writer, "new")
        assert names(reader) == []
    with database.reading() as reader:
        assert names(reader) == ["new"]


def test_what_postgresql_is_told_for_reading_ends_with_it(postgres_url: str) -> None:
    database = Database(postgres_url)

    def settings(connection: sa.Connection) -> tuple[str, ...]:
        return tuple(connection.exec_driver_sql(f"SHOW {name}").scalar_one() for name in ("jit", "random_page_cost"))

    with database.writing() as connection:
        before = settings(connection)
    with database.reading() as connection:
        assert settings(connection) == ("off", "1.1") != before
    with database.writing() as connection:
        assert settings(connection) == before
    database.close()


def test_sqlite_writers_take_turns(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    upgrade(database)
    with database.writing() as connection:
        connection.execute(sa.insert(accounts).values(name="default", status="0"))

    def count(_: int) -> None:
        with database.writing() as connection:
            before = int(connection.execute(sa.select(accounts.c.status)).scalar_one())
            connection.execute(sa.update(accounts).values(status=str(before + 1)))

    with ThreadPoolExecutor(3) as threads:
        list(threads.map(count, range(60)))
    with database.reading() as connection:
        assert connection.execute(sa.select(accounts.c.status)).scalar_one() == "60"
    database.close()


def test_who_waits_too_long_for_a_turn_to_write_is_busy(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "LOCK_WAIT_SECONDS", 0.01)
    database = Database(sqlite_url)
    upgrade(database)

    def write() -> None:
        with database.writing() as connection:
            add(connection, "late")

    with ThreadPoolExecutor(1) as threads, database.writing():
        problem = threads.submit(write).exception(timeout=20)
    assert isinstance(problem, DatabaseLockedError)
    write()
    database.close()


def test_as_many_threads_as_there_are_can_read_at_once(database: Database) -> None:
    with ExitStack() as readers:
        assert [names(readers.enter_context(database.reading())) for _ in range(20)] == [[]] * 20


def test_a_database_in_memory_is_the_same_for_every_thread() -> None:
    database = memory()
    upgrade(database)
    together = Barrier(4)

    def read(_: int) -> list[str]:
        together.wait()
        with database.reading() as connection:
            time.sleep(0.01)
            return names(connection)

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(read, range(4))) == [[]] * 4
    database.close()


_WRITERS = 8
_TURNS = 60
_COUNT = """
import sys
import sqlalchemy as sa
from inventory.store.engine import Database
from inventory.store.schema import accounts
database = Database(sys.argv[1])
for _ in range(int(sys.argv[2])):
    with database.writing() as connection:
        before = int(connection.execute(sa.select(accounts.c.status)).scalar_one())
        connection.execute(sa.update(accounts).values(status=str(before + 1)))
database.close()
"""


@pytest.mark.slow
def test_eight_processes_lose_no_update_on_sqlite(migrated_sqlite_url: str) -> None:
    with closing(Database(migrated_sqlite_url)) as database:
        with database.writing() as connection:
            connection.execute(sa.insert(accounts).values(name="default", status="0"))
        words = [sys.executable, "-c", _COUNT, migrated_sqlite_url, str(_TURNS)]
        processes = [subprocess.Popen(words) for _ in range(_WRITERS)]
        assert [process.wait(60) for process in processes] == [0] * _WRITERS
        with database.reading() as connection:
            assert connection.execute(sa.select(accounts.c.status)).scalar_one() == str(_WRITERS * _TURNS)


@pytest.fixture
def impatient(sqlite_url: str) -> Iterator[Database]:
    """Give a SQLite database that waits for a lock for a tenth of a second."""
    database = Database(sqlite_url)

    @sa.event.listens_for(database.engine, "connect")
    def _hurry(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA busy_timeout = 100")
        connection.execute("PRAGMA max_page_count = 300")

    upgrade(database)
    yield database
    database.close()


def test_a_locked_database_can_be_read_but_not_written(impatient: Database) -> None:
    holder = Database(impatient.url)
    with holder.writing() as connection:
        add(connection, "theirs")
        with pytest.raises(DatabaseLockedError, match="locked by another program") as caught, impatient.writing():
            pass
        with impatient.reading() as reader:
            assert names(reader) == []
    assert caught.value.exit_code == 75
    with impatient.writing() as connection:
        add(connection, "ours")
        assert names(connection) == ["ours", "theirs"]
    holder.close()


def test_a_full_disk_keeps_what_was_there(impatient: Database) -> None:
    with impatient.writing() as connection:
        add(connection, "kept")
    expected = r"^disk full while writing .*/inventory\.db \(.* free\)\. Nothing more was changed\.$"
    with pytest.raises(DatabaseUnavailableError, match=expected) as caught, impatient.writing() as connection:
        add(connection, "x" * 4096 * 300)
    assert caught.value.exit_code == 1
    with impatient.reading() as connection:
        assert names(connection) == ["kept"]


def test_after_an_error_of_the_disk_the_connection_is_not_used_again(impatient: Database) -> None:
    """What it believes to be in the file need not be there."""

    def connection_in_use() -> object:
        with impatient.reading() as connection:
            return connection.connection.driver_connection

    before = connection_in_use()
    assert connection_in_use() is before
    with pytest.raises(DatabaseUnavailableError), impatient.writing() as connection:
        add(connection, "x" * 4096 * 300)
    assert connection_in_use() is not before


@contextmanager
def files_of_at_most(size_bytes: int) -> Iterator[None]:
    """Let this process write no file beyond a size, as on a disk without room for more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_reading_needs_no_room_and_writing_does(sqlite_url: str) -> None:
    database, other = Database(sqlite_url), Database(sqlite_url)
    upgrade(database)
    with database.writing() as connection:
        add(connection, "kept")
    database.close()
    with files_of_at_most(16_384):  # the index of SQLite's log takes twice as much
        with database.reading() as connection:
            assert names(connection) == ["kept"]
        with other.reading() as connection:
            assert names(connection) == ["kept"], "who read before keeps nobody out"
        expected = (
            r"disk error \(SQLITE_IOERR_SHMSIZE\) while using .*/inventory\.db \(.* free, but .* exceed 16 kB.*\)"
        )
        with pytest.raises(DatabaseUnavailableError, match=expected) as caught, database.writing():
            pytest.fail("there is no room")
        assert caught.value.exit_code == 1
    with database.writing() as connection:
        add(connection, "later")
    with database.reading() as connection:
        assert names(connection) == ["kept", "later"]
    database.close()
    other.close()


def test_without_room_but_with_an_index_readers_do_not_wait_for_each_other(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one has made the index; the other finds it, even by way of a link."""
    database = Database(sqlite_url)
    upgrade(database)
    (tmp_path / "elsewhere").mkdir()
    (link := tmp_path / "elsewhere" / "link.db").symlink_to(tmp_path / "inventory.db")
    by_link = Database(f"sqlite:///{link}")
    with database.reading() as connection:
        assert names(connection) == []
        monkeypatch.setattr("inventory.process.disk.has_room", lambda *_: False)
        with by_link.reading() as other:
            assert names(other) == []
    by_link.close()
    database.close()


def test_sorts_without_room_for_temporary_files_are_made_in_memory(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(sqlite_url)
    upgrade(database)

    def store() -> int:
        with database.reading() as connection:
            found: int = connection.exec_driver_sql("PRAGMA temp_store").scalar_one()
        database.close()
        return found

    assert store() == 0, "in files"
    monkeypatch.setenv("SQLITE_TMPDIR", "/proc/self")  # where nothing can be written, and nothing is free
    monkeypatch.setattr("os.access", lambda *_, **__: True)
    assert store() == 2, "in memory"


def test_a_lost_postgresql_session_is_replaced(postgres_url: str) -> None:
    database = Database(postgres_url)
    with pytest.raises(DatabaseUnavailableError) as caught, database.writing() as connection:
        connection.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")
    assert caught.value.exit_code == 1
    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar_one() == 1
    database.close()


def test_sessions_that_ended_while_nobody_used_them_go_unnoticed(postgres_url: str) -> None:
    """As after a restart of the server, or a firewall that forgot them."""
    with closing(Database(postgres_url)) as database, closing(Database(postgres_url)) as other:
        with database.reading() as connection:
            pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        with other.reading() as connection:
            connection.exec_driver_sql(f"SELECT pg_terminate_backend({pid}, 5000)")
        with database.writing() as connection:
            assert connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one() != pid


def test_a_deadlock_is_a_lock(postgres_url: str) -> None:
    database = Database(postgres_url)
    upgrade(database)
    with database.writing() as connection:
        connection.execute(sa.insert(accounts), [{"name": "left"}, {"name": "right"}])
    both_hold_one = Barrier(2)

    def cross(order: tuple[str, str]) -> None:
        with database.writing() as connection:
            for name in order:
                connection.execute(sa.update(accounts).where(accounts.c.name == name).values(status=order[0]))
                if name == order[0]:
                    both_hold_one.wait()

    with ThreadPoolExecutor(2) as threads:
        crossing = [threads.submit(cross, order) for order in (("left", "right"), ("right", "left"))]
        problems = [problem for future in crossing if (problem := future.exception())]
    assert [type(problem) for problem in problems] == [DatabaseConflictError]
    database.close()


def test_postgresql_looks_no_longer_for_an_answer_than_it_is_wanted(postgres_url: str) -> None:
    with closing(Database(postgres_url)) as database:
        with pytest.raises(DatabaseUnavailableError, match="statement timeout"):
            slowly(database)
        with database.reading() as connection:
            assert connection.exec_driver_sql("SHOW statement_timeout").scalar_one() == "35s"


def slowly(database: Database) -> None:
    with database.reading(at_most_seconds=1) as connection:
        connection.exec_driver_sql("SELECT pg_sleep(30)")


def test_a_writer_that_is_stopped_in_a_transaction_keeps_its_rows_from_others_for_a_while_only(
    migrated_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "WRITING", connecting.WRITING.replace("'60s'", "'300ms'"))
    change = sa.update(accounts).where(accounts.c.name == "acme")

    def stop_in_between(database: Database) -> None:
        with database.writing() as stopped:
            stopped.execute(change.values(status="first"))
            with database.writing() as connection:
                connection.execute(change.values(status="second"))
            stopped.execute(change.values(status="third"))

    with closing(Database(migrated_postgres_url)) as database:
        with database.writing() as connection:
            connection.execute(sa.insert(accounts).values(name="acme"))
        with pytest.raises(DatabaseUnavailableError):
            stop_in_between(database)
        with database.reading() as connection:
            assert connection.scalar(sa.select(accounts.c.status)) == "second"
