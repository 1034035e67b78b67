"""Connections to SQLite or PostgreSQL, and the transactions on them.

The transactions of SQLite's driver lose concurrent updates. Writers therefore take the write lock at once (`BEGIN
IMMEDIATE`), readers use a plain `BEGIN`, and both wait up to 30 s for a lock.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import NullPool, QueuePool

from inventory.errors import ConfigurationError, DatabaseUnavailableError, DatabaseUnusableError, Kept
from inventory.process import disk
from inventory.store.driver_errors import LOCK_WAIT_SECONDS, DriverErrors, is_answer_lost
from inventory.store.sqlite_file import INDEX_BYTES, has_index, may_write

_PRAGMAS = (
    f"PRAGMA busy_timeout = {LOCK_WAIT_SECONDS * 1000}",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
)

# PostgreSQL compiles a query that looks costly, and reads whole tables to avoid seeking on a disk. Our queries look
# costly and take tenths of a second; compiled, those of a summary over five years took 2.8 s instead of 1.1.
# https://www.postgresql.org/docs/current/jit-decision.html
READER_SETTINGS = {"jit": "off", "random_page_cost": "1.1"}
# Whatever a database, a role, PGOPTIONS or the environment set: in these forms the driver reads values, and by these
# rules our SQL is meant. Set in each transaction, since PgBouncer may give each one another connection.
_SESSION_SETTINGS = {
    "DateStyle": "'ISO, MDY'",
    "IntervalStyle": "postgres",
    "TimeZone": "'UTC'",
    "extra_float_digits": "1",
    "standard_conforming_strings": "on",
    "array_nulls": "on",
    "transform_null_equals": "off",
    # Less than the connection waits for an answer, so that the server says what was waited for.
    "lock_timeout": "'25s'",
    # Longer than the connection waits for an answer: then nobody waits any more, and the server need not go on.
    "statement_timeout": "'35s'",
    "idle_in_transaction_session_timeout": "0",
}
_SINCE_POSTGRESQL_17 = {"transaction_timeout": "0"}


def _set_local(settings: Mapping[str, str]) -> str:
    return "; ".join(f"SET LOCAL {name} = {value}" for name, value in settings.items())


# A process that is stopped in the middle of a transaction, as a virtual machine may be, would keep others from the rows
# that it locked for as long as that lasts, also from its own account, whose lease is free after 90 s.
_WRITER_SETTINGS = {"idle_in_transaction_session_timeout": "'60s'"}
_WRITING = f"SET TRANSACTION ISOLATION LEVEL READ COMMITTED; {_set_local(_SESSION_SETTINGS | _WRITER_SETTINGS)}"
_READING = f"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; {_set_local(_SESSION_SETTINGS | READER_SETTINGS)}"


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
            _sqlite_engine(self.url, **_pool(self.path)) if self.is_sqlite else _postgresql_engine(self.url, self.shown)
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
        # Not READ ONLY: that connection's next transaction would then begin as READ WRITE, even on a server that is
        # read-only.
        begin = f"{_READING}; SET LOCAL statement_timeout = '{at_most_seconds}s'" if at_most_seconds else _READING
        with self._transaction(self._engine_to_read_with(), "BEGIN", postgresql_begin=begin) as connection:
            yield connection
            connection.rollback()

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
        return _sqlite_engine(self.url, mode="ro", poolclass=NullPool)

    @cached_property
    def _lone_engine(self) -> sa.Engine:
        """An engine whose connections keep the index of the log in memory; others wait for their end.

        Source: https://www.sqlite.org/wal.html#use_of_wal_without_shared_memory.
        """
        return _sqlite_engine(self.url, "PRAGMA locking_mode = EXCLUSIVE", poolclass=NullPool)

    @contextmanager
    def _transaction(self, engine: sa.Engine, sqlite_begin: str, **options: str) -> Iterator[sa.Connection]:
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


def _pool(path: Path | None) -> dict[str, Any]:
    """Return how many connections to SQLite are kept: to a file one for each thread that asks, in memory a single one.

    Closing the last one to a file costs a checkpoint; in memory each would be a database of its own.
    """
    most = {"pool_size": 0} if path else {"pool_size": 1, "max_overflow": 0}
    return {"poolclass": QueuePool, "pool_use_lifo": True, **most}


def memory(instead_of: Path | None = None) -> Database:
    """Return an empty SQLite database in memory, which lives as long as the object, perhaps under a file's name."""
    return Database("sqlite://", becomes=instead_of)


def _without_secrets(url: sa.URL) -> str:
    """Return the URL as it may be shown; libpq also takes passwords as parameters."""
    shown = url.difference_update_query([key for key in url.query if "password" in key])
    return shown.set(drivername="postgresql").render_as_string(hide_password=True)


def _sqlite_engine(url: sa.URL, *pragmas: str, mode: str = "rw", **pool: Any) -> sa.Engine:  # noqa: ANN401 - SQLAlchemy's own
    path = Path(url.database) if url.database else None
    # Never SQLite's own mode, rwc: it creates a file that does not exist.
    if path:
        url = url.set(database=path.absolute().as_uri(), query={"mode": mode, "uri": "true"})
    engine = sa.create_engine(url, connect_args={"isolation_level": None, "check_same_thread": False}, **pool)

    @sa.event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: Any) -> None:  # noqa: ANN401 - SQLAlchemy's private type
        # Some of ours read the file, which decides how it is read from then on.
        for pragma in (*pragmas, *_PRAGMAS):
            connection.execute(pragma)
        # Temporary files seldom grow as large as the database. A sort of 1.8 million rows takes 220 MB in memory.
        if path and not disk.has_room_for_temporary_files(path.stat().st_size):
            connection.execute("PRAGMA temp_store = MEMORY")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("sqlite_begin", "BEGIN"))

    return engine


def _postgresql_engine(url: sa.URL, shown: str) -> sa.Engine:
    try:
        from inventory.store import deadline  # noqa: PLC0415 - the driver is an extra

        engine = sa.create_engine(
            url,
            # As many as threads that ask; those that few need are closed with the others, at the end of a round.
            pool_size=0,
            pool_use_lifo=True,
            pool_pre_ping=True,
            connect_args={
                "connect_timeout": 10,
                "application_name": "inventory",
                "client_encoding": "utf8",
                # PgBouncer in transaction mode keeps no prepared statements.
                "prepare_threshold": None,
            },
        )
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            "PostgreSQL needs its driver: pip install 'droplet-backup-inventory[postgres]'"
        ) from error

    @sa.event.listens_for(engine, "do_connect")
    def _connect(_dialect: Any, _record: Any, arguments: Any, options: Any) -> deadline.Connection:  # noqa: ANN401 - as above
        connection = deadline.Connection.connect(*arguments, **options)
        if (encoding := connection.info.parameter_status("server_encoding")) != "UTF8":
            connection.close()
            raise DatabaseUnusableError(
                f"database {shown} stores text as {encoding}, which lacks letters that names may have",
                kept=Kept.NOTHING_CHANGED,
                to_do="create a database with ENCODING 'UTF8'.",
            )
        return connection

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        begin = connection.get_execution_options().get("postgresql_begin", _WRITING)
        if (connection.dialect.server_version_info or ()) >= (17,):
            begin = f"{begin}; {_set_local(_SINCE_POSTGRESQL_17)}"
        connection.exec_driver_sql(begin)

    return engine
