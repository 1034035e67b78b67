"""The tables of the queue that workers share: procrastinate's own, in a schema of their own on PostgreSQL.

They hold nothing that is not made again: what is due stands in `accounts.next_due_at`. So they are made by one version
of procrastinate, and another one drops them and makes its own, while no worker lives. The schema is reached by
`search_path`, which the connections of the queue set; nothing else of ours looks there.
"""

from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from typing import Any

import sqlalchemy as sa

from inventory.errors import ConfigurationError, DatabaseUnusableError, Kept
from inventory.store.engine import Database
from inventory.store.upgrade import upgrading
from inventory.terminal.words import count

SCHEMA = "inventory_jobs"

STALLED_SECONDS = 30
"""After so many seconds without a sign of life a worker is taken for dead by procrastinate."""

_ENGINE = "procrastinate"
_LIVING = f"""
SELECT count(*) FROM {SCHEMA}.procrastinate_workers
 WHERE last_heartbeat > now() - interval '{STALLED_SECONDS} seconds'
"""  # noqa: S608 - our own names


def installed() -> str | None:
    """Return the version of procrastinate that is installed; None without the extra."""
    try:
        return f"{_ENGINE} {version(_ENGINE)}"
    except PackageNotFoundError:
        return None


def is_wanted(database: Database) -> bool:
    """Tell whether workers could share a database: on PostgreSQL, where the extra is installed."""
    return not database.is_sqlite and installed() is not None


def require_installed() -> str:
    """Return the version of procrastinate.

    Raises:
        ConfigurationError: It is not installed.
    """
    engine = installed()
    if engine is None:
        raise ConfigurationError(
            "workers share their work through procrastinate, which is not installed: "
            "pip install 'droplet-backup-inventory[scale]'"
        )
    return engine


def made_by(connection: sa.Connection) -> str | None:
    """Return which version made the tables of the queue; None where there are none."""
    schema = sa.text("SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = :name")
    found: str | None = connection.scalar(schema, {"name": SCHEMA})
    return found


def require_current(database: Database) -> None:
    """Refuse a queue that is missing, or that another version made.

    Raises:
        ConfigurationError: procrastinate is not installed.
        DatabaseUnusableError: The message says which, and what to do.
    """
    engine = require_installed()
    with database.reading() as connection:
        found = made_by(connection)
    if found != engine:
        what = f"was made by {found}, and this is {engine}" if found else "is missing"
        raise DatabaseUnusableError(
            f"the queue of workers in database {database.shown} {what}", to_do="make it with: inventory db upgrade"
        )


def ensure(database: Database) -> bool:
    """Make the tables of the queue where they are missing or another version's; tell whether that was so.

    Raises:
        ConfigurationError: procrastinate is not installed.
        DatabaseUnusableError: Workers of another version live, or this role may not make a schema.
    """
    engine = require_installed()
    with database.reading() as connection:
        if made_by(connection) == engine:
            return False
    with upgrading(database) as connection:  # one process at a time
        before = made_by(connection)
        if before == engine:
            return False
        if before is not None:
            _drop(database, connection, before)
        _make(database, connection, engine)
    return True


def _drop(database: Database, connection: sa.Connection, before: str) -> None:
    if living := connection.scalar(sa.text(_LIVING)):
        raise DatabaseUnusableError(
            f"the queue in database {database.shown} is in use by {count(living, 'worker')} with {before}",
            kept=Kept.NOTHING_CHANGED,
            to_do=f"stop them all, wait {STALLED_SECONDS} s, and start those of this version.",
        )
    connection.exec_driver_sql(f"DROP SCHEMA {SCHEMA} CASCADE")


def _make(database: Database, connection: sa.Connection, engine: str) -> None:
    if not _has_schema(connection):
        try:
            with connection.begin_nested():
                connection.exec_driver_sql(f"CREATE SCHEMA {SCHEMA}")
        except sa.exc.ProgrammingError as error:
            raise DatabaseUnusableError(
                f"this role may not make a schema in database {database.shown}, which workers need for their queue",
                kept=Kept.NOTHING_CHANGED,
                to_do=f"let the owner of the database run: CREATE SCHEMA {SCHEMA} AUTHORIZATION this role.",
            ) from error
    connection.exec_driver_sql(f"SET LOCAL search_path TO {SCHEMA}")
    driver: Any = connection.connection.driver_connection
    driver.execute(files("procrastinate.sql").joinpath("schema.sql").read_text(encoding="utf-8"))
    connection.exec_driver_sql(f"COMMENT ON SCHEMA {SCHEMA} IS '{engine}'")


def _has_schema(connection: sa.Connection) -> bool:
    named = sa.text("SELECT count(*) FROM pg_namespace WHERE nspname = :name")
    return bool(connection.scalar(named, {"name": SCHEMA}))
