"""Write what attempts mean: current state and history.

Every statement concerns many rows, in the order of their keys, so that two writers cannot lock each other out (R12).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import date, datetime
from operator import attrgetter, itemgetter
from typing import Any, TypeAlias

import sqlalchemy as sa

from inventory.history.changes import Changeset
from inventory.history.looks import day_that_is_over
from inventory.model import (
    BackupState,
    DropletDay,
    DropletState,
    StoredDroplet,
)
from inventory.store.bulk import among, insert, upsert
from inventory.store.schema import (
    backup_versions,
    backups,
    droplet_days,
    droplets,
    metadata,
)

# Which times, and whether looks are added to those stored, or stand in their place.
_Moved: TypeAlias = tuple[tuple[tuple[str, datetime], ...], tuple[bool, str]]

# What a look moves; most looks move nothing else.
_TIMES = ("last_attempt_at", "last_observed_at", "last_listed_at")
_times = attrgetter(*_TIMES)
_all_else = attrgetter(*(field.name for field in fields(DropletState) if field.name not in (*_TIMES, "looks")))


def apply(connection: sa.Connection, changesets: Sequence[Changeset], stored: Mapping[int, StoredDroplet]) -> None:
    """Write these changesets, at most one for each Droplet, in the transaction that `connection` is in.

    `stored` is what `load` read in the same transaction; what it holds already is not written again.
    """
    _keep_looks(connection, changesets, stored)
    _write_droplets(connection, changesets, stored)
    _write_backups(connection, changesets)
    _close(connection, changesets)
    _replace_reasons(connection, changesets)
    _open(connection, changesets)
    _write_days(connection, changesets, stored)


def _row(value: DropletState | BackupState | DropletDay) -> dict[str, Any]:
    """Give the columns and values of a row; `dataclasses.asdict` would copy each value."""
    return {name: getattr(value, name) for name in value.__slots__}


def _write_droplets(
    connection: sa.Connection, changesets: Iterable[Changeset], stored: Mapping[int, StoredDroplet]
) -> None:
    """Write the rows that differ; one statement is for all that differ only by the same times."""
    new, changed = [], []
    seen_again: dict[_Moved, list[int]] = defaultdict(list)
    for state in (changeset.droplet for changeset in changesets if changeset.droplet):
        before = stored[state.id].state if state.id in stored else None
        if before is None:
            new.append(_row(state))
        elif _all_else(before) != _all_else(state):
            changed.append(_row(state))
        else:
            times = zip(_TIMES, _times(state), _times(before), strict=True)
            moved_times = tuple((name, at) for name, at, before_at in times if at != before_at)
            seen_again[moved_times, _new_looks(before, state)].append(state.id)
    insert(connection, droplets, new)
    upsert(connection, droplets, changed)
    seen_again.pop(((), (True, "")), None)
    for moved, ids in sorted(seen_again.items()):
        _move(connection, moved, ids)


def _move(connection: sa.Connection, moved: _Moved, ids: Iterable[int]) -> None:
    times, (is_added, looks) = moved
    values: dict[str, Any] = dict(times)
    if looks:
        values["looks"] = sa.func.coalesce(droplets.c.looks, "") + looks if is_added else looks
    connection.execute(sa.update(droplets).where(droplets.c.id.in_(_locked(connection, ids))).values(values))


def _new_looks(before: DropletState, after: DropletState) -> tuple[bool, str]:
    """Tell whether looks are added to those stored, and which: the same for many Droplets, unlike all of a day's."""
    stored, looks = before.looks or "", after.looks or ""
    return (True, looks.removeprefix(stored)) if looks.startswith(stored) else (False, looks)


def _keep_looks(
    connection: sa.Connection, changesets: Iterable[Changeset], stored: Mapping[int, StoredDroplet]
) -> None:
    """Copy the looks of days that are over to the rows of those days, before those of today stand in their place."""
    over: dict[date, list[int]] = defaultdict(list)
    for state in (changeset.droplet for changeset in changesets if changeset.droplet):
        before = stored[state.id].state if state.id in stored else None
        if before and state.last_observed_at and (day := day_that_is_over(before, state.last_observed_at)):
            over[day].append(state.id)
    looks = sa.select(droplets.c.looks).where(droplets.c.id == droplet_days.c.droplet_id).scalar_subquery()
    for day, ids in sorted(over.items()):
        of_day = sa.and_(droplet_days.c.day == day, droplet_days.c.droplet_id.in_(_locked(connection, ids)))
        connection.execute(sa.update(droplet_days).where(of_day).values(looks=looks))


def _locked(connection: sa.Connection, ids: Iterable[int]) -> sa.Select[int]:
    """Select the Droplets with these ids; on PostgreSQL an update alone would lock its rows in any order (R12)."""
    chosen = sa.select(droplets.c.id).where(among(connection, droplets.c.id, ids))
    return chosen.order_by(droplets.c.id).with_for_update(key_share=True)


def _write_backups(connection: sa.Connection, changesets: Iterable[Changeset]) -> None:
    new: list[dict[str, Any]] = []
    known: list[dict[str, Any]] = []
    for changeset in changesets:
        appeared = {backup.id for backup in changeset.appeared}
        for backup in changeset.backups:
            (new if backup.id in appeared else known).append(_row(backup))
    insert(connection, backups, new)
    upsert(connection, backups, known)


def _write_days(
    connection: sa.Connection, changesets: Iterable[Changeset], stored: Mapping[int, StoredDroplet]
) -> None:
    new: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    for changeset in changesets:
        droplet_id, day = changeset.attempt.droplet_id, changeset.day
        if day is None:
            continue
        last = stored[droplet_id].last_day if droplet_id in stored else None
        (changed if last and last.day == day.day else new).append({"droplet_id": droplet_id, **_row(day)})
    insert(connection, droplet_days, new)
    upsert(connection, droplet_days, changed)


def _close(connection: sa.Connection, changesets: Sequence[Changeset]) -> None:
    """End the open intervals that the changesets name, each at its changeset's stamp."""
    rows: dict[tuple[str, bool], list[dict[str, Any]]] = defaultdict(list)
    for changeset in changesets:
        for closed in changeset.closed:
            row = {f"key_{name}": value for name, value in closed.key.items()}
            row["valid_to"] = changeset.stamp
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


def _replace_reasons(connection: sa.Connection, changesets: Iterable[Changeset]) -> None:
    """Write which reason replaces that of an earlier end, beside the reason as first recorded."""
    rows = [
        {
            "key": end.before.state.id,
            "ended_at": end.before.state.gone_at,
            "replaced_by": end.reason,
            "replaced_at": changeset.stamp,
        }
        for changeset in changesets
        for end in changeset.explained
    ]
    if rows:
        of_end = sa.and_(
            backup_versions.c.backup_id == sa.bindparam("key"), backup_versions.c.valid_to == sa.bindparam("ended_at")
        )
        values: dict[str, Any] = {name: sa.bindparam(name) for name in ("replaced_by", "replaced_at")}
        connection.execute(sa.update(backup_versions).where(of_end).values(values), sorted(rows, key=itemgetter("key")))


def _open(connection: sa.Connection, changesets: Sequence[Changeset]) -> None:
    """Begin the intervals that the changesets name, each at its changeset's stamp."""
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for changeset in changesets:
        for opened in changeset.opened:
            rows[opened.table].append({**opened.values, "valid_from": changeset.stamp})
    for name, found in sorted(rows.items()):
        insert(connection, metadata.tables[name], found)
