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
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from inventory.errors import Kept, LeaseLostError, SyncRunningError
from inventory.history.detection import Remembered
from inventory.history.looks import STAMP_STEP
from inventory.model import Account
from inventory.store.bulk import among, insert_or_leave, upsert
from inventory.store.engine import Database
from inventory.store.schema import (
    account_versions,
    accounts,
    backup_policies,
    backups,
    droplets,
    sync_listings,
    sync_runs,
)
from inventory.vocabulary import Outcome, RunMode, RunStatus, Trigger

LEASE_EXPIRES_AFTER = timedelta(seconds=90)


@dataclass(frozen=True, slots=True)
class StoredAccount:
    """A row of `accounts`; the schema says what each column means."""

    id: int
    name: str
    uuid: str | None = None
    team_uuid: str | None = None
    status: str | None = None
    claimed_uuid: str | None = None

    def is_account(self, found: Account) -> bool:
        """Tell whether `found` may be this account: nothing that both name contradicts it.

        Members of a team have uuids of their own, so the teams decide where both sides name one. A uuid that was stored
        without a team may be the team's: before revision 0010 there was one column for both.
        """
        if self.uuid is None:
            return True
        if self.team_uuid is None:
            return self.uuid in (found.uuid, found.team_uuid)
        return self.team_uuid == found.team_uuid if found.team_uuid else self.uuid == found.uuid

    def claims(self, found: Account) -> str:
        """Return the uuid that no other configured account may have: the team's where one was ever named."""
        return found.team_uuid or self.team_uuid or found.uuid


@dataclass(frozen=True, slots=True)
class KnownDroplet:
    """What a run must know about every stored Droplet of its account before it starts."""

    id: int
    name: str
    last_observed_at: datetime | None
    last_attempt_at: datetime
    last_outcome: str
    gone_at: datetime | None
    unselected_since: datetime | None


def ensure_account(connection: sa.Connection, name: str) -> StoredAccount:
    """Read the account of this name, or insert it; two processes may do so at once."""
    found = read_account(connection, name)
    if found is None:
        insert_or_leave(connection, accounts, {"name": name})
        found = read_account(connection, name)
    assert found is not None
    return found


def read_account(connection: sa.Connection, name: str) -> StoredAccount | None:
    """Read the account of this name; None if it was never synced."""
    columns = (accounts.c[name] for name in StoredAccount.__slots__)
    row = connection.execute(sa.select(*columns).where(accounts.c.name == name)).one_or_none()
    return StoredAccount(*row) if row else None


def namesakes(connection: sa.Connection, found: Account, name: str) -> list[str]:
    """List the names of the other accounts that are surely this one: of the same team, or without one and of its uuid.

    A user has an account of their own and may belong to several teams, so that the uuid alone does not show it.
    """
    of_no_team = sa.and_(accounts.c.team_uuid.is_(None), accounts.c.uuid == found.uuid)
    is_same = accounts.c.team_uuid == found.team_uuid if found.team_uuid else of_no_team
    query = sa.select(accounts.c.name).where(is_same, accounts.c.name != name)
    return sorted(connection.scalars(query))


def record_account(connection: sa.Connection, account_id: int, found: Account, now: datetime) -> None:
    """Store what `/v2/account` says at `now`; where it names no team, the one that it named before stays (R2)."""
    named = {"team_uuid": found.team_uuid} if found.team_uuid else {}
    values = {"uuid": found.uuid, "status": found.status, **named}
    connection.execute(sa.update(accounts).where(accounts.c.id == account_id).values(values))
    of_account = account_versions.c.account_id == account_id
    is_open = sa.and_(of_account, account_versions.c.valid_to.is_(None))
    if connection.scalar(sa.select(account_versions.c.status).where(is_open)) == found.status:
        return
    last: datetime | None = connection.scalar(sa.select(sa.func.max(account_versions.c.valid_from)).where(of_account))
    since = max(now.replace(microsecond=0), last + STAMP_STEP) if last else now
    connection.execute(sa.update(account_versions).where(is_open).values(valid_to=since))
    version = {"account_id": account_id, "valid_from": since, "status": found.status}
    connection.execute(sa.insert(account_versions).values(version))


def claim(connection: sa.Connection, account: StoredAccount, found: Account, configured: Collection[str]) -> str | None:
    """Claim what `/v2/account` names for this account; return the other configured one that holds it, or None.

    One that is no longer configured gives it up. Two transactions may claim at once on PostgreSQL: the second waits for
    the first, and its database error is an IntegrityError.
    """
    uuid = account.claims(found)
    is_holder = sa.and_(accounts.c.claimed_uuid == uuid, accounts.c.id != account.id)
    holder: str | None = connection.scalar(sa.select(accounts.c.name).where(is_holder))
    if holder in configured:
        return holder
    connection.execute(sa.update(accounts).where(is_holder).values(claimed_uuid=None))
    connection.execute(sa.update(accounts).where(accounts.c.id == account.id).values(claimed_uuid=uuid))
    return None


