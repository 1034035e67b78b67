"""Examine a database without changing it: whether it can be written, and how the last run of an account ended."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from inventory.store.account_records import StoredAccount, read_account
from inventory.store.engine import Database
from inventory.store.runs import last_complete
from inventory.store.schema import accounts, sync_runs
from inventory.vocabulary import RunMode

_NOBODYS_ID = -1  # accounts are numbered from 1


@dataclass(frozen=True, slots=True)
class LastRun:
    """The newest run over an account's whole configuration; the schema says what each column means.

    Attributes:
        last_complete_at: When the newest complete one ended; None if there was none.
        overdue_after: How long after a complete run the next is overdue, by this run's schedule.
    """

    status: str
    started_at: datetime
    finished_at: datetime | None
    requests: int
    error: str | None
    last_complete_at: datetime | None
    overdue_after: timedelta


@dataclass(frozen=True, slots=True)
class StoredState:
    """What is stored of an account.

    Attributes:
        account: None if it was never synced.
        last_run: None if there was none.
    """

    account: StoredAccount | None = None
    last_run: LastRun | None = None


def reach(database: Database) -> None:
    """Run a query that reads no table.

    Raises:
        DatabaseError: It does not answer.
    """
    with database.reading() as connection:
        connection.execute(sa.select(sa.literal(1)))


def has_write_ahead_log(database: Database) -> bool:
    """Tell whether readers and a writer run side by side; a SQLite file keeps this setting, a copy of it may not.

    Raises:
        DatabaseError: It does not answer.
    """
    if not database.is_sqlite:
        return True
    with database.reading() as connection:
        return bool(connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal")


def try_writing(database: Database) -> None:
    """Insert a row, change it, and take both back.

    Raises:
        DatabaseError: It cannot be written.
    """
    with database.writing() as connection:
        # With an id of its own, because a sequence would not take its number back.
        connection.execute(sa.insert(accounts).values(id=_NOBODYS_ID, name="a trial that is taken back"))
        connection.execute(sa.update(accounts).where(accounts.c.id == _NOBODYS_ID).values(status="active"))
        connection.rollback()


def stored_state(database: Database, account: str) -> StoredState:
    """Read what is stored of the account of this name."""
    with database.reading() as connection:
        found = read_account(connection, account)
        if found is None:
            return StoredState()
        return StoredState(found, _last_run(connection, found.id))


def _last_run(connection: sa.Connection, account_id: int) -> LastRun | None:
    of_whole = sa.and_(sync_runs.c.account_id == account_id, sync_runs.c.mode != RunMode.SUBSET)
    row = connection.execute(
        sa.select(sync_runs).where(of_whole).order_by(sync_runs.c.id.desc()).limit(1)
    ).one_or_none()
    if row is None:
        return None
    return LastRun(
        status=row.status,
        started_at=row.started_at,
        finished_at=row.finished_at,
        requests=row.requests,
        error=row.error,
        last_complete_at=last_complete(connection, account_id),
        overdue_after=timedelta(seconds=row.overdue_after_seconds),
    )
