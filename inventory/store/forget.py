"""Delete all that is stored of an account which is no longer configured. Beside `prune`, nothing else deletes (R3)."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from inventory.store import account_records, runs
from inventory.store.engine import Database
from inventory.store.schema import (
    account_days,
    accounts,
    droplet_versions,
    droplets,
    metadata,
    notice_attempts,
    notices,
)


@dataclass(frozen=True, slots=True)
class Forgettable:
    """What is stored of an account.

    Attributes:
        rows: Table -> how many of its rows can be deleted; parents first.
    """

    account: account_records.StoredAccount
    rows: dict[str, int]


def stored_accounts(database: Database) -> list[str]:
    """List the names of all accounts that were ever synced."""
    with database.reading() as connection:
        return list(connection.scalars(sa.select(accounts.c.name).order_by(accounts.c.name)))


def find(database: Database, name: str) -> Forgettable | None:
    """Find what is stored of the account of this name; None if it was never synced."""
    with database.reading() as connection:
        account = account_records.read_account(connection, name)
        if account is None:
            return None
        rows = {
            table.name: connection.execute(sa.select(sa.func.count()).select_from(table).where(is_its)).scalar_one()
            for table, is_its in _rows_of(account.id).items()
        }
    return Forgettable(account, rows)


def forget(database: Database, account: account_records.StoredAccount, now: datetime) -> None:
    """Delete the account, its Droplets, their backups and its runs, in one transaction.

    Raises:
        SyncRunningError: It is being synced; nothing was deleted.
    """
    with database.writing() as connection:
        # Nobody begins a run of it meanwhile, and none of its Droplets moves to another account (R6).
        connection.execute(sa.select(accounts.c.id).where(accounts.c.id == account.id).with_for_update())
        runs.refuse_running(connection, account, now)
        its = sa.select(droplets.c.id).where(droplets.c.account_id == account.id)
        connection.execute(its.order_by(droplets.c.id).with_for_update())
        _leave_to_others(connection, account.id)
        for table, is_its in reversed(_rows_of(account.id).items()):
            connection.execute(sa.delete(table).where(is_its))


def _leave_to_others(connection: sa.Connection, account_id: int) -> None:
    """Let what is known of a Droplet that moved to another account be that account's from the beginning (R6)."""
    owner = sa.select(droplets.c.account_id).where(droplets.c.id == droplet_versions.c.droplet_id).scalar_subquery()
    was_its = sa.and_(droplet_versions.c.account_id == account_id, owner != account_id)
    is_of_another = sa.and_(droplet_versions.c.account_id == account_id, droplets.c.account_id != account_id)
    receivers = sa.select(droplets.c.account_id).join_from(droplets, droplet_versions).where(is_of_another)
    # Their past is no longer what was added up, and nothing in the history says so.
    connection.execute(sa.delete(account_days).where(account_days.c.account_id.in_(receivers)))
    connection.execute(sa.update(droplet_versions).where(was_its).values(account_id=owner))


def _rows_of(account_id: int) -> dict[sa.Table, sa.ColumnElement[bool]]:
    """Return which rows of each table belong to an account, by the foreign keys that lead to it; parents first."""
    found: dict[sa.Table, sa.ColumnElement[bool]] = {accounts: accounts.c.id == account_id}
    # They name it, because an account is judged before it was ever synced.
    its_name = sa.select(accounts.c.name).where(found[accounts])
    found |= {table: table.c.account.in_(its_name) for table in (notices, notice_attempts)}
    for table in metadata.sorted_tables:
        led = [
            key.parent.in_(sa.select(key.column).where(found[key.column.table]))
            for key in sorted(table.foreign_keys, key=lambda key: key.parent.name)
            # A version goes with its Droplet, whoever owned that then.
            if key.column.table in found and key.parent is not droplet_versions.c.account_id
        ]
        if led:
            found[table] = sa.or_(*led)
    return found
