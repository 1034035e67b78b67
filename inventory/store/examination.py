"""What can be learned of a database without changing it: whether it can be written, and how the last runs ended."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from inventory.store.engine import Database
from inventory.store.runs import last_complete, read_account
from inventory.store.schema import accounts, sync_runs
from inventory.vocabulary import RunMode

_NOBODYS_ID = -1  # ours are counted from 1


@dataclass(frozen=True, slots=True)
class LastRun:
    """The newest run over an account's whole configuration; the schema says what each column means.

    Attributes:
        last_complete_at: When the newest complete one ended; None where none was.
        overdue_after: How long after that the next is overdue, as far as this run knew a schedule.
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
        uuid: None where it was never read.
        last_run: None where there was none.
    """

    uuid: str | None = None
    last_run: LastRun | None = None


def reach(database: Database) -> None:
    """Ask the database for nothing.

    Raises:
        DatabaseError: It does not answer.
    """
    with database.reading() as connection:
        connection.execute(sa.select(sa.literal(1)))


def has_write_ahead_log(database: Database) -> bool:
    """Tell whether readers and a writer do not wait for each other; a SQLite file keeps how it was set, a copy may not.

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
        # An id of its own: a sequence would not take its number back.
        connection.execute(sa.insert(accounts).values(id=_NOBODYS_ID, name="a trial that is taken back"))
        connection.execute(sa.update(accounts).where(accounts.c.id == _NOBODYS_ID).values(status="active"))
        connection.rollback()


def stored_state(database: Database, account: str) -> StoredState:
    """Read what is stored of the account of this name."""
    with database.reading() as connection:
        found = read_account(connection, account)
        if found is None:
            return StoredState()
        return StoredState(found.uuid, _last_run(connection, found.id))


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
