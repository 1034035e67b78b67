"""Create the database, upgrade its tables to this program's version, or say why that is not possible.

One upgrade runs at a time, under an advisory lock on PostgreSQL, under the write lock on SQLite. The others wait
a while, and then find nothing to do. Each upgrade is one transaction.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from inventory.errors import DatabaseLockedError, DatabaseUnavailableError, DatabaseUnusableError, Kept
from inventory.process import disk
from inventory.process.clock import utc_now
from inventory.store import statistics, view_ddl
from inventory.store.draft import copy_committed, directory, drafted, publish, remove_left_behind
from inventory.store.driver_errors import NO_SCHEMA
from inventory.store.engine import Database
from inventory.store.schema import metadata
from inventory.store.sqlite_file import INDEX_BYTES, check_sqlite_file, sqlite_file_exists

if TYPE_CHECKING:
    from alembic.config import Config

VERSION_TABLE = "inventory_schema_version"
_ADVISORY_LOCK = 0x1D6F_B4C3  # any number that is ours
_LOCK_WAIT_SECONDS = 10
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_LOCK_NOT_AVAILABLE = "55P03"


def migrations_directory() -> Path:
    """Find the migrations: beside the package in a checkout, inside it in an installed wheel."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "migrations"
    return installed if installed.is_dir() else package.parent / "migrations"


def configuration(directory: Path | None = None) -> "Config":
    """Return Alembic's configuration for our migrations, made without a configuration file."""
    # Alembic is only loaded if tables may have to change: loading it takes longer than a sync of a small fleet.
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(directory or migrations_directory()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def revision(connection: sa.Connection) -> str | None:
    """Read the revision of the tables; None if there are none of ours."""
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    found: str | None = connection.scalar(sa.text(f"SELECT version_num FROM {VERSION_TABLE}"))  # noqa: S608 - our own name
    return found


def revisions(directory: Path | None = None) -> list[str]:
    """List the revisions, oldest first, from the names of their files."""
    # Not by glob, which finds nothing where the directory cannot be read.
    files = (directory or migrations_directory()).joinpath("versions").iterdir()
    return sorted(file.name.partition("_")[0] for file in files if file.match("[0-9]*.py"))


def upgrade(database: Database, config: "Config | None" = None) -> str | None:
    """Create or upgrade tables and views. Return the revision before; None for a new database.

    A SQLite file is created with mode 0600, and copied beside itself before its tables change.

    Raises:
        DatabaseUnusableError: It is damaged, read-only, not ours, or of a revision that this program does not know.
    """
    if database.path:
        if not sqlite_file_exists(database.path):
            _create_sqlite_file(database.path, config)
            return None
        remove_left_behind(database.path)
    check_usable(database, config)
    with database.reading() as connection:
        before = revision(connection)
        is_current = before == _revisions(config)[-1] and view_ddl.are_current(connection)
    if is_current:
        return before
    return migrate(database, config)


def check_usable(database: Database, config: "Config | None" = None) -> None:
    """Refuse a database that is damaged, not ours, or of no revision that this program knows.

    An empty one passes, and so does an older one that can be upgraded.

    Raises:
        DatabaseUnusableError: The message says which of these, and what to do.
    """
    _check_undamaged(database)
    _check_ours(database, config)


def _check_undamaged(database: Database) -> None:
    """Let SQLite examine the whole file; PostgreSQL checks its own files."""
    if not database.path:
        return
    check_sqlite_file(database.path, to_write=True)
    with database.reading() as connection:
        found: str = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
    if found != "ok":
        raise DatabaseUnusableError(
            f"database {database.shown} is damaged ({' '.join(found.split())})",
            kept=Kept.NOTHING_CHANGED,
            to_do="restore a copy.",
        )


def _check_ours(database: Database, config: "Config | None" = None) -> None:
    with database.reading() as connection:
        current = revision(connection)
        if current is None:
            _refuse_no_place(database, connection)
            _refuse_foreign(database, connection)
    known = _revisions(config)
    if current is None or current in known:
        return
    if current < known[0]:
        raise DatabaseUnusableError(
            f"database {database.shown} was made by a version of this program that was never released "
            f"(revision {current}), and cannot be upgraded",
            kept=Kept.NOTHING_CHANGED,
            to_do="move it away or name another database, and the next sync makes a new one.",
        )
    raise DatabaseUnusableError(
        f"database {database.shown} was made by a newer version of this program (revision {current})",
        kept=Kept.NOTHING_CHANGED,
        to_do="upgrade the program.",
    )


def _refuse_no_place(database: Database, connection: sa.Connection) -> None:
    """Refuse where there is nowhere to make tables: they may be there, in a schema that is not searched."""
    if not database.is_sqlite and connection.scalar(sa.select(sa.func.current_schema())) is None:
        raise DatabaseUnusableError(f"database {database.shown}: {NO_SCHEMA}", kept=Kept.NOTHING_CHANGED)


def require_current(database: Database, source: str) -> None:
    """Refuse a database that is damaged, does not exist, or has tables of another version; change nothing.

    `source` is where the URL came from, for the message.

    Raises:
        DatabaseUnusableError: The message names the database, the source of its URL, and what to do.
    """
    _require_file(database, source)
    check_usable(database)
    _require_revision(database, source)


def require_readable(database: Database, source: str) -> None:
    """Refuse what `require_current` refuses, except damage, which SQLite finds where it reads.

    To examine a file of a gigabyte takes seconds, too long for a question.

    Raises:
        DatabaseUnusableError: As `require_current`.
    """
    _require_file(database, source)
    if database.path:
        check_sqlite_file(database.path, to_write=False)
    _check_ours(database)
    _require_revision(database, source)


def _require_file(database: Database, source: str) -> None:
    if database.path and not sqlite_file_exists(database.path):
        raise DatabaseUnusableError(
            f"there is no database {database.shown} (from {source})", to_do="create it with: inventory db upgrade"
        )


def _require_revision(database: Database, source: str) -> None:
    with database.reading() as connection:
        current = revision(connection)
    if current is None:
        raise DatabaseUnusableError(
            f"database {database.shown} (from {source}) is empty",
            to_do="create its tables with: inventory db upgrade",
        )
    if current != revisions()[-1]:
        raise DatabaseUnusableError(
            f"database {database.shown} (from {source}) is of an older version ({current})",
            kept=Kept.NOTHING_CHANGED,
            to_do="bring it up to date with: inventory db upgrade",
        )


def _create_sqlite_file(path: Path, config: "Config | None") -> None:
    with suppress(FileExistsError), drafted(path) as draft:  # another process may be quicker: its file is as good
        migrate(draft, config)


def _revisions(config: "Config | None") -> list[str]:
    written = config.get_main_option("script_location") if config else None
    return revisions(Path(written) if written else None)


def migrate(database: Database, config: "Config | None" = None) -> str | None:
    """Run the missing migrations; return the revision before, None where there were no tables."""
    from alembic import command  # noqa: PLC0415 - as above

    head = _revisions(config)[-1]
    copy = None
    try:
        with upgrading(database) as connection:
            before = revision(connection)
            if before == head and view_ddl.are_current(connection):
                return before
            if database.path and before not in (None, head):
                copy = _copy_beside(database.path, f"before-{head}")
            config = config or configuration()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            statistics.gather(connection)
    except BaseException:
        # The database is unchanged: a copy for each failed attempt would only fill the disk.
        if copy:
            copy.unlink()
        raise
    return before


@contextmanager
def upgrading(database: Database) -> Iterator[sa.Connection]:
    """Give a transaction in which the tables may change.

    With foreign keys on, SQLite fails or empties child tables when a batch migration replaces a parent. They can only
    be switched off outside a transaction, and are checked before the end of this one.
    """
    with database.errors.translated(), database.engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        if database.is_sqlite:
            driver.execute("PRAGMA foreign_keys = OFF")
            # Without it, SQLite renames no table while a view of the user's own reads a table that is replaced.
            driver.execute("PRAGMA legacy_alter_table = ON")
        else:
            # A large table takes long.
            driver.answer_seconds = None
        try:
            with connection.execution_options(sqlite_begin="BEGIN IMMEDIATE").begin():
                if not database.is_sqlite:
                    connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
                    _wait_for_others(database, connection)
                yield connection
                if database.is_sqlite:
                    _check_foreign_keys(database, connection)
        except BaseException:
            # What the connection is set to, or whether it still is in a transaction, is not worth finding out.
            connection.invalidate()
            raise
        if database.is_sqlite:
            driver.execute("PRAGMA foreign_keys = ON")
            driver.execute("PRAGMA legacy_alter_table = OFF")
        else:
            del driver.answer_seconds


def _wait_for_others(database: Database, connection: sa.Connection) -> None:
    try:
        # For the locks on tables too: whoever wants to read them waits behind this transaction.
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_LOCK_WAIT_SECONDS}s'")
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
    except sa.exc.OperationalError as error:
        if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
            raise
        raise DatabaseLockedError(
            f"another process is upgrading database {database.shown}",
            kept=Kept.NOTHING_CHANGED,
            to_do="try again when it is done.",
        ) from error


