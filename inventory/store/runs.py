"""Sync runs: the record of each, and the lease by which only one runs on an account at a time (R8).

The lease is the run's own row: a partial unique index allows one `running` row for each account. Every transaction of
a run first renews the heartbeat of its row, and writes nothing if the row is no longer `running`. A process that was
stopped, and goes on after another took over, finds that out before it can do harm. The lease uses no session state, so
that it works behind PgBouncer. Heartbeats are times of the database's clock, the same for every host.
"""

import os
import socket
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa

from inventory.errors import Kept, LeaseLostError, SyncRunningError
from inventory.process import identity
from inventory.store.account_records import StoredAccount
from inventory.store.bulk import upsert
from inventory.store.engine import Database
from inventory.store.schema import accounts, sync_listings, sync_runs
from inventory.vocabulary import RunMode, RunStatus, Trigger

LEASE_EXPIRES_AFTER = timedelta(seconds=90)


def start(
    connection: sa.Connection,
    account: StoredAccount,
    *,
    trigger: Trigger,
    mode: RunMode,
    overdue_after: timedelta,
    now: datetime,
) -> int:
    """Take the lease and return the run's id; a run that crashed and is still `running` becomes `interrupted`.

    Raises:
        SyncRunningError: Another run is alive; the message names its host, process and start.
    """
    # On PostgreSQL two runs may start at once: the second waits here until the first has its row.
    connection.execute(sa.select(accounts.c.id).where(accounts.c.id == account.id).with_for_update(key_share=True))
    crashed = refuse_running(connection, account, now)
    if crashed is not None:
        _finish(
            connection, crashed, RunStatus.INTERRUPTED, now, {"error": "the process ended without finishing the run"}
        )
    inserted = connection.execute(
        sa.insert(sync_runs)
        .values(
            account_id=account.id,
            started_at=now,
            heartbeat_at=sa.func.current_timestamp(),
            host=socket.gethostname(),
            pid=os.getpid(),
            process=identity.process_identity(os.getpid()),
            trigger=trigger,
            mode=mode,
            overdue_after_seconds=round(overdue_after.total_seconds()),
            status=RunStatus.RUNNING,
        )
        .returning(sync_runs.c.id)
    )
    return int(inserted.scalar_one())


def refuse_running(connection: sa.Connection, account: StoredAccount, now: datetime) -> int | None:
    """Refuse an account whose sync is alive; return the id of a run that crashed and is still `running`, or None.

    Raises:
        SyncRunningError: Another run is alive; the message names its host, process and start.
    """
    running = sa.and_(sync_runs.c.account_id == account.id, sync_runs.c.status == RunStatus.RUNNING)
    expired = sync_runs.c.heartbeat_at < database_now(connection) - LEASE_EXPIRES_AFTER
    query = sa.select(sync_runs, expired.label("is_expired")).where(running).with_for_update()
    holder = connection.execute(query).one_or_none()
    if holder is None:
        return None
    if not holder.is_expired and not identity.is_dead(holder.host, holder.pid, holder.process):
        raise _running_error(account, holder, now)
    return int(holder.id)


def renew(connection: sa.Connection, run_id: int) -> None:
    """Renew the lease: the first statement of every transaction of a run.

    Raises:
        LeaseLostError: Another run took over.
    """
    renewed = connection.execute(
        sa.update(sync_runs)
        .where(sync_runs.c.id == run_id, sync_runs.c.status == RunStatus.RUNNING)
        .values(heartbeat_at=sa.func.current_timestamp())
    )
    if renewed.rowcount != 1:
        raise LeaseLostError(
            "this sync gave no sign of life for too long, and another one took the account over",
            kept=Kept.NOTHING_CHANGED,
        )


@contextmanager
def writing(database: Database, run_id: int) -> Iterator[sa.Connection]:
    """Give a transaction in which a run writes, under its lease.

    Raises:
        LeaseLostError: Another run took over.
    """
    with database.writing() as connection:
        renew(connection, run_id)
        yield connection


def finish(
    connection: sa.Connection,
    run_id: int,
    status: RunStatus,
    now: datetime,
    figures: Mapping[str, Any],
    *,
    next_due_at: datetime | None = None,
) -> None:
    """Close the run's record and free the account, which is due again at `next_due_at`.

    It stays as due as it was if that is None, and after a run that was interrupted.

    Raises:
        LeaseLostError: Another run took over.
    """
    renew(connection, run_id)
    _finish(connection, run_id, status, now, figures)
    if next_due_at and status != RunStatus.INTERRUPTED:
        its = accounts.c.id == sa.select(sync_runs.c.account_id).where(sync_runs.c.id == run_id).scalar_subquery()
        # Not rounded, as PostgreSQL would: a due time must not come after the tick that it speaks of.
        whole = next_due_at.replace(microsecond=0)
        connection.execute(sa.update(accounts).where(its).values(next_due_at=whole))


