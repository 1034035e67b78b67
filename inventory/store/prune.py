"""Delete what no answer about the days to keep needs. Nothing else deletes history (R3).

It deletes ended backups with their versions and regions, finished sync runs with their attempts, and what people were
told of findings that are over. It keeps what is stored by Droplet: `droplet_days`, tags, policies and attributes. Every
view then answers about the days kept, and as of each of them, as it did before. For that, more is kept than those days:

- backups made in the 90 days before, which the views of growth and retention read, back to the beginning of a month,
  so that every month is whole or gone,
- the last backups of each Droplet that ended before, whenever they were made: later ones are compared with them, and
  they show that the Droplet had backups,
- the last complete run before, by its number and by its end, and every later run: failures are counted from there.

Syncs may run meanwhile. They do not touch what ended so long ago, except a backup that is listed again: each
transaction here locks its backups, and leaves those that are no longer gone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import sqlalchemy as sa

from inventory.store.engine import Database
from inventory.store.schema import (
    accounts,
    backup_regions,
    backup_versions,
    backups,
    notice_attempts,
    notice_digests,
    notices,
    sync_listings,
    sync_runs,
)
from inventory.views.queries import RECENT
from inventory.vocabulary import RunMode, RunStatus

LEAST_DAYS = RECENT.days
"""How far back views look unless a question says how far: with fewer days kept, their usual answers would change."""

_JUDGED_BY = 7  # a backup is compared with so many before it (view size_anomalies)
_LOOKED_BACK = RECENT  # the view size_growth looks furthest back from any moment
_BATCH_BACKUPS = 1_000
_BATCH_RUNS = 100  # each with up to one attempt for each Droplet


@dataclass(frozen=True, slots=True)
class Prunable:
    """What can be deleted.

    Attributes:
        ended_before: A UTC midnight; only what ended before it can be deleted.
        made_before: The beginning of a UTC month; all backups made later are kept.
        backup_ids: In the order in which they ended.
        run_ids: In the order in which they started.
        rows: Table -> how many of its rows can be deleted.
    """

    ended_before: datetime
    made_before: datetime
    backup_ids: Sequence[int]
    run_ids: Sequence[int]
    rows: dict[str, int]


def find(database: Database, *, keep_days: int, today: date) -> Prunable:
    """Find what can be deleted if so many UTC days before `today` are kept."""
    ended_before = datetime.combine(today - timedelta(days=keep_days), time(), UTC)
    made_before = (ended_before - _LOOKED_BACK).replace(day=1)
    ended, finished = _ended_backups(ended_before, made_before), _finished_runs(ended_before)
    with database.reading() as connection:
        backup_ids = list(connection.scalars(ended.order_by("gone_at", "id")))
        run_ids = list(connection.scalars(finished.order_by(sync_runs.c.id)))
        rows = {
            "backups": len(backup_ids),
            "backup_versions": _count(connection, backup_versions.c.backup_id.in_(ended)),
            "backup_regions": _count(connection, backup_regions.c.backup_id.in_(ended)),
            "sync_runs": len(run_ids),
            "sync_listings": _count(connection, sync_listings.c.run_id.in_(finished)),
            **{table.name: _count(connection, told) for table, told in _of_messages(ended_before).items()},
        }
    return Prunable(ended_before, made_before, backup_ids, run_ids, rows)


def _count(connection: sa.Connection, condition: sa.ColumnElement[bool]) -> int:
    return connection.execute(sa.select(sa.func.count()).where(condition)).scalar_one()


def _of_messages(before: datetime) -> dict[sa.Table, sa.ColumnElement[bool]]:
    """Return what was over before, of what people were told."""
    return {
        notices: notices.c.ended_at < before,
        notice_attempts: notice_attempts.c.ended_at < before,
        notice_digests: notice_digests.c.due_at < before,
    }


def _ended_backups(ended_before: datetime, made_before: datetime) -> sa.Select[int]:
    place = sa.func.row_number().over(
        partition_by=backups.c.droplet_id, order_by=(backups.c.created_at.desc(), backups.c.id.desc())
    )
    columns = (backups.c.id, backups.c.created_at, backups.c.gone_at, place.label("place"))
    ended = sa.select(*columns).where(backups.c.gone_at < ended_before).subquery()
    return sa.select(ended.c.id).where(ended.c.place > _JUDGED_BY, ended.c.created_at < made_before)


def _finished_runs(before: datetime) -> sa.Select[int]:
    is_complete = sa.and_(sync_runs.c.status == RunStatus.COMPLETE, sync_runs.c.mode != RunMode.SUBSET)
    # The one that ended last is another than the last one where the clock was set back between them.
    ended_last = sa.func.first_value(sync_runs.c.id).over(
        partition_by=sync_runs.c.account_id, order_by=(sync_runs.c.finished_at.desc(), sync_runs.c.id.desc())
    )
    complete = (
        sa.select(sync_runs.c.account_id, sync_runs.c.id, ended_last.label("ended_last_id"))
        .where(is_complete, sync_runs.c.finished_at < before)
        .subquery()
    )
    last_complete = (
        sa.select(complete.c.account_id, sa.func.max(complete.c.id).label("id"), complete.c.ended_last_id)
        .group_by(complete.c.account_id, complete.c.ended_last_id)
        .subquery()
    )
    return (
        sa.select(sync_runs.c.id)
        .join(last_complete, last_complete.c.account_id == sync_runs.c.account_id)
        .where(
            sync_runs.c.id < last_complete.c.id,
            sync_runs.c.id != last_complete.c.ended_last_id,
            sync_runs.c.finished_at < before,
        )
    )


def delete(database: Database, prunable: Prunable) -> Iterator[int]:
    """Delete it in many transactions; yield after each how many backups or runs it was about.

    The first transaction records in `accounts` since when history is complete. If this stops at any point, a later call
    finds and deletes the rest.
    """
    for batch in _batches(prunable.backup_ids, _BATCH_BACKUPS):
        with database.writing() as connection:
            _record(connection, accounts.c.complete_since, prunable.ended_before)
            # From then on the views do not judge windows before.
            _record(connection, accounts.c.pruned_before, prunable.made_before)
            _delete_backups(connection, batch, prunable.ended_before)
        yield len(batch)
    for table, told in _of_messages(prunable.ended_before).items():
        if prunable.rows[table.name]:
            with database.writing() as connection:
                connection.execute(sa.delete(table).where(told))
            yield 0
    for batch in _batches(prunable.run_ids, _BATCH_RUNS):
        with database.writing() as connection:
            _record(connection, accounts.c.complete_since, prunable.ended_before)
            connection.execute(sa.delete(sync_listings).where(sync_listings.c.run_id.in_(batch)))
            connection.execute(sa.delete(sync_runs).where(sync_runs.c.id.in_(batch)))
        yield len(batch)


def _batches(ids: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    return (ids[first : first + size] for first in range(0, len(ids), size))


def _record(connection: sa.Connection, column: sa.Column[datetime], moment: datetime) -> None:
    """Write the moment unless a later one stands there; of all accounts, because Droplets move between them (R6)."""
    is_news = sa.or_(column.is_(None), column < moment)
    connection.execute(sa.update(accounts).where(is_news).values({column: moment}))


def _delete_backups(connection: sa.Connection, ids: Sequence[int], before: datetime) -> None:
    still_gone = sa.select(backups.c.id).where(backups.c.id.in_(ids), backups.c.gone_at < before)
    # In the order of their keys, as every other writer does (R12).
    locked = list(connection.scalars(still_gone.order_by(backups.c.id).with_for_update()))
    for key in (backup_regions.c.backup_id, backup_versions.c.backup_id, backups.c.id):
        connection.execute(sa.delete(key.table).where(key.in_(locked)))
