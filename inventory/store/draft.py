"""Make a SQLite file out of sight, and give it its name when it is whole, checked and on the disk.

    a directory beside the file | fill | switch to a log ahead (WAL) | check | sync | link

A draft has no log ahead while it is filled: what is committed is in the file. SQLite's close says nothing of a log
that it could not copy into the file, and what was in it would be lost.
"""

import errno
import glob
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import sqlalchemy as sa

from inventory.errors import DatabaseUnavailableError, DatabaseUnusableError, Kept
from inventory.process import disk, left_behind
from inventory.store.driver_errors import DriverErrors
from inventory.store.engine import Database


@contextmanager
def drafted(path: Path) -> Iterator[Database]:
    """Give an empty database to fill, readable by its owner only; at the end of the block it is the file `path`.

    Whatever goes wrong before, there is no such file.

    Raises:
        FileExistsError: Another process made one meanwhile, and it was left alone.
        DatabaseUnavailableError: The disk is full or failing.
        DatabaseUnusableError: No file can be made there.
    """
    with ExitStack() as stack:
        with making(path):
            file = stack.enter_context(directory(path)) / path.name
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with closing(Database(sa.URL.create("sqlite", database=str(file)), becomes=path)) as database:
            yield database
            _log_ahead(database)
        with making(path):
            publish(file, path)


@contextmanager
def making(path: Path) -> Iterator[None]:
    """Say what kept the file from being made."""
    try:
        yield
    except FileExistsError:
        raise
    except OSError as error:
        why = error.strerror or str(error)
        if disk.is_full(error):
            raise DatabaseUnavailableError(
                f"disk full while making {path} ({disk.free(path)})", kept=Kept.NOTHING_LEFT
            ) from error
        if disk.is_failing(error):
            raise DatabaseUnavailableError(f"disk error while making {path} ({disk.free(path)}): {why}.") from error
        raise DatabaseUnusableError(f"cannot create database {path}: {why} (running as uid {os.geteuid()}).") from error
    except sqlite3.Error as error:
        if ours := DriverErrors(str(path), path, is_draft=True).of_the_system(error):
            raise ours from error
        raise


def _log_ahead(database: Database) -> None:
    """Switch to a log ahead, the last change: the mode is kept in the file, and every later connection finds it."""
    with database.errors.translated(), database.engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        (mode,) = driver.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise DatabaseUnusableError(f"database {database.shown} cannot have a log (WAL) there", kept=Kept.NOTHING_LEFT)


@contextmanager
def directory(path: Path) -> Iterator[Path]:
    """Give a directory of this block's own beside `path`, for a file on its way, and remove it at the end.

    It is locked meanwhile, which ends with the process: what is not locked was left behind by one that was killed, and
    is removed.
    """
    remove_left_behind(path)
    while True:
        made = Path(mkdtemp(prefix=_prefix(path), dir=path.parent))
        # Before it is locked, another process may take it for left behind.
        with suppress(FileNotFoundError):
            descriptor = os.open(made, os.O_RDONLY | os.O_DIRECTORY)
            if left_behind.lock(descriptor, made):
                break
            os.close(descriptor)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
        os.close(descriptor)


def remove_left_behind(path: Path) -> None:
    """Remove the directories beside `path` that killed processes left."""
    left_behind.remove(path.parent.glob(f"{glob.escape(_prefix(path))}*"), shutil.rmtree)


def _prefix(path: Path) -> str:
    return f".{path.name}.draft-"


def publish(file: Path, path: Path) -> None:
    """Check a SQLite file that no connection has open, sync it, and give it the name `path` too, where none is.

    Raises:
        FileExistsError: There is one.
        OSError: The disk is full or failing.
    """
    _check(file)
    os.link(file, path)
    _sync(path.parent)


def replace(file: Path, path: Path) -> None:
    """Check a SQLite file that no connection has open, sync it, and give it the name `path` alone.

    Raises:
        OSError: The disk is full or failing.
    """
    _check(file)
    file.replace(path)
    _sync(path.parent)


def copy_committed(source: Path, draft: Path) -> None:
    """Copy the last committed state of a SQLite file, also during a sync, into a new one for its owner alone.

    The copy has no log ahead.
    """
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with closing(sqlite3.connect(source)) as raw:
        raw.execute("VACUUM INTO ?", (str(draft),))


def _check(file: Path) -> None:
    # Immutable: what is read is the file alone, which is all that will be there under that name.
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as raw:
        try:
            (found,) = raw.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.Error as error:
            found = str(error)
    if found != "ok":
        raise OSError(errno.EIO, f"what was written is damaged when read ({' '.join(found.split())})")
    _sync(file)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
