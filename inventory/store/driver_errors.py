"""The drivers' errors as ours: one sentence where an operator can do something; all others stay as they are."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from inventory.errors import (
    DatabaseConflictError,
    DatabaseError,
    DatabaseLockedError,
    DatabaseUnavailableError,
    DatabaseUnusableError,
    Kept,
)
from inventory.process import disk
from inventory.process.exhaustion import TOO_MANY_FILES, has_descriptors
from inventory.store.sqlite_file import INDEX_BYTES, may_write, out_of_rights

LOCK_WAIT_SECONDS = 30

# https://www.sqlite.org/rescode.html, primary codes.
_SQLITE_UNUSABLE = {
    3: "this user may not write it",
    8: "it is read-only",
    11: "it is damaged; restore a copy",
    14: "it cannot be opened or written",
    26: "it is not a SQLite database",
}
_SQLITE_RIGHTS = (3, 8, 14)
_SQLITE_LOCKED = (5, 6)
_SQLITE_FAILING = 10
_SQLITE_CANNOT_OPEN = 14
_SQLITE_FULL = 13

NO_SCHEMA = "its search_path names no schema that exists and that this role may use"

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_POSTGRESQL_UNUSABLE = {
    "25006": "it is in read-only mode (a standby?)",
    "3F000": NO_SCHEMA,
    "28000": "it does not let this role in",
    "28P01": "it rejected the password",
    "3D000": "it does not exist; create it first",
    "42501": "this role lacks a privilege",
}
# libpq gives no code for what went wrong while connecting, only the server's words.
_POSTGRESQL_UNUSABLE_WORDS = {
    "password authentication failed": "it rejected the password",
    "no password supplied": "it asks for a password",
    "does not exist": "it, or the role, does not exist; create it first",
    "no pg_hba.conf entry": "it does not let this role in from here",
}
# What the URL, or a variable of the environment such as PGOPTIONS, asks for and no server will ever give.
_POSTGRESQL_ASKED_IN_VAIN = (
    "unrecognized configuration parameter",
    "invalid value for parameter",
    ' value: "',
    "definition of service",
    "authentication method requirement",
    "channel binding required",
    "GSSAPI encryption required",
    "root certificate file",
    "server does not support SSL",
)
_POSTGRESQL_LOCKED = "55P03"
_POSTGRESQL_FULL = "53100"
# A deadlock, and a serialization failure; on a standby, also a row that the primary has removed meanwhile.
_POSTGRESQL_CONFLICTS = ("40P01", "40001")


@dataclass(frozen=True, slots=True)
class DriverErrors:
    """The errors of one database's driver.

    Attributes:
        shown: The database's name as it may be shown.
        path: The SQLite file; None on PostgreSQL and in memory.
        is_draft: Whether the file gets its name only when it is whole.
    """

    shown: str
    path: Path | None
    is_draft: bool

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Raise ours in place of the drivers' errors that an operator can act on; leave all others as they are."""
        try:
            yield
        except (sa.exc.DBAPIError, sqlite3.Error) as error:
            ours = self.of(error)
            if ours is None:
                raise
            raise ours from error

    def of(self, error: sa.exc.DBAPIError | sqlite3.Error) -> DatabaseError | None:
        """Return ours in place of a driver's; None where an operator can do nothing about it."""
        if isinstance(error, sqlite3.Error):
            return self._from_sqlite(error)
        if isinstance(error.orig, sqlite3.Error):
            return self._from_sqlite(error.orig)
        return self._from_postgresql(error)

    def _from_sqlite(self, error: sqlite3.Error) -> DatabaseError | None:
        code = getattr(error, "sqlite_errorcode", None)
        if code is None or isinstance(error, sqlite3.IntegrityError):
            return None
        primary = code & 0xFF
        if primary in _SQLITE_LOCKED:
            return self.locked()
        if of_the_system := self.of_the_system(error):
            return of_the_system
        if primary in _SQLITE_UNUSABLE:
            return self._why_not_sqlite(primary)
        if isinstance(error, sqlite3.OperationalError) and primary != 1:
            return DatabaseUnavailableError(f"database {self.shown}: {error}", kept=Kept.NOTHING_CHANGED)
        return None

    def locked(self) -> DatabaseLockedError:
        """Return what is said where the lock of SQLite did not come in time."""
        return DatabaseLockedError(
            f"database {self.shown} has been locked by another program for more than {LOCK_WAIT_SECONDS} s",
            kept=Kept.NOTHING_CHANGED,
            to_do="the next run catches up.",
        )

    def _why_not_sqlite(self, primary: int) -> DatabaseUnusableError:
        if (
            primary in _SQLITE_RIGHTS
            and self.path
            and os.access(self.path, os.R_OK, effective_ids=True)
            and not may_write(self.path)
        ):
            return out_of_rights(self.path)
        return DatabaseUnusableError(f"database {self.shown}: {_SQLITE_UNUSABLE[primary]}", kept=Kept.NOTHING_CHANGED)

    def of_the_system(self, error: sqlite3.Error) -> DatabaseUnavailableError | None:
        """Say that the disk is full or failing, or no file can be opened; None where an error is of something else."""
        primary = error.sqlite_errorcode & 0xFF
        if primary == _SQLITE_CANNOT_OPEN and not has_descriptors():
            return DatabaseUnavailableError(f"database {self.shown}: {TOO_MANY_FILES}", kept=Kept.NOTHING_MORE)
        has_room = self.path is None or disk.has_room(self.path, INDEX_BYTES)
        if primary == _SQLITE_FULL or (primary in (_SQLITE_FAILING, _SQLITE_CANNOT_OPEN) and not has_room):
            what, doing = "disk full", "writing"
        elif primary == _SQLITE_FAILING:
            what, doing = f"disk error ({error.sqlite_errorname})", "using"
        else:
            return None
        free = disk.free(self.path) if self.path else "in memory"
        if self.is_draft:
            return DatabaseUnavailableError(f"{what} while making {self.shown} ({free})", kept=Kept.NOTHING_LEFT)
        # Of several transactions, those before this one are kept.
        return DatabaseUnavailableError(f"{what} while {doing} {self.shown} ({free})", kept=Kept.NOTHING_MORE)

    def _from_postgresql(self, error: sa.exc.DBAPIError) -> DatabaseError | None:
        code = getattr(error.orig, "sqlstate", None) or ""
        words = str(error.orig)
        if why := _why_unusable(code, words):
            return DatabaseUnusableError(f"database {self.shown}: {why}", kept=Kept.NOTHING_CHANGED)
        if code == _POSTGRESQL_LOCKED:
            what = f"database {self.shown} is locked by another program"
            return DatabaseLockedError(what, kept=Kept.NOTHING_CHANGED)
        if code in _POSTGRESQL_CONFLICTS:
            what = (
                f"database {self.shown} gave a transaction up because another stood in its way ({_first_line(words)})"
            )
            return DatabaseConflictError(what, kept=Kept.NOTHING_CHANGED, to_do="the next run catches up.")
        # 08 connection, 53 resources (disk full, too many connections), 57 operator intervention (shutting down).
        is_away = error.connection_invalidated or code[:2] in ("08", "53", "57", "58") or not code
        if not is_away or not isinstance(error, sa.exc.OperationalError | sa.exc.InternalError):
            return None
        said = f"{'disk full on its server: ' if code == _POSTGRESQL_FULL else ''}{_first_line(words)}"
        return DatabaseUnavailableError(f"database {self.shown}: {said}", kept=Kept.NOTHING_CHANGED)


def _first_line(words: str) -> str:
    return words.strip().partition("\n")[0] or "no answer"


def is_answer_lost(error: sa.exc.DBAPIError) -> bool:
    """Tell whether an error in a COMMIT leaves open if it was carried out: its answer never came, or the disk failed.

    What SQLite wrote before its disk failed may be whole in its log, and be found there later.
    """
    if isinstance(error.orig, sqlite3.Error):
        return disk.is_failing(error.orig)
    return error.connection_invalidated or not getattr(error.orig, "sqlstate", None)


def _why_unusable(code: str, words: str) -> str | None:
    """Say why PostgreSQL will not serve until somebody changes something; None if it may serve later."""
    if code:
        return _POSTGRESQL_UNUSABLE.get(code)
    if any(word in words for word in _POSTGRESQL_ASKED_IN_VAIN):
        return _first_line(words)
    return next((said for word, said in _POSTGRESQL_UNUSABLE_WORDS.items() if word in words), None)
