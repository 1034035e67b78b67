"""Read what is stored of some Droplets, and write what their looks mean.

Every statement concerns many rows: the number of statements depends on the number of tables, not of Droplets. Rows
are written in the order of their keys, so that two writers cannot lock each other out (R12).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from operator import attrgetter, itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from inventory.history.changes import Plan
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
from inventory.store.bulk import among, insert
from inventory.store.schema import (
    backup_policies,
    backup_regions,
    backup_versions,
    backups,
    droplet_days,
    droplet_tags,
    droplets,
    metadata,
)

# What every look moves; most looks move nothing else.
_TIMES = ("last_attempt_at", "last_observed_at", "last_listed_at")
_times = attrgetter(*_TIMES)
_all_else = attrgetter(*(field.name for field in fields(DropletState) if field.name not in _TIMES))


def _columns(table: sa.Table, kind: type[Any]) -> list[sa.Column[Any]]:
    """List the columns that the fields of a frozen value are, in its order."""
    return [table.c[field.name] for field in fields(kind)]


_DROPLET = _columns(droplets, DropletState)
_BACKUP = _columns(backups, BackupState)
_POLICY = _columns(backup_policies, BackupPolicy)
_DAY = _columns(droplet_days, DropletDay)


def owners(connection: sa.Connection, backup_ids: Iterable[int]) -> dict[int, int]:
    """Tell for each of these backups that is stored the Droplet it is stored under."""
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
    """Read what a look at these Droplets may concern, by Droplet id; those never seen are absent.

    Of the Droplets `proven` unchanged, live backups are not read. Of ended backups those are read that are listed
    again or whose end may still be explained at `now`.
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
    # One row a backup, however many regions: each row read costs more than what is in it.
    regions = sa.select(sa.func.aggregate_strings(backup_regions.c.region, ",")).where(is_open).scalar_subquery()
    open_version = sa.and_(backup_versions.c.backup_id == backups.c.id, backup_versions.c.valid_to.is_(None))
    query = (
        sa.select(*_BACKUP, backup_versions.c.valid_from, regions)
        .outerjoin_from(backups, backup_versions, open_version)
        .where(
            among(connection, backups.c.droplet_id, ids),
            _fulfilled(connection, backups.c.gone_at.is_(None), share=0.9),
        )
    )
    for *columns, version_from, slugs in connection.execute(query).all():
        state = BackupState(*columns)
        in_regions = tuple(sorted(slugs.split(","))) if slugs else ()
        found[state.droplet_id][state.id] = StoredBackup(state, in_regions, version_from)
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
            found[state.droplet_id][state.id] = StoredBackup(state, (), None)
    return found


def _fulfilled(connection: sa.Connection, condition: sa.ColumnElement[bool], *, share: float) -> sa.ColumnElement[bool]:
    """Tell SQLite, which has no statistics to choose an index by, how often a condition is fulfilled."""
    if connection.dialect.name != "sqlite":
        return condition
    return sa.func.likelihood(condition, sa.literal_column(str(share)))


def _last_days(connection: sa.Connection, ids: Sequence[int]) -> dict[int, DropletDay]:
    """Read the latest row of each Droplet: a look may change it, or carry it on to its own day."""
    later = droplet_days.alias()
    latest = sa.select(sa.func.max(later.c.day)).where(later.c.droplet_id == droplets.c.id).scalar_subquery()
    is_latest = sa.and_(droplet_days.c.droplet_id == droplets.c.id, droplet_days.c.day == latest)
    query = sa.select(droplets.c.id, *_DAY).join_from(droplets, droplet_days, is_latest)
    rows = connection.execute(query.where(among(connection, droplets.c.id, ids))).all()
    return {droplet_id: DropletDay(*day) for droplet_id, *day in rows}


def apply(connection: sa.Connection, plans: Sequence[Plan], stored: Mapping[int, StoredDroplet]) -> None:
    """Write what these looks mean, at most one plan a Droplet, in the transaction `connection` is in.

    Given what `load` read in the same transaction, write nothing that is stored already.
    """
    _write_droplets(connection, [plan.droplet for plan in plans if plan.droplet], stored)
    new = {backup.id for plan in plans for backup in plan.appeared}
    written = [backup for plan in plans for backup in plan.backups]
    insert(connection, backups, [_row(backup) for backup in written if backup.id in new])
    upsert(connection, backups, [_row(backup) for backup in written if backup.id not in new])
    _close(connection, plans)
    _open(connection, plans)
    _write_days(connection, {plan.look.droplet_id: plan.day for plan in plans if plan.day}, stored)