def _check_foreign_keys(database: Database, connection: sa.Connection) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if broken:
        raise DatabaseUnusableError(
            f"database {database.shown}: a migration would leave rows of {broken[0]} without their parent",
            kept=Kept.NOTHING_CHANGED,
        )


def _refuse_foreign(database: Database, connection: sa.Connection) -> None:
    """Refuse a SQLite file with tables that are not ours; a PostgreSQL database may have some, under other names."""
    tables = set(sa.inspect(connection).get_table_names())
    if not database.is_sqlite:
        tables &= metadata.tables.keys()
    if tables:
        raise DatabaseUnusableError(
            f"database {database.shown} holds other tables ({', '.join(sorted(tables)[:3])}) and is not ours",
            kept=Kept.NOTHING_CHANGED,
        )


def _copy_beside(path: Path, label: str) -> Path:
    """Copy the last committed state of a SQLite file beside it, for its owner alone; return the path of the copy."""
    copy = path.with_name(f"{path.name}.{label}.{utc_now():%Y%m%dT%H%M%S.%fZ}")
    try:
        with directory(path) as place:
            draft = place / copy.name
            copy_committed(path, draft)
            publish(draft, copy)
    except (OSError, sqlite3.Error) as error:
        is_full = disk.is_full(error) or not disk.has_room(path, INDEX_BYTES)
        why = "disk full" if is_full else "disk error" if disk.is_failing(error) else error
        raise DatabaseUnavailableError(
            f"cannot copy database {path} to {copy} before its upgrade: {why} ({disk.free(path)})",
            kept=Kept.NOTHING_CHANGED,
        ) from error
    return copy
