"""Check the database: its file, whether it answers, its tables, whether it can be written, and the last run."""

import os
import shlex
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path

from inventory.doctor import diagnosis
from inventory.doctor.channels import examine_channels
from inventory.doctor.diagnosis import Check, not_made
from inventory.errors import ConfigurationError, DatabaseError, DatabaseLockedError
from inventory.judging.findings import Undelivered
from inventory.settings.load import Settings
from inventory.store import queue
from inventory.store.engine import Database
from inventory.store.examination import StoredState, has_write_ahead_log, reach, stored_state, try_writing
from inventory.store.notices import undelivered
from inventory.store.sqlite_file import network_file_system, sqlite_file_exists
from inventory.store.upgrade import check_usable, require_current

_BYTES_PER_GIGABYTE = 1e9
_ON_THE_SERVER = "PostgreSQL's own, on its server; not visible from here"

_SEE = {name: f"see {name}" for name in ("database", "schema")}


def examine_database(
    settings: Settings, accounts: Iterable[str], mounts: Path, now: datetime, says: Callable[[str], object]
) -> tuple[str | None, list[Check], Mapping[str, StoredState]]:
    """Give the database's name as it may be shown, the checks, and what is stored about each account."""
    try:
        database = Database(settings.database_url.get_secret_value())
    except ConfigurationError as error:
        unmade = ("permissions", "file-system", "disk-space", "schema", "writing", "last-run", "channels")
        return None, [Check("database", "FAIL", str(error)), *(not_made(name, _SEE["database"]) for name in unmade)], {}
    with closing(database):
        checks = _file_checks(database, settings, mounts)
        says(f"waiting for database {database.shown}")
        checks.append(reached := _reached(database, settings))
        says(f"examining the tables of database {database.shown}")
        checks.append(schema := _schema(database, settings, reached))
        is_usable = schema.verdict == "OK"
        says(f"writing a row to database {database.shown}")
        checks.append(_writing(database) if is_usable else not_made("writing", _SEE["schema"]))
        checks.append(examine_channels(settings, _undelivered(database, settings, now) if is_usable else {}, now))
        stored = {each: stored_state(database, each) for each in accounts} if is_usable else {}
    overdue_after = settings.rules.sync_overdue_after
    checks += [diagnosis.last_run(name, state, overdue_after, now) for name, state in stored.items()]
    checks += [] if stored else [not_made("last-run", _SEE["schema"])]
    return database.shown, checks, stored


def _undelivered(database: Database, settings: Settings, now: datetime) -> Mapping[str, Undelivered | None]:
    with database.reading() as connection:
        return undelivered(connection, settings.channels, now)


def _file_checks(database: Database, settings: Settings, mounts: Path) -> list[Check]:
    """Check the files; a SQLite file is never opened here, because closing it would drop SQLite's locks on it."""
    path = database.path
    if path is None:
        return [
            diagnosis.permissions(settings.warnings, database.shown, None),
            Check("file-system", "OK", _ON_THE_SERVER),
            Check("disk-space", "OK", _ON_THE_SERVER),
        ]
    try:
        kind = network_file_system(path, mounts.read_text("utf-8", "replace")) if mounts.exists() else None
        disk = os.statvfs(path.parent)
        size_bytes, mode = (path.stat().st_size, path.stat().st_mode) if path.exists() else (0, None)
    except OSError as error:
        why = f"{path}: {(error.strerror or str(error)).lower()}"
        return [not_made(name, why) for name in ("permissions", "file-system", "disk-space")]
    free_bytes = disk.f_bavail * disk.f_frsize
    return [
        diagnosis.permissions(settings.warnings, database.shown, mode),
        diagnosis.file_system(kind),
        diagnosis.disk_space(free_bytes / _BYTES_PER_GIGABYTE, size_bytes / _BYTES_PER_GIGABYTE),
    ]


def _reached(database: Database, settings: Settings) -> Check:
    try:
        if database.path and not sqlite_file_exists(database.path):
            return _missing(database.path, settings)
        reach(database)
    except DatabaseError as error:
        return Check("database", "FAIL", error.what.rstrip("."), f"Its URL comes from {settings.database_source}.")
    return Check("database", "OK", f"{database.shown} answers")


def _missing(path: Path, settings: Settings) -> Check:
    """Judge a SQLite file that does not exist yet: it can be created if its directory can be written."""
    if not os.access(path.parent, os.W_OK, effective_ids=True):
        found = f"{path} does not exist, and uid {os.geteuid()} cannot write to its directory"
        return Check("database", "FAIL", found, f"Its path comes from {settings.database_source}.")
    return Check("database", "WARN", f"{path} does not exist yet", "Create it with: inventory db upgrade")


def _schema(database: Database, settings: Settings, reached: Check) -> Check:
    if reached.verdict != "OK":
        return not_made("schema", _SEE["database"])
    try:
        check_usable(database)
    except DatabaseError as error:
        return _failed("schema", error)
    try:
        require_current(database, settings.database_source)
    except DatabaseError as error:
        if settings.auto_migrate:
            return Check("schema", "WARN", error.what, "The next sync changes that by itself.")
        return _failed("schema", error)
    return Check("schema", "OK", f"the tables match this version{_queue(database)}")


def _queue(database: Database) -> str:
    """Tell of the tables that workers share, where there may be workers."""
    if not queue.is_wanted(database):
        return ""
    try:
        queue.require_current(database)
    except DatabaseError as error:
        return f"; {error}"
    return ", and so does the queue of workers"


def _writing(database: Database) -> Check:
    try:
        try_writing(database)
        is_logging_ahead = has_write_ahead_log(database)
    except DatabaseLockedError as error:
        return Check("writing", "WARN", error.what, "Try again; if it stays locked, find the program that holds it.")
    except DatabaseError as error:
        return _failed("writing", error)
    if not is_logging_ahead:
        found = "a row could be written, but readers block syncs: the write-ahead log is off, as in a copy by SQLite"
        to_do = f'Run: sqlite3 {shlex.quote(database.shown)} "PRAGMA journal_mode = WAL"'
        return Check("writing", "WARN", found, to_do)
    return Check("writing", "OK", "a row could be written, and was removed again")


def _failed(name: str, error: DatabaseError) -> Check:
    to_do = f"{error.to_do[0].upper()}{error.to_do[1:]}" if error.to_do else None
    return Check(name, "FAIL", error.what.rstrip("."), to_do)