def _row(value: DropletState | BackupState | DropletDay) -> dict[str, Any]:
    """Give the columns and values of a row; `dataclasses.asdict` would copy every single one."""
    return {name: getattr(value, name) for name in value.__slots__}


def _write_droplets(
    connection: sa.Connection, states: Iterable[DropletState], stored: Mapping[int, StoredDroplet]
) -> None:
    """Write rows that differ; those that differ by the same times alone, in one statement for all."""
    new, changed = [], []
    seen_again: dict[tuple[tuple[str, datetime], ...], list[int]] = defaultdict(list)
    for state in states:
        before = stored[state.id].state if state.id in stored else None
        if before is None:
            new.append(_row(state))
        elif _all_else(before) != _all_else(state):
            changed.append(_row(state))
        else:
            times = zip(_TIMES, _times(state), _times(before), strict=True)
            seen_again[tuple((name, at) for name, at, before_at in times if at != before_at)].append(state.id)
    seen_again.pop((), None)
    insert(connection, droplets, new)
    upsert(connection, droplets, changed)
    for moved, ids in sorted(seen_again.items()):
        chosen = sa.select(droplets.c.id).where(among(connection, droplets.c.id, ids)).order_by(droplets.c.id)
        # On PostgreSQL an update alone would lock its rows in any order (R12).
        locked = droplets.c.id.in_(chosen.with_for_update(key_share=True))
        connection.execute(sa.update(droplets).where(locked).values(dict(moved)))


def _write_days(connection: sa.Connection, days: Mapping[int, DropletDay], stored: Mapping[int, StoredDroplet]) -> None:
    new: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    for droplet_id, day in days.items():
        last = stored[droplet_id].last_day if droplet_id in stored else None
        (changed if last and last.day == day.day else new).append({"droplet_id": droplet_id, **_row(day)})
    insert(connection, droplet_days, new)
    upsert(connection, droplet_days, changed)


def upsert(connection: sa.Connection, table: sa.Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert rows, or replace those whose primary key is there; of rows with one key the last counts."""
    keys = [column.name for column in table.primary_key]
    by_key = {itemgetter(*keys)(row): row for row in rows}
    if not by_key:
        return
    statement = _insert(connection, table)
    others = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in keys}
    connection.execute(
        statement.on_conflict_do_update(index_elements=keys, set_=others), [by_key[key] for key in sorted(by_key)]
    )


def insert_or_leave(connection: sa.Connection, table: sa.Table, row: Mapping[str, Any]) -> None:
    """Insert the row, or leave the one that is there with the same key or unique name."""
    connection.execute(_insert(connection, table).values(row).on_conflict_do_nothing())


def _insert(connection: sa.Connection, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


def _close(connection: sa.Connection, plans: Sequence[Plan]) -> None:
    """End the open intervals that the plans name, each at its plan's stamp."""
    rows: dict[tuple[str, bool], list[dict[str, Any]]] = defaultdict(list)
    for plan in plans:
        for closed in plan.closed:
            row = {f"key_{name}": value for name, value in closed.key.items()}
            row["valid_to"] = plan.stamp
            if closed.closed_by:
                row["closed_by"] = closed.closed_by
            rows[closed.table, closed.closed_by is not None].append(row)
    for (name, has_cause), found in sorted(rows.items()):
        table = metadata.tables[name]
        keys = [column for column in table.primary_key if column.name != "valid_from"]
        values: dict[str, Any] = {"valid_to": sa.bindparam("valid_to")}
        if has_cause:
            values["closed_by"] = sa.bindparam("closed_by")
        statement = (
            sa.update(table)
            .where(table.c.valid_to.is_(None), *(key == sa.bindparam(f"key_{key.name}") for key in keys))
            .values(values)
        )
        connection.execute(statement, sorted(found, key=itemgetter(*(f"key_{key.name}" for key in keys))))


def _open(connection: sa.Connection, plans: Sequence[Plan]) -> None:
    """Begin the intervals that the plans name, each at its plan's stamp."""
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for plan in plans:
        for opened in plan.opened:
            rows[opened.table].append({**opened.values, "valid_from": plan.stamp})
    for name, found in sorted(rows.items()):
        insert(connection, metadata.tables[name], found)
