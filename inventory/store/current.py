"""Read what is stored of some Droplets, and write what their looks mean.

Every statement concerns many rows: the number of statements depends on the number of tables, not of Droplets. Rows
are written in the order of their keys, so that two writers cannot lock each other out (R12).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from inventory.ends import EXPLAINABLE, EXPLAINABLE_FOR
from inventory.model import (
    BackupPolicy,
    BackupState,
    DropletDay,
    DropletState,
    Plan,
    StoredBackup,
    StoredDroplet,
    StoredPolicy,
)
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

_POLICY_COLUMNS = [backup_policies.c[field.name] for field in fields(BackupPolicy)]
_DAY_COLUMNS = [droplet_days.c[field.name] for field in fields(DropletDay)]


def owners(connection: sa.Connection, backup_ids: Iterable[int]) -> dict[int, int]:
    """Tell for each of these backups that is stored the Droplet it is stored under."""
    rows = connection.execute(
        sa.select(backups.c.id, backups.c.droplet_id).where(backups.c.id.in_(sorted(set(backup_ids))))
    )
    return {row.id: row.droplet_id for row in rows}


def load(
    connection: sa.Connection, droplet_ids: Iterable[int], listed_backup_ids: Iterable[int], now: datetime
) -> dict[int, StoredDroplet]:
    """Read what a look at these Droplets may concern, by Droplet id; those never seen are absent.

    Of their ended backups only those are read that are listed again or whose end may still be explained at `now`.
    """
    ids = sorted(set(droplet_ids))
    states = [
        DropletState(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
        for row in connection.execute(sa.select(droplets).where(droplets.c.id.in_(ids)))
    ]
    tags = _tags(connection, ids)
    policies = _policies(connection, ids)
    stored_backups = _backups(connection, ids, sorted(set(listed_backup_ids)), now)
    days = _last_days(connection, ids, now)
    return {
        state.id: StoredDroplet(
            state=state,
            tags=frozenset(tags[state.id]),
            policies=tuple(policies[state.id]),
            backups=stored_backups[state.id],
            last_day=days.get(state.id),
        )
        for state in states
    }


def _tags(connection: sa.Connection, ids: Sequence[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    query = sa.select(droplet_tags.c.droplet_id, droplet_tags.c.tag)
    for row in connection.execute(query.where(droplet_tags.c.droplet_id.in_(ids), droplet_tags.c.valid_to.is_(None))):
        found[row.droplet_id].append(row.tag)
    return found


def _policies(connection: sa.Connection, ids: Sequence[int]) -> dict[int, list[StoredPolicy]]:
    found: dict[int, list[StoredPolicy]] = defaultdict(list)
    query = sa.select(backup_policies).where(backup_policies.c.droplet_id.in_(ids))
    for row in connection.execute(query.order_by(backup_policies.c.droplet_id, backup_policies.c.valid_from)):
        policy = BackupPolicy(*(row._mapping[column] for column in _POLICY_COLUMNS))  # noqa: SLF001 - as above
        found[row.droplet_id].append(StoredPolicy(policy, row.valid_from, row.valid_to))
    return found


def _backups(
    connection: sa.Connection, ids: Sequence[int], listed: Sequence[int], now: datetime
) -> dict[int, dict[int, StoredBackup]]:
    may_be_explained = sa.and_(backups.c.gone_at >= now - EXPLAINABLE_FOR, backups.c.gone_reason.in_(EXPLAINABLE))
    chosen = sa.and_(
        backups.c.droplet_id.in_(ids),
        sa.or_(backups.c.gone_at.is_(None), backups.c.id.in_(listed), may_be_explained),
    )
    regions: dict[int, list[str]] = defaultdict(list)
    open_regions = sa.select(backup_regions.c.backup_id, backup_regions.c.region).join(backups)
    for row in connection.execute(open_regions.where(chosen, backup_regions.c.valid_to.is_(None))):
        regions[row.backup_id].append(row.region)
    open_version = sa.and_(backup_versions.c.backup_id == backups.c.id, backup_versions.c.valid_to.is_(None))
    query = sa.select(backups, backup_versions.c.valid_from).outerjoin_from(backups, backup_versions, open_version)
    found: dict[int, dict[int, StoredBackup]] = defaultdict(dict)
    for *columns, version_from in connection.execute(query.where(chosen)):
        state = BackupState(**dict(zip(backups.columns.keys(), columns, strict=True)))
        found[state.droplet_id][state.id] = StoredBackup(state, tuple(sorted(regions[state.id])), version_from)
    return found


def _last_days(connection: sa.Connection, ids: Sequence[int], now: datetime) -> dict[int, DropletDay]:
    """Read the rows of today, or of a later day where the clock went back; older ones no look changes."""
    query = sa.select(droplet_days).where(droplet_days.c.droplet_id.in_(ids), droplet_days.c.day >= now.date())
    return {
        row.droplet_id: DropletDay(*(row._mapping[column] for column in _DAY_COLUMNS))  # noqa: SLF001 - as above
        for row in connection.execute(query.order_by(droplet_days.c.day))
    }


def apply(connection: sa.Connection, plans: Sequence[Plan]) -> None:
    """Write what these looks mean, at most one plan a Droplet, in the transaction `connection` is in."""
    upsert(connection, droplets, [asdict(plan.droplet) for plan in plans if plan.droplet])
    upsert(connection, backups, [asdict(backup) for plan in plans for backup in plan.backups])
    _close(connection, plans)
    _open(connection, plans)
    days = [{"droplet_id": plan.look.droplet_id, **asdict(plan.day)} for plan in plans if plan.day]
    upsert(connection, droplet_days, days)


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
        table = metadata.tables[name]
        connection.execute(sa.insert(table), sorted(found, key=itemgetter(*table.primary_key.columns.keys())))