def known_droplets(connection: sa.Connection, account_id: int | None) -> dict[int, KnownDroplet]:
    """Read every stored Droplet of the account, gone and unselected ones included; None is an account without a row."""
    columns = (droplets.c[name] for name in KnownDroplet.__slots__)
    rows = connection.execute(sa.select(*columns).where(droplets.c.account_id == account_id))
    return {row.id: KnownDroplet(*row) for row in rows}


def remembered_droplets(connection: sa.Connection, account_id: int | None) -> dict[int, Remembered]:
    """Read the ids of the live backups of every Droplet that could be proven unchanged, and whether backups are on.

    A Droplet is left out if its last look was not complete, or if one of them has size 0 or is held by the brake.
    """
    is_odd = sa.or_(backups.c.size_gigabytes == 0, backups.c.missing_since.is_not(None))
    of_droplet = sa.and_(backups.c.droplet_id == droplets.c.id, backups.c.gone_at.is_(None))
    # One row for each Droplet, not for each backup: that takes less than half the time.
    ids = sa.func.aggregate_strings(sa.cast(backups.c.id, sa.Text), ",")
    is_policy_on = sa.exists().where(
        backup_policies.c.droplet_id == droplets.c.id,
        backup_policies.c.valid_to.is_(None),
        backup_policies.c.is_enabled,
    )
    query = (
        sa.select(droplets.c.id, droplets.c.last_listed_at, ids, is_policy_on)
        .outerjoin_from(droplets, backups, of_droplet)
        .where(
            droplets.c.account_id == account_id,
            droplets.c.gone_at.is_(None),
            droplets.c.last_listed_at.is_not(None),
            droplets.c.last_outcome == Outcome.COMPLETE,
        )
        .group_by(droplets.c.id, droplets.c.last_listed_at)
        .having(sa.func.max(sa.case((is_odd, 1), else_=0)) == 0)
    )
    return {
        droplet_id: Remembered(last_listed_at, frozenset(map(int, ids.split(",") if ids else ())), bool(is_on))
        for droplet_id, last_listed_at, ids, is_on in connection.execute(query)
    }


def owned_elsewhere(
    connection: sa.Connection, account_id: int | None, configured: frozenset[str], droplet_ids: Collection[int]
) -> dict[int, str]:
    """Return, by Droplet id, the name of the other configured account that a Droplet still belongs to (R6)."""
    query = (
        sa.select(droplets.c.id, accounts.c.name)
        .join(accounts)
        .where(
            among(connection, droplets.c.id, droplet_ids),
            droplets.c.account_id != account_id,
            droplets.c.gone_at.is_(None),
            droplets.c.unselected_since.is_(None),
        )
    )
    return {row.id: row.name for row in connection.execute(query) if row.name in configured}


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
            process=process_identity(os.getpid()),
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
    if not holder.is_expired and not is_dead(holder.host, holder.pid, holder.process):
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


def next_due(connection: sa.Connection, name: str) -> datetime | None:
    """Return when the account of this name is due, as the last run left it; None if there was none."""
    due: datetime | None = connection.scalar(sa.select(accounts.c.next_due_at).where(accounts.c.name == name))
    return due


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


def last_complete(connection: sa.Connection, account_id: int | None) -> datetime | None:
    """Return when the last complete run over the whole configuration ended; None if there was none."""
    query = sa.select(sa.func.max(sync_runs.c.finished_at)).where(
        sync_runs.c.account_id == account_id,
        sync_runs.c.status == RunStatus.COMPLETE,
        sync_runs.c.mode != RunMode.SUBSET,
    )
    last: datetime | None = connection.execute(query).scalar_one()
    return last


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


def process_identity(pid: int) -> str | None:
    """Identify a process among all that ever have its number, by boot, process namespace and start.

    None if there is no such process, or no /proc: the lease then ends by its heartbeat alone.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        # The name of the program, in parentheses, may itself contain blanks and parentheses.
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        namespace = Path("/proc/self/ns/pid").readlink()
        state, started = stat[0], stat[19]
    except (OSError, IndexError):
        return None
    return None if state in "ZX" else f"{boot} {namespace} {started}"


def is_dead(host: str, pid: int, identity: str | None) -> bool:
    """Tell whether the process is certainly gone; that is known only on its host, in the same boot and namespace."""
    mine = process_identity(os.getpid())
    if host != socket.gethostname() or identity is None or mine is None:
        return False
    if identity.rsplit(" ", 1)[0] != mine.rsplit(" ", 1)[0]:
        return False
    found = process_identity(pid)
    if found:
        return found != identity
    # A process that can be read and has no identity is a zombie.
    return os.access(f"/proc/{pid}/stat", os.R_OK) or not _exists(pid)


def _exists(pid: int) -> bool:
    """Tell whether there is such a process, even if /proc hides it from this user (hidepid)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def state_of_runs(connection: sa.Connection) -> tuple[int | None, int]:
    """Return the id of the newest run, None if there was none, and how many are running: what a new answer needs."""
    running = sa.select(sa.func.count()).where(sync_runs.c.status == RunStatus.RUNNING).select_from(sync_runs)
    newest, number = connection.execute(sa.select(sa.func.max(sync_runs.c.id), running.scalar_subquery())).one()
    return newest, number
