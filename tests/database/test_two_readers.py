"""Two transactions of one state: questions asked at once are answered as if asked of one."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from inventory.errors import DatabaseUnavailableError
from inventory.process import disk
from inventory.store import engine
from inventory.store.engine import Database, memory
from inventory.store.schema import accounts
from inventory.store.upgrade import upgrade
from inventory.views.readers import TwoReaders


def names(connection: sa.Connection) -> list[str]:
    return list(connection.scalars(sa.select(accounts.c.name).order_by(accounts.c.name)))


def add(database: Database, name: str) -> None:
    with database.writing() as connection:
        connection.execute(sa.insert(accounts).values(name=name))


@pytest.fixture
def sqlite_database(migrated_sqlite_url: str) -> Iterator[Database]:
    with closing(Database(migrated_sqlite_url)) as opened:
        yield opened


@pytest.fixture
def postgres_database(migrated_postgres_url: str) -> Iterator[Database]:
    with closing(Database(migrated_postgres_url)) as opened:
        yield opened


@pytest.fixture
def other(database: Database) -> Iterator[Database]:
    """Give what another process has: the same database by connections of its own."""
    with closing(Database(database.url)) as opened:
        yield opened


def test_both_see_one_state_while_others_write(database: Database, other: Database) -> None:
    add(database, "before")
    with database.reading_twice() as readers:
        assert readers.second is not None
        add(other, "after")
        assert readers.at_once(names, names) == (["before"], ["before"])
    with database.reading_twice() as readers:
        assert readers.at_once(names, names) == (["after", "before"],) * 2


def test_they_are_asked_at_once(database: Database) -> None:
    both = threading.Barrier(2, timeout=60)

    def meet(connection: sa.Connection) -> list[str]:
        both.wait()
        return names(connection)

    with database.reading_twice() as readers:
        assert readers.at_once(meet, meet) == ([], [])


def test_of_more_questions_each_is_asked_as_soon_as_one_is_free(database: Database) -> None:
    """The first waits for all others, which the second connection therefore has to answer."""
    add(database, "there")
    answered = threading.Semaphore(0)

    def wait_for_the_others(connection: sa.Connection) -> list[str]:
        assert all(answered.acquire(timeout=60) for _ in range(4))
        return names(connection)

    def number(connection: sa.Connection) -> int:
        answered.release()
        return len(names(connection))

    with database.reading_twice() as readers:
        assert readers.at_once(wait_for_the_others, number, number, number, number) == (["there"], 1, 1, 1, 1)
        alone = TwoReaders(readers.connection).at_once(names, number, names, number, names)
        assert alone == (["there"], 1, ["there"], 1, ["there"])


def test_answers_to_each_are_in_order_and_the_first_error_ends_them(database: Database) -> None:
    add(database, "there")
    asked: list[int] = []

    def answer(connection: sa.Connection, number: int) -> tuple[int, list[str]]:
        asked.append(number)
        if number == 30:
            raise ZeroDivisionError
        return number, names(connection)

    with database.reading_twice() as readers:
        assert readers.of_each(range(20), answer) == [(number, ["there"]) for number in range(20)]
        with pytest.raises(ZeroDivisionError):
            readers.of_each(range(30, 10_000), answer)
    assert len(asked) < 5_000


@pytest.mark.parametrize("begun", [1, 2], ids=["before the first began", "before the second began"])
def test_a_commit_between_them_leaves_one(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch, begun: int
) -> None:
    looks: list[int] = []
    version = engine._sqlite_version

    with closing(Database(sqlite_database.url)) as writer:

        def version_and_commit(connection: sa.Connection) -> object:
            looks.append(1)
            if len(looks) == begun == 2:
                add(writer, "between")
            found = version(connection)
            if len(looks) == begun == 1:
                add(writer, "between")
            return found

        monkeypatch.setattr(engine, "_sqlite_version", version_and_commit)
        with sqlite_database.reading_twice() as readers:
            assert len(looks) == 2
            assert readers.second is None
            expected = ["between"] if begun == 1 else []
            assert readers.at_once(names, names) == (expected, expected)


@pytest.mark.parametrize("times", range(3))
def test_states_are_the_same_however_busily_others_write(database: Database, other: Database, times: int) -> None:
    is_over, were_two = threading.Event(), 0

    def write() -> int:
        written = 0
        while not is_over.is_set():
            add(other, f"{times}-{written}")
            written += 1
        return written

    with ThreadPoolExecutor(1) as thread:
        written = thread.submit(write)
        try:
            for _ in range(40):
                with database.reading_twice() as readers:
                    one, two = readers.at_once(names, names)
                    assert one == two
                    were_two += readers.second is not None
        finally:
            is_over.set()
        assert written.result()
    assert were_two


def test_where_a_second_cannot_be_had_one_is_asked_after_the_other(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(database, "there")
    asked: list[sa.Connection] = []
    transaction = Database._transaction

    def refused(this: Database, *arguments: object, **options: str) -> object:
        if "SNAPSHOT" in options.get("postgresql_begin", ""):
            raise DatabaseUnavailableError("too many connections")
        return transaction(this, *arguments, **options)  # type: ignore[arg-type]

    def ask(connection: sa.Connection) -> list[str]:
        asked.append(connection)
        return names(connection)

    monkeypatch.setattr(Database, "_transaction", refused)
    if database.is_sqlite:
        monkeypatch.setattr(engine, "_sqlite_version", lambda _: object())
    with database.reading_twice() as readers:
        assert readers.second is None
        assert readers.at_once(ask, ask) == (["there"], ["there"])
        assert asked == [readers.connection] * 2


def test_both_are_answered_in_time_or_not_at_all(postgres_database: Database) -> None:
    def limit(connection: sa.Connection) -> object:
        return connection.exec_driver_sql("SHOW statement_timeout").scalar_one()

    with postgres_database.reading_twice(at_most_seconds=7) as readers:
        assert readers.second is not None
        assert readers.at_once(limit, limit) == ("7s", "7s")


def test_a_snapshot_that_cannot_be_given_leaves_one(postgres_database: Database) -> None:
    role = "reader_without_snapshots"
    with postgres_database.writing() as connection:
        connection.exec_driver_sql("REVOKE EXECUTE ON FUNCTION pg_export_snapshot() FROM PUBLIC")
        connection.exec_driver_sql(f"DROP ROLE IF EXISTS {role}")
        connection.exec_driver_sql(f"CREATE ROLE {role} LOGIN PASSWORD 'secret'")
        connection.exec_driver_sql(f"GRANT SELECT ON accounts TO {role}")
        connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA public TO {role}")
    url = postgres_database.url.set(username=role, password="secret")
    with closing(Database(url)) as reader, reader.reading_twice() as readers:
        assert readers.second is None
        assert readers.at_once(names, names) == ([], [])
    with postgres_database.writing() as connection:
        connection.exec_driver_sql(f"DROP OWNED BY {role}")
        connection.exec_driver_sql(f"DROP ROLE {role}")


@pytest.mark.parametrize("place", [0, 1])
def test_what_one_of_them_raises_is_raised(database: Database, place: int) -> None:
    def fail(connection: sa.Connection) -> list[str]:
        connection.exec_driver_sql("SELECT nothing FROM nowhere")
        raise AssertionError

    questions = [names, names]
    questions[place] = fail
    with pytest.raises(sa.exc.DBAPIError), database.reading_twice() as readers:
        readers.at_once(*questions)
    with database.reading_twice() as readers:
        assert readers.at_once(names, names) == ([], [])


def test_a_database_in_memory_has_one(tmp_path: Path) -> None:
    with closing(memory(tmp_path / "nothing.db")) as database:
        upgrade(database)
        add(database, "there")
        with database.reading_twice() as readers:
            assert readers.second is None
            assert readers.at_once(names, names) == (["there"], ["there"])


@pytest.mark.parametrize(
    ("lacking", "number"), [((engine, "may_write"), 2), ((disk, "has_room"), 1)], ids=["rights", "room"]
)
def test_a_file_that_cannot_be_read_as_usual_has_two_or_one(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch, lacking: tuple[object, str], number: int
) -> None:
    add(sqlite_database, "there")
    sqlite_database.close()
    monkeypatch.setattr(*lacking, lambda *_: False)
    with closing(Database(sqlite_database.url)) as reader, reader.reading_twice() as readers:
        # Where the index of the log has no room, one reader has the file for itself.
        assert (readers.second is not None) == (number > 1)
        assert readers.at_once(names, names) == (["there"], ["there"])
