"""A copy of the history for others: a SQLite file that needs no rights beside reading, replaced in one step.

    a directory beside the file | copy | take out what is private | no log | check | sync | rename

A file with a log ahead (WAL) can be read only by who may write beside it. The copy has none, and nobody writes to it.
"""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

from inventory.errors import DatabaseUnusableError, Kept, UsageError
from inventory.store.copy import copy
from inventory.store.draft import copy_committed, directory, making, replace
from inventory.store.engine import Database
from inventory.store.schema import PRIVATE

_SQLITE = b"SQLite format 3\0"
_WITHOUT_LOG = b"\1\1"  # how the file is written and read


def publish(source: Database, path: Path, progressed: Callable[[int, int], object]) -> None:
    """Copy the history to `path`, with the mode of any new file, in place of what was published there before.

    What people were told is left out, as for a role that reads. From PostgreSQL `progressed` gets how many rows are
    done, and how many there are.

    Raises:
        UsageError: `path` is the database itself.
        DatabaseUnusableError: What is there was not published, or no file can be made there; nothing was changed.
        DatabaseError: The disk is full or failing, or the database is out of reach; nothing was changed.
    """
    # What is wrong with the source is said of the source.
    with source.errors.translated(), making(path):
        _refuse(source, path)
        with directory(path) as place:
            draft = place / path.name
            if source.path:
                copy_committed(source.path, draft)
            else:
                with closing(Database(sa.URL.create("sqlite", database=str(draft)))) as target:
                    copy(source, target, progressed)
            _take_out(draft)
            draft.chmod(_usual_mode(place))
            replace(draft, path)


def _refuse(source: Database, path: Path) -> None:
    if not path.exists():
        return
    if source.path and path.samefile(source.path):
        raise UsageError(f"{path} is the database itself: name another file for its readers", kept=Kept.NOTHING_DONE)
    with path.open("rb") as file:
        header = file.read(20)
    if not (header.startswith(_SQLITE) and header.endswith(_WITHOUT_LOG)):
        raise DatabaseUnusableError(
            f"{path} was not published: it is no SQLite file, or one with a log (WAL), to which somebody writes. "
            "Remove it yourself, or name another file",
            kept=Kept.NOTHING_CHANGED,
        )


def _take_out(draft: Path) -> None:
    """Delete what readers may not see, its traces in the file included, and switch the log off."""
    with closing(sqlite3.connect(draft, isolation_level=None)) as raw:
        raw.execute("PRAGMA journal_mode = DELETE")
        raw.execute("PRAGMA secure_delete = ON")
        for table in PRIVATE:
            raw.execute(str(sa.delete(table)))


def _usual_mode(place: Path) -> int:
    probe = place / "mode"
    os.close(os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    return probe.stat().st_mode & 0o777