def not_looked_at(connection: sa.Connection, names: Collection[str], since: datetime) -> set[str]:
    """Return those of these accounts of which no run over the whole configuration came to anything since then."""
    query = (
        sa.select(accounts.c.name)
        .join_from(accounts, sync_runs)
        .where(
            sync_runs.c.mode != RunMode.SUBSET,
            sync_runs.c.status.in_((RunStatus.COMPLETE, RunStatus.PARTIAL)),
            sync_runs.c.finished_at >= since,
        )
        .distinct()
    )
    return set(names) - set(connection.scalars(query))


def record_attempts(connection: sa.Connection, run_id: int, rows: list[dict[str, Any]]) -> None:
    """Store attempts that failed, were incomplete or changed something; the keys of a row are column names."""
    upsert(connection, sync_listings, [{"run_id": run_id, **row} for row in rows])


def accounts_synced(connection: sa.Connection, at: datetime) -> set[str]:
    """Name the accounts that had a run by a moment: those that sync_health has then."""
    had_one = sa.exists().where(sync_runs.c.account_id == accounts.c.id, sync_runs.c.started_at <= at)
    return set(connection.scalars(sa.select(accounts.c.name).where(had_one)))


def last_complete(
    connection: sa.Connection, account_id: int | None, *, before: datetime | None = None
) -> datetime | None:
    """Return when the last complete run over the whole configuration ended, before a moment; None if there was none."""
    query = sa.select(sa.func.max(sync_runs.c.finished_at)).where(
        sync_runs.c.account_id == account_id,
        sync_runs.c.status == RunStatus.COMPLETE,
        sync_runs.c.mode != RunMode.SUBSET,
        sync_runs.c.finished_at < before if before else sa.true(),
    )
    last: datetime | None = connection.execute(query).scalar_one()
    return last


def first_started(connection: sa.Connection, account_id: int) -> datetime | None:
    """Return when the account's first run that was not pruned started; None if there was none."""
    first = sa.select(sa.func.min(sync_runs.c.started_at)).where(sync_runs.c.account_id == account_id)
    found: datetime | None = connection.scalar(first)
    return found


def last_started(connection: sa.Connection, account_id: int | None, *, before_run_id: int | None) -> datetime | None:
    """Return when the last run over the whole configuration started, except this one; None if there was none."""
    query = sa.select(sa.func.max(sync_runs.c.started_at)).where(
        sync_runs.c.account_id == account_id, sync_runs.c.mode != RunMode.SUBSET, sync_runs.c.id != (before_run_id or 0)
    )
    last: datetime | None = connection.execute(query).scalar_one()
    return last


def _finish(
    connection: sa.Connection, run_id: int, status: RunStatus, now: datetime, figures: Mapping[str, Any]
) -> None:
    values = {"status": status, "finished_at": now, **figures}
    connection.execute(sa.update(sync_runs).where(sync_runs.c.id == run_id).values(values))


def _running_error(account: StoredAccount, holder: sa.Row[Any], now: datetime) -> SyncRunningError:
    since: datetime = holder.started_at
    minutes = max(int((now - since).total_seconds() // 60), 0)
    return SyncRunningError(
        f'a sync of account "{account.name}" is running on this database: host {holder.host}, pid {holder.pid}, '
        f"since {since:%H:%M:%SZ} ({minutes} min)",
        kept=Kept.NOTHING_DONE,
        to_do="the next run catches up.",
    )


def database_now(connection: sa.Connection) -> datetime:
    """Read the clock of the database, which all hosts share."""
    now = connection.execute(sa.select(sa.func.current_timestamp())).scalar_one()
    return now.astimezone(UTC) if now.tzinfo else now.replace(tzinfo=UTC)


class RunsState(NamedTuple):
    """What differs where a new answer is needed.

    Attributes:
        newest: The id of the newest run; None if there was none.
    """

    newest: int | None
    running: int


def state_of_runs(connection: sa.Connection) -> RunsState:
    """Read which run is the newest, and how many are running."""
    running = sa.select(sa.func.count()).where(sync_runs.c.status == RunStatus.RUNNING).select_from(sync_runs)
    newest, number = connection.execute(sa.select(sa.func.max(sync_runs.c.id), running.scalar_subquery())).one()
    return RunsState(newest, number)
