"""`inventory db`: create, upgrade and copy the database, and let others read it."""

from contextlib import AbstractContextManager, closing
from pathlib import Path

import sqlalchemy as sa
from rich.progress import Progress

from inventory.errors import EXIT_COMPLETE, Kept, UsageError
from inventory.settings.formats import read_database_url
from inventory.settings.load import load
from inventory.store import opening, queue
from inventory.store.copy import copy as copy_database
from inventory.store.engine import Database
from inventory.store.grants import grant_reader as grant
from inventory.store.grants import readable
from inventory.store.upgrade import revision
from inventory.store.upgrade import upgrade as upgrade_database
from inventory.terminal.console import print_prose, print_table, progress_console
from inventory.terminal.table import row_counts
from inventory.terminal.words import count


def upgrade(config_file: Path | None) -> int:
    """Create the database or upgrade its tables to this program's version, and say which of the two happened.

    Raises:
        DatabaseError: It is damaged, not ours, newer than this program, or out of reach; nothing was changed.
    """
    settings = load(config_file, needs_token=False)
    with closing(Database(settings.database_url.get_secret_value())) as database:
        before = upgrade_database(database)
        with database.reading() as connection:
            now = revision(connection)
        print_prose(f"database {database.shown} {_outcome(before, now)}")
        if queue.is_wanted(database) and queue.ensure(database):
            print_prose("The queue of workers was made.")
    return EXIT_COMPLETE


def _outcome(before: str | None, now: str | None) -> str:
    if before is None:
        return f"was created, at revision {now}"
    return f"is already at revision {now}" if before == now else f"was upgraded from {before} to {now}"


def grant_reader(config_file: Path | None, role: str) -> int:
    """Let a PostgreSQL role read what is stored, and nothing else; create the role if it does not exist.

    Raises:
        UsageError: The database is a SQLite file, or no role can have this name.
        DatabaseUnusableError: The role can write by other rights, or ours may not create roles.
    """
    with _opened(config_file) as database:
        if database.path:
            raise UsageError(
                f"database {database.shown} is a SQLite file, which has no roles: let others read a copy of their "
                "own, made with: inventory db publish FILE"
            )
        is_new = grant(database, role)
        created = "was created and may" if is_new else "may"
        print_prose(f'role "{role}" {created} read {len(readable())} tables and views of {database.shown}')
        if is_new:
            print_prose(f'It has no password yet; set one in psql: \\password "{role}"')
    return EXIT_COMPLETE


def _opened(config_file: Path | None) -> AbstractContextManager[Database]:
    settings = load(config_file, needs_token=False)
    return opening.to_write(settings.database_url.get_secret_value(), settings.database_source)


def copy(config_file: Path | None, to: str) -> int:
    """Copy the whole history into another database, which must hold none, read it back and compare.

    Raises:
        UsageError: `to` is not the URL of a database.
        DatabaseError: One of the two cannot be used, or the target already holds a history; nothing was copied.
    """
    with _opened(config_file) as source, closing(_target(to)) as target:
        with Progress(console=progress_console(), transient=True) as progress:
            task = progress.add_task("copying")
            copied = copy_database(
                source, target, lambda done, total: progress.update(task, completed=done, total=total)
            )
        print_table(row_counts(copied))
        print_prose(f"{count(sum(copied.values()), 'row')} were copied from {source.shown} to {target.shown},")
        print_prose("read back, and are equal. Syncs write there as soon as database_url names it.")
    return EXIT_COMPLETE


def _target(to: str) -> Database:
    try:
        return Database(read_database_url(to))
    except (ValueError, sa.exc.ArgumentError) as error:
        raise UsageError(f"--to: {error}", kept=Kept.NOTHING_DONE) from error
