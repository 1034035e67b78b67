"""Transactions on SQLite or PostgreSQL, that write or read.

The transactions of SQLite's driver lose concurrent updates. Writers therefore take the write lock at once (`BEGIN
IMMEDIATE`), readers use a plain `BEGIN`, and both wait up to 30 s for a lock.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from inventory.errors import DatabaseError, DatabaseUnavailableError, Kept
from inventory.process import disk
from inventory.store.connecting import READING, pooling, postgresql_engine, sqlite_engine
from inventory.store.driver_errors import LOCK_WAIT_SECONDS, DriverErrors, is_answer_lost
from inventory.store.sqlite_file import INDEX_BYTES, has_index, may_write
from inventory.views.readers import TwoReaders

_SECOND_BEGINS_WITHIN = 1.0  # seconds


class Database:
    """One database: transactions that write or read, and its name as it may be shown.

    Attributes:
        path: The SQLite file; None on PostgreSQL and in memory.
        shown: The file's path, or the URL without its password; in memory, words that say so.
        errors: Its driver's errors as ours.
    """

    def __init__(self, url: str | sa.URL, *, becomes: Path | None = None) -> None:
        """Prepare, but do not connect; `url` is of SQLAlchemy's dialect `sqlite` or `postgresql+psycopg`.

        A file that `becomes` another one when it is whole is called by that name.
        """
        self.url = sa.make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.path = Path(self.url.database) if self.is_sqlite and self.url.database else None
        in_memory = "a database in memory" if self.is_sqlite else None
        self.shown = str(becomes or self.path or in_memory or _without_secrets(self.url))
        self.errors = DriverErrors(self.shown, self.path, is_draft=becomes is not None)
        # SQLite polls for its lock, and who comes late may be first: of our own threads each waits for its turn here.
        self._turn_to_write = Lock() if self.is_sqlite else None
        self.engine = (
            sqlite_engine(self.url, **pooling(self.path)) if self.is_sqlite else postgresql_engine(self.url, self.shown)
        )

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Give a transaction that commits at the end of the block and rolls back on any error.

        Raises:
            DatabaseError: A kind of it, for every error that an operator can do something about.
        """
        with self._turn(), self._transaction(self.engine, "BEGIN IMMEDIATE") as connection:
            yield connection

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if self._turn_to_write is None:
            yield
        elif self._turn_to_write.acquire(timeout=LOCK_WAIT_SECONDS):
            try:
                yield
            finally:
                self._turn_to_write.release()
        else:
            raise self.errors.locked()

    @contextmanager
    def reading(self, *, at_most_seconds: int | None = None) -> Iterator[sa.Connection]:
        """Give a transaction that sees one state of the database and is never committed; it needs no room on the disk.

        Nobody may want a statement's answer after `at_most_seconds`: PostgreSQL then looks for none.

        Raises:
            DatabaseError: As `writing`.
        """
        begin = _begin_of_postgresql(at_most_seconds)
        with self._transaction(self._engine_to_read_with(), "BEGIN", postgresql_begin=begin) as connection:
            yield connection
            connection.rollback()

    @contextmanager
    def reading_twice(self, *, at_most_seconds: int | None = None) -> Iterator[TwoReaders]:
        """Give two transactions, each as `reading` gives one, that see the same state of the database.

        Raises:
            DatabaseError: As `writing`.
        """
        with self.errors.translated(), ExitStack() as stack:
            two = self._two_of_sqlite if self.is_sqlite else self._two_or_one_of_postgresql
            yield two(stack, at_most_seconds)

    def _two_or_one_of_postgresql(self, stack: ExitStack, at_most_seconds: int | None) -> TwoReaders:
        try:
            with ExitStack() as trying:
                readers = self._two_of_postgresql(trying, at_most_seconds)
                stack.push(trying.pop_all())
        except (DatabaseError, sa.exc.DBAPIError):  # too many connections, or a pooler that has one or leads elsewhere
            readers = TwoReaders(stack.enter_context(self.reading(at_most_seconds=at_most_seconds)))
        return readers

    def _two_of_postgresql(self, stack: ExitStack, at_most_seconds: int | None) -> TwoReaders:
        connection = stack.enter_context(self.reading(at_most_seconds=at_most_seconds))
        same = f"SET TRANSACTION SNAPSHOT '{connection.scalar(sa.text('SELECT pg_export_snapshot()'))}'"
        # A pooler keeps who begins waiting for a connection, perhaps for the one that the first has.
        how = {"postgresql_begin": f"{_begin_of_postgresql(at_most_seconds)}; {same}"}
        begun = self._transaction(self.engine, "BEGIN", postgresql_begins_within=_SECOND_BEGINS_WITHIN, **how)
        second = stack.enter_context(begun)
        stack.callback(second.rollback)
        return TwoReaders(connection, second)

    def _two_of_sqlite(self, stack: ExitStack, _at_most_seconds: int | None) -> TwoReaders:
        engine = self._engine_to_read_with()
        if not self.path or engine is self._lone_engine:
            return TwoReaders(stack.enter_context(self.reading()))
        second = stack.enter_context(engine.connect())
        before = _sqlite_version(second)
        connection = stack.enter_context(self._transaction(engine, "BEGIN"))
        stack.callback(connection.rollback)
        # The state is that of the first look. If it is the second one's before and after, it is the same.
        connection.exec_driver_sql("SELECT 1 FROM sqlite_schema LIMIT 1")
        stack.enter_context(second.begin())
        stack.callback(second.rollback)
        return TwoReaders(connection, second if _sqlite_version(second) == before else None)

    def _engine_to_read_with(self) -> sa.Engine:
        """Give the usual engine, or one for a file that this user may not write, or whose log has no room."""
        if not self.path:
            return self.engine
        if not may_write(self.path):
            return self._reading_engine
        # An index that does not fit is left behind, and takes what room there was.
        if not (disk.has_room(self.path, INDEX_BYTES) or has_index(self.path)):
            return self._lone_engine
        try:
            with self._transaction(self.engine, "BEGIN") as connection:
                connection.exec_driver_sql("SELECT 1 FROM sqlite_schema LIMIT 1")
        except DatabaseUnavailableError:
            return self._lone_engine
        return self.engine

    @cached_property
    def _reading_engine(self) -> sa.Engine:
        """An engine that writes nothing: a copy without a log needs no more, and a log can be read as long as it is."""
        return sqlite_engine(self.url, mode="ro", poolclass=NullPool)

    @cached_property
    def _lone_engine(self) -> sa.Engine:
        """An engine whose connections keep the index of the log in memory; others wait for their end.

        Source: https://www.sqlite.org/wal.html#use_of_wal_without_shared_memory.
        """
        return sqlite_engine(self.url, "PRAGMA locking_mode = EXCLUSIVE", poolclass=NullPool)

    @contextmanager
    def _transaction(self, engine: sa.Engine, sqlite_begin: str, **options: str | float) -> Iterator[sa.Connection]:
        with self.errors.translated(), engine.connect() as connection:
            is_committing = False
            try:
                with connection.execution_options(sqlite_begin=sqlite_begin, **options).begin() as transaction:
                    yield connection
                    is_committing = transaction.is_active
            except sa.exc.OperationalError as error:
                # After an I/O error the state of a connection is unknown: it is not used again.
                connection.invalidate()
                ours = self.errors.of(error)
                if ours is None or not (is_committing and is_answer_lost(error)):
                    raise
                ours.kept, ours.to_do = Kept.UNKNOWN, "the next sync finds out."
                raise ours from error

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def _begin_of_postgresql(at_most_seconds: int | None) -> str:
    # Not READ ONLY: that connection's next transaction would then begin as READ WRITE, even on a read-only server.
    return f"{READING}; SET LOCAL statement_timeout = '{at_most_seconds}s'" if at_most_seconds else READING


def _sqlite_version(connection: sa.Connection) -> object:
    """Return what changes for a connection when another one commits, whoever that is of.

    Source: https://www.sqlite.org/pragma.html#pragma_data_version.
    """
    driver: Any = connection.connection.driver_connection  # its own words begin no transaction
    return driver.execute("PRAGMA data_version").fetchone()


def memory(instead_of: Path | None = None) -> Database:
    """Return an empty SQLite database in memory, which lives as long as the object, perhaps under a file's name."""
    return Database("sqlite://", becomes=instead_of)


def _without_secrets(url: sa.URL) -> str:
    """Return the URL as it may be shown; libpq also takes passwords as parameters."""
    shown = url.difference_update_query([key for key in url.query if "password" in key])
    return shown.set(drivername="postgresql").render_as_string(hide_password=True)
