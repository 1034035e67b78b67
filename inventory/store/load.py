"""Read what is stored of some Droplets, as far as attempts to look at them may concern it.

The number of statements depends on the number of tables, not of Droplets.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from inventory.history.ends import EXPLAINABLE, EXPLAINABLE_FOR
from inventory.model import (
    BackupPolicy,
    BackupState,
    DropletDay,
    DropletState,
    StoredBackup,
    StoredDroplet,
    StoredPolicy,
)
from inventory.store.bulk import among
from inventory.store.schema import (
    backup_policies,
    backup_regions,
    backup_versions,
    backups,
    droplet_days,
    droplet_tags,
    droplets,
)


def _columns(table: sa.Table, kind: type[Any]) -> list[sa.Column[Any]]:
    """List the columns with the names of a frozen value's fields, in their order."""
    return [table.c[field.name] for field in fields(kind)]


_DROPLET = _columns(droplets, DropletState)
_BACKUP = _columns(backups, BackupState)
_POLICY = _columns(backup_policies, BackupPolicy)
_DAY = _columns(droplet_days, DropletDay)


def owners(connection: sa.Connection, backup_ids: Iterable[int]) -> dict[int, int]:
    """Map each of these backups that is stored to the Droplet it is stored under."""
    ids = sorted(set(backup_ids))
    query = sa.select(backups.c.id, backups.c.droplet_id).where(among(connection, backups.c.id, ids))
    return {row.id: row.droplet_id for row in connection.execute(query)} if ids else {}


def load(
    connection: sa.Connection,
    droplet_ids: Iterable[int],
    listed_backup_ids: Iterable[int],
    now: datetime,
    *,
    proven: Collection[int] = (),
) -> dict[int, StoredDroplet]:
    """Read what attempts at these Droplets may concern, by Droplet id; those never seen are absent.

    Live backups are read but for those of Droplets `proven` unchanged; ended ones where they are listed again, or
    their end may still be explained at `now`.
    """
    chosen = sa.select(*_DROPLET).where(among(connection, droplets.c.id, set(droplet_ids)))
    states = [DropletState(*row) for row in connection.execute(chosen).all()]
    ids = sorted(state.id for state in states)
    tags = _tags(connection, ids)
    policies = _policies(connection, ids)
    days = _last_days(connection, ids)
    live = _live_backups(connection, [number for number in ids if number not in proven])
    listed = set(listed_backup_ids).difference(*live.values())
    ended = _ended_backups(connection, ids, sorted(listed), now)
    return {
        state.id: StoredDroplet(
            state=state,
            tags=frozenset(tags[state.id]),
            policies=tuple(policies[state.id]),
            backups=live[state.id] | ended[state.id],
            last_day=days.get(state.id),
        )
        for state in states
    }


def _tags(connection: sa.Connection, ids: Sequence[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    query = sa.select(droplet_tags.c.droplet_id, droplet_tags.c.tag)
    chosen = query.where(among(connection, droplet_tags.c.droplet_id, ids), droplet_tags.c.valid_to.is_(None))
    for row in connection.execute(chosen):
        found[row.droplet_id].append(row.tag)
    return found


def _policies(connection: sa.Connection, ids: Sequence[int]) -> dict[int, list[StoredPolicy]]:
    found: dict[int, list[StoredPolicy]] = defaultdict(list)
    key = backup_policies.c.droplet_id, backup_policies.c.valid_from
    query = sa.select(*key, backup_policies.c.valid_to, *_POLICY)
    chosen = query.where(among(connection, backup_policies.c.droplet_id, ids)).order_by(*key)
    for droplet_id, valid_from, valid_to, *policy in connection.execute(chosen).all():
        found[droplet_id].append(StoredPolicy(BackupPolicy(*policy), valid_from, valid_to))
    return found


def _live_backups(connection: sa.Connection, ids: Sequence[int]) -> dict[int, dict[int, StoredBackup]]:
    found: dict[int, dict[int, StoredBackup]] = defaultdict(dict)
    if not ids:
        return found
    is_open = sa.and_(backup_regions.c.backup_id == backups.c.id, backup_regions.c.valid_to.is_(None))
    # One row for each backup, whatever its regions: reading a row costs more than reading what is in it.
    regions = sa.select(sa.func.aggregate_strings(backup_regions.c.region, ",")).where(is_open).scalar_subquery()
    open_version = sa.and_(backup_versions.c.backup_id == backups.c.id, backup_versions.c.valid_to.is_(None))
    query = (
        sa.select(*_BACKUP, backup_versions.c.valid_from, backup_versions.c.created_at, regions)
        .outerjoin_from(backups, backup_versions, open_version)
        .where(
            among(connection, backups.c.droplet_id, ids),
            _fulfilled(connection, backups.c.gone_at.is_(None), share=0.9),
        )
    )
    for *columns, version_from, shown_created_at, slugs in connection.execute(query).all():
        state = BackupState(*columns)
        in_regions = tuple(sorted(slugs.split(","))) if slugs else ()
        found[state.droplet_id][state.id] = StoredBackup(
            state, in_regions, version_from, shown_created_at or state.created_at
        )
    return found


def _ended_backups(
    connection: sa.Connection, ids: Sequence[int], listed: Sequence[int], now: datetime
) -> dict[int, dict[int, StoredBackup]]:
    found: dict[int, dict[int, StoredBackup]] = defaultdict(dict)
    is_recent = _fulfilled(connection, backups.c.gone_at >= now - EXPLAINABLE_FOR, share=0.0001)
    chosen = [sa.and_(is_recent, backups.c.gone_reason.in_(EXPLAINABLE))]
    if listed:
        chosen.append(sa.and_(among(connection, backups.c.id, listed), backups.c.gone_at.is_not(None)))
    of_droplets = sa.select(*_BACKUP).where(among(connection, backups.c.droplet_id, ids))
    for condition in chosen:
        for columns in connection.execute(of_droplets.where(condition)):
            state = BackupState(*columns)
            found[state.droplet_id][state.id] = StoredBackup(state, (), None, state.created_at)
    return found


def _fulfilled(connection: sa.Connection, condition: sa.ColumnElement[bool], *, share: float) -> sa.ColumnElement[bool]:
    """Say how often a condition holds to SQLite, which has no statistics to choose an index by."""
    if connection.dialect.name != "sqlite":
        return condition
    return sa.func.likelihood(condition, sa.literal_column(str(share)))


def _last_days(connection: sa.Connection, ids: Sequence[int]) -> dict[int, DropletDay]:
    """Read the latest row of each Droplet: a look changes it, or carries its figures on to a later day."""
    later = droplet_days.alias()
    latest = sa.select(sa.func.max(later.c.day)).where(later.c.droplet_id == droplets.c.id).scalar_subquery()
    is_latest = sa.and_(droplet_days.c.droplet_id == droplets.c.id, droplet_days.c.day == latest)
    query = sa.select(droplets.c.id, *_DAY).join_from(droplets, droplet_days, is_latest)
    rows = connection.execute(query.where(among(connection, droplets.c.id, ids))).all()
    return {droplet_id: DropletDay(*day) for droplet_id, *day in rows}
