"""Whose turn it is: when each account is due, and whether a process holds it now."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from inventory.process.identity import is_dead
from inventory.store.engine import Database
from inventory.store.runs import LEASE_EXPIRES_AFTER, database_now
from inventory.store.schema import accounts, sync_runs
from inventory.vocabulary import RunStatus


@dataclass(frozen=True, slots=True)
class Turn:
    """What is stored about an account's turn.

    Attributes:
        due_at: UTC; None where no run has said so, as of an account that was never synced.
        is_held: Whether a process that may be alive syncs it now.
        is_abandoned: Whether a process held it that is dead, or has given no sign of life for 90 s.
    """

    account: str
    due_at: datetime | None = None
    is_held: bool = False
    is_abandoned: bool = False


def read_turns(database: Database, names: Collection[str]) -> dict[str, Turn]:
    """Read the turn of each of these accounts, by its name."""
    holder = sa.and_(sync_runs.c.account_id == accounts.c.id, sync_runs.c.status == RunStatus.RUNNING)
    run = sync_runs.c
    query = sa.select(accounts.c.name, accounts.c.next_due_at, run.heartbeat_at, run.host, run.pid, run.process)
    query = query.outerjoin_from(accounts, sync_runs, holder)
    if len(names) == 1:  # else nearly all of them, and a text with thousands of names would take longer
        query = query.where(accounts.c.name.in_(names))
    with database.reading() as connection:
        expired_before = database_now(connection) - LEASE_EXPIRES_AFTER
        found = {name: Turn(name) for name in names}
        for row in connection.execute(query):
            if row.name not in found:
                continue
            is_running = row.heartbeat_at is not None
            is_over = is_running and (row.heartbeat_at < expired_before or is_dead(row.host, row.pid, row.process))
            found[row.name] = Turn(row.name, row.next_due_at, is_running and not is_over, is_over)
    return found
