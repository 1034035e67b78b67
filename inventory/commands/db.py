"""`inventory db`: the database itself."""

import shlex
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import sqlalchemy as sa
from rich.progress import Progress

from inventory.errors import EXIT_COMPLETE, UsageError
from inventory.settings.formats import read_database_url
from inventory.settings.load import load
from inventory.store.copy import copy as copy_database
from inventory.store.engine import Database
from inventory.store.grants import grant_reader as grant
from inventory.store.grants import readable
from inventory.store.upgrade import require_current, revision
from inventory.store.upgrade import upgrade as upgrade_database
from inventory.terminal.console import print_line, print_table, stderr_console
from inventory.terminal.table import row_counts
from inventory.terminal.words import count


def upgrade(config_file: Path | None) -> int:
    """Create the database or bring its tables to this program's version, and say which of both it was.

    Raises:
        DatabaseError: It is damaged, not ours, newer than this program, or out of reach; nothing was changed.
    """
    settings = load(config_file, needs_token=False)
    with closing(Database(settings.database_url.get_secret_value())) as database:
        before = upgrade_database(database)
        with database.reading() as connection:
            now = revision(connection)
        print_line(f"database {database.shown} {_told(before, now)}")
    return EXIT_COMPLETE


def _told(before: str | None, now: str | None) -> str:
    if before is None:
        return f"was created, at revision {now}"
    return f"is at revision {now}; no table was to be changed" if before == now else f"went from {before} to {now}"


def grant_reader(config_file: Path | None, role: str) -> int:
    """Let a PostgreSQL role read what is stored, and nothing else; make the role where there is none.

    Raises:
        UsageError: The database is a SQLite file, or no role can have this name.
        DatabaseUnusableError: The role could write all the same, or ours may not make roles.
    """
    with _current(config_file) as database:
        if database.path:
            raise UsageError(
                f"database {database.shown} is a SQLite file, and those have no roles: let others read a copy that "
                f"they own, made with: sqlite3 {shlex.quote(database.shown)} \"VACUUM INTO 'copy.db'\""
            )
        is_new = grant(database, role)
        made = "was made and" if is_new else "was there and"
        print_line(f'role "{role}" {made} may read {len(readable())} tables and views of {database.shown}')
        if is_new:
            print_line(f'It has no password yet; give it one in psql: \\password "{role}"')
    return EXIT_COMPLETE


@contextmanager
def _current(config_file: Path | None) -> Iterator[Database]:
    settings = load(config_file, needs_token=False)
    with closing(Database(settings.database_url.get_secret_value())) as database:
        require_current(database, settings.database_source)
        yield database


def copy(config_file: Path | None, to: str) -> int:
    """Copy the whole history into another database, which has none, and read it back before saying so.

    Raises:
        UsageError: `to` is no URL of a database.
        DatabaseError: One of both cannot be used, or the target holds a history; nothing was copied.
    """
    with _current(config_file) as source, closing(_target(to)) as target:
        with Progress(console=stderr_console(), transient=True) as progress:
            task = progress.add_task("copying")
            copied = copy_database(
                source, target, lambda done, total: progress.update(task, completed=done, total=total)
            )
        print_table(row_counts(copied))
        print_line(f"{count(sum(copied.values()), 'row')} were copied from {source.shown} to {target.shown},")
        print_line("read back, and are the same. Syncs go on there once database_url names it.")
    return EXIT_COMPLETE


def _target(to: str) -> Database:
    try:
        return Database(read_database_url(to))
    except (ValueError, sa.exc.ArgumentError) as error:
        raise UsageError(f"--to: {error}. Nothing was done.") from error
