"""Read what the views do not show: a Droplet's policies, and how it was looked at."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from inventory.store.schema import backup_policies, backups, droplets, sync_listings, sync_runs


@dataclass(frozen=True, slots=True)
class PolicyRecord:
    """A backup policy and when it was in force; its columns are those of `backup_policies`."""

    valid_from: datetime
    valid_to: datetime | None
    is_enabled: bool
    plan: str | None
    weekday: str | None
    hour: int | None
    window_length_hours: int | None
    retention_days: int | None


@dataclass(frozen=True, slots=True)
class LookRecord:
    """How a Droplet was looked at last.

    Attributes:
        last_observed_at: When it was last known what it has, by a listing or a proof; None if never.
        last_listed_at: When its backups were last listed completely; None if never.
        last_outcome: Of the last attempt, as `sync_listings.outcome`.
        last_error: Why the last attempt was no look; None if it was.
    """

    last_observed_at: datetime | None
    last_listed_at: datetime | None
    last_attempt_at: datetime
    last_outcome: str
    last_error: str | None
    next_window_starts_at: datetime | None
    next_window_ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """An attempt to look that failed, was incomplete or changed something."""

    attempted_at: datetime
    mode: str
    outcome: str
    http_status: int | None
    error: str | None


def policies(connection: sa.Connection, droplet_id: int) -> list[PolicyRecord]:
    """List the policies that were ever read, the newest first."""
    columns = [backup_policies.c[name] for name in PolicyRecord.__slots__]
    query = sa.select(*columns).where(backup_policies.c.droplet_id == droplet_id)
    return [PolicyRecord(*row) for row in connection.execute(query.order_by(backup_policies.c.valid_from.desc()))]


def look(connection: sa.Connection, droplet_id: int) -> LookRecord:
    """Read how a known Droplet was looked at last."""
    columns = [droplets.c[name] for name in LookRecord.__slots__]
    return LookRecord(*connection.execute(sa.select(*columns).where(droplets.c.id == droplet_id)).one())


def attempts(connection: sa.Connection, droplet_id: int, most: int) -> list[AttemptRecord]:
    """List the last attempts that were no ordinary look without news, the newest first."""
    query = (
        sa.select(
            sync_listings.c.attempted_at,
            sync_runs.c.mode,
            sync_listings.c.outcome,
            sync_listings.c.http_status,
            sync_listings.c.error,
        )
        .join(sync_runs)
        .where(sync_listings.c.droplet_id == droplet_id, sync_listings.c.error.is_not(None))
        .order_by(sync_listings.c.run_id.desc())
        .limit(most)
    )
    return [AttemptRecord(*row) for row in connection.execute(query)]


def owner(connection: sa.Connection, backup_id: int) -> int | None:
    """Tell whose a backup is, by Droplet id; None where it was never seen."""
    return connection.scalar(sa.select(backups.c.droplet_id).where(backups.c.id == backup_id))
