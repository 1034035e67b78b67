"""Read what the views do not show: a Droplet's policies, the last attempts to look at it, and sizes alone."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from operator import itemgetter

import sqlalchemy as sa

from inventory.store.bulk import among
from inventory.store.schema import (
    backup_policies,
    backups,
    droplet_days,
    droplet_versions,
    droplets,
    sync_listings,
    sync_runs,
)


@dataclass(frozen=True, slots=True)
class PolicyRecord:
    """A backup policy and when it was in force; the fields are columns of `backup_policies`."""

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
    """The last look and the last attempt to look at a Droplet; the fields are columns of `droplets`.

    Attributes:
        last_observed_at: The last look, a listing or a proof; None if there was none.
        last_listed_at: The last complete listing of its backups; None if there was none.
        last_outcome: Of the last attempt, as `sync_listings.outcome`.
        last_error: Why the last attempt was not a look; None if it was one.
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


def look(connection: sa.Connection, droplet_id: int) -> LookRecord:
    """Read the last look and attempt of a Droplet that is stored."""
    columns = [droplets.c[name] for name in LookRecord.__slots__]
    return LookRecord(*connection.execute(sa.select(*columns).where(droplets.c.id == droplet_id)).one())


def attempts(connection: sa.Connection, droplet_id: int, now: datetime, most: int) -> list[AttemptRecord]:
    """List at most so many attempts up to `now` that were not looks, the newest first."""
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
        .where(sync_listings.c.attempted_at <= now)
        .order_by(sync_listings.c.run_id.desc())
        .limit(most)
    )
    return [AttemptRecord(*row) for row in connection.execute(query)]


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """What a Droplet was, and since when; the fields are columns of `droplet_versions`."""

    valid_from: datetime
    valid_to: datetime | None
    name: str
    region: str | None
    size_slug: str | None
    price_monthly_usd: float | None
    status: str | None
    unselected_since: datetime | None


def versions(connection: sa.Connection, droplet_id: int, now: datetime, most: int) -> list[VersionRecord]:
    """List at most so many versions of a Droplet up to `now`, the newest first."""
    columns = droplet_versions.c
    query = sa.select(*(columns[name] for name in VersionRecord.__slots__))
    query = query.where(columns.droplet_id == droplet_id, columns.valid_from <= now)
    return [VersionRecord(*row) for row in connection.execute(query.order_by(columns.valid_from.desc()).limit(most))]


def owner(connection: sa.Connection, backup_id: int) -> int | None:
    """Return the id of the Droplet that a backup belongs to; None if the backup was never seen."""
    return connection.scalar(sa.select(backups.c.droplet_id).where(backups.c.id == backup_id))


def sizes(
    connection: sa.Connection, since: date, before: date, droplet_ids: Collection[int] | None
) -> dict[date, dict[int, float]]:
    """Give, of each day of a period that has any, the gigabytes of some Droplets or, if None, of all, by their id.

    The oldest day comes first. The view droplet_size_by_day gives the same with more columns, in three times the time.
    """
    columns = droplet_days.c
    query = sa.select(columns.day, columns.droplet_id, columns.size_gigabytes)
    query = query.where(columns.day >= since, columns.day < before).order_by(columns.day)
    if droplet_ids is not None:
        query = query.where(among(connection, columns.droplet_id, droplet_ids))
    rows = connection.execute(query).all()
    return {day: dict(map(itemgetter(1, 2), of_day)) for day, of_day in groupby(rows, itemgetter(0))}


def last_sizes(
    connection: sa.Connection, before: date, droplet_ids: Collection[int]
) -> Sequence[sa.Row[int, date, float]]:
    """Give the same of the last day of each of these Droplets before that day; nothing of one that has none."""
    columns = droplet_days.c
    earlier = droplet_days.alias("earlier")
    last = (
        sa.select(earlier.c.day)
        .where(earlier.c.droplet_id == droplets.c.id, earlier.c.day < before)
        .order_by(earlier.c.day.desc())
        .limit(1)
        .scalar_subquery()
    )
    is_last = sa.and_(columns.droplet_id == droplets.c.id, columns.day == last)
    query = sa.select(columns.droplet_id, columns.day, columns.size_gigabytes).join_from(
        droplets, droplet_days, is_last
    )
    return connection.execute(query.where(among(connection, droplets.c.id, droplet_ids))).all()


def is_newest(connection: sa.Connection, moment: datetime, droplet_ids: Collection[int] | None) -> bool:
    """Tell whether none of some Droplets has been looked at after a moment; None means all.

    What is stored of their day is then of that moment.
    """
    query = sa.select(sa.func.max(droplets.c.last_observed_at))
    if droplet_ids is not None:
        query = query.where(among(connection, droplets.c.id, droplet_ids))
    last: datetime | None = connection.scalar(query)
    return last is None or last <= moment


def policies_since(
    connection: sa.Connection, droplet_ids: Collection[int] | None, since: datetime, now: datetime
) -> list[tuple[int, PolicyRecord]]:
    """List the policies in force between two moments, as known at the later one, each with the id of its Droplet.

    They are those of some Droplets or, if None, of all; the oldest of a Droplet comes first.
    """
    columns = backup_policies.c
    query = sa.select(columns.droplet_id, *(columns[name] for name in PolicyRecord.__slots__))
    query = query.where(columns.valid_from <= now, sa.or_(columns.valid_to.is_(None), columns.valid_to > since))
    if droplet_ids is not None:
        query = query.where(among(connection, columns.droplet_id, droplet_ids))
    rows = connection.execute(query.order_by(columns.droplet_id, columns.valid_from))
    return [(droplet_id, PolicyRecord(*policy)) for droplet_id, *policy in rows]


def plans(connection: sa.Connection, now: datetime) -> dict[int, str]:
    """Give, by id, the plan of every Droplet whose backups are on, as known at `now`; none of an unnamed plan."""
    columns = backup_policies.c
    is_in_force = sa.and_(columns.valid_from <= now, sa.or_(columns.valid_to.is_(None), columns.valid_to > now))
    query = sa.select(columns.droplet_id, columns.plan)
    query = query.where(is_in_force, columns.is_enabled, columns.plan.is_not(None))
    return dict(connection.execute(query).all())


@dataclass(frozen=True, slots=True)
class NextWindow:
    """The next window of a Droplet, as DigitalOcean announced it."""

    droplet_id: int
    droplet: str
    starts_at: datetime
    ends_at: datetime | None


def next_windows(connection: sa.Connection, droplet_ids: Collection[int], now: datetime, most: int) -> list[NextWindow]:
    """List at most so many windows of these Droplets that are not over yet, the next one first."""
    columns = droplets.c
    query = sa.select(columns.id, columns.name, columns.next_window_starts_at, columns.next_window_ends_at)
    query = query.where(columns.next_window_ends_at > now, among(connection, columns.id, droplet_ids))
    query = query.order_by(columns.next_window_starts_at, columns.id).limit(most)
    return [NextWindow(*row) for row in connection.execute(query)]
