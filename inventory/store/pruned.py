"""From when on everything is known, in a database that may have been pruned."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from inventory.store.schema import accounts, droplets, sync_runs
from inventory.views.queries import RECENT


@dataclass(frozen=True, slots=True)
class KnownSince:
    """What is left after the last `prune`.

    Attributes:
        as_of: As of this moment and all later ones, everything is known that was known then.
        made: Of all backups made from this moment on, everything is known.
    """

    as_of: datetime
    made: datetime


def known_since(connection: sa.Connection, names: Collection[str] | None) -> KnownSince | None:
    """Give from when on everything is known of the accounts of these names, None for all; None if nothing was pruned.

    A backup that ended before the days to keep was deleted if it had been made 90 days earlier: no answer as of later
    days lacks it. Runs were deleted up to the last complete one before the days to keep.
    """
    first_run = sa.select(sa.func.min(sync_runs.c.started_at)).where(sync_runs.c.account_id == accounts.c.id)
    first_seen = sa.select(sa.func.min(droplets.c.first_seen_at)).where(droplets.c.account_id == accounts.c.id)
    query = sa.select(accounts.c.pruned_before, first_run.scalar_subquery(), first_seen.scalar_subquery())
    query = query.where(accounts.c.pruned_before.is_not(None))
    if names is not None:
        query = query.where(accounts.c.name.in_(names))
    moments, made = [], []
    for pruned_before, run_at, seen_at in connection.execute(query):
        made.append(pruned_before)
        moments.append(pruned_before + RECENT)
        if run_at and seen_at and seen_at < run_at:
            moments.append(run_at)
    return KnownSince(max(moments), max(made)) if made else None
