"""How SQLite and PostgreSQL are connected to, and by which settings each connection and transaction works."""

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import QueuePool

from inventory.errors import ConfigurationError, DatabaseUnusableError, Kept
from inventory.process import disk
from inventory.store.driver_errors import LOCK_WAIT_SECONDS

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

_POSTGRESQL_CONNECTION = {
    "connect_timeout": 10,
    "application_name": "inventory",
    "client_encoding": "utf8",
    # PgBouncer in transaction mode keeps no prepared statements.
    "prepare_threshold": None,
}


def _set_local(settings: Mapping[str, str]) -> str:
    return "; ".join(f"SET LOCAL {name} = {value}" for name, value in settings.items())


# A process that is stopped in the middle of a transaction, as a virtual machine may be, would keep others from the rows
# that it locked for as long as that lasts, also from its own account, whose lease is free after 90 s.
_WRITER_SETTINGS = {"idle_in_transaction_session_timeout": "'60s'"}
WRITING = f"SET TRANSACTION ISOLATION LEVEL READ COMMITTED; {_set_local(_SESSION_SETTINGS | _WRITER_SETTINGS)}"
READING = f"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; {_set_local(_SESSION_SETTINGS | READER_SETTINGS)}"


def pooling(path: Path | None) -> dict[str, Any]:
    """Return how many connections to SQLite are kept: to a file one for each thread that asks, in memory a single one.

    Closing the last one to a file costs a checkpoint; in memory each would be a database of its own.
    """
    most = {"pool_size": 0} if path else {"pool_size": 1, "max_overflow": 0}
    return {"poolclass": QueuePool, "pool_use_lifo": True, **most}


def sqlite_engine(url: sa.URL, *pragmas: str, mode: str = "rw", **pool: Any) -> sa.Engine:  # noqa: ANN401 - SQLAlchemy's own
    """Connect to a file, or to a database in memory, by these PRAGMAs besides; a file that is not there stays away."""
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


def postgresql_engine(url: sa.URL, shown: str) -> sa.Engine:
    """Connect to a database, which `shown` names without its password.

    Raises:
        ConfigurationError: The driver is not installed.
    """
    try:
        from inventory.store import deadline  # noqa: PLC0415 - the driver is an extra

        engine = sa.create_engine(
            url,
            # As many as threads that ask; those that few need are closed with the others, at the end of a round.
            pool_size=0,
            pool_use_lifo=True,
            pool_pre_ping=True,
            connect_args=_POSTGRESQL_CONNECTION,
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
        options: Mapping[str, Any] = connection.get_execution_options()
        begin = options.get("postgresql_begin", WRITING)
        if (connection.dialect.server_version_info or ()) >= (17,):
            begin = f"{begin}; {_set_local(_SINCE_POSTGRESQL_17)}"
        driver: Any = connection.connection.driver_connection
        with deadline.answering_within(driver, options.get("postgresql_begins_within", driver.answer_seconds)):
            connection.exec_driver_sql(begin)

    return engine
