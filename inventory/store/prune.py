"""Delete what no question about the days to keep needs: the only thing that ever deletes (R3).

Deleted are ended backups with their versions and regions, and finished sync runs with their attempts. What is stored
once a Droplet stays: `droplet_days`, and the tags, policies and attributes that days and months are read with. Every
view then answers about the days kept, and as of each of them, as it did before. That takes more than those days:

- backups made in the 90 days before, through which growth is measured and by which retention is judged, back to the
  beginning of a month, so that no month is half told,
- of each Droplet the last that ended before, whenever made: the next are held against them, and it is known to have
  had any,
- runs from the last complete one of before on: failures are counted from there.

No sync is kept out. None touches what ended so long ago, but for a backup that is listed again; each transaction here
locks its backups and leaves those that are no longer gone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import sqlalchemy as sa

from inventory.store.engine import Database
from inventory.store.schema import accounts, backup_regions, backup_versions, backups, sync_listings, sync_runs
from inventory.views.queries import RECENT
from inventory.vocabulary import RunMode, RunStatus

LEAST_DAYS = RECENT.days
"""So far back views look where nobody says how far: with fewer days kept, their everyday answers would change."""

_JUDGED_BY = 7  # so many before it is a backup held against (view size_anomalies)
_LOOKED_BACK = RECENT  # so far back from any moment does view size_growth, and none further
_BATCH_BACKUPS = 1_000
_BATCH_RUNS = 100  # each with up to one attempt a Droplet


@dataclass(frozen=True, slots=True)
class Prunable:
    """What can be deleted.

    Attributes:
        ended_before: Only what ended before this UTC midnight.
        made_before: Only backups made before this beginning of a UTC month; later ones are all kept.
        backup_ids: In the order in which they ended.
        run_ids: In the order of their beginning.
        rows: Table -> how many rows of it are meant.
    """

    ended_before: datetime
    made_before: datetime
    backup_ids: Sequence[int]
    run_ids: Sequence[int]
    rows: dict[str, int]


def find(database: Database, *, keep_days: int, today: date) -> Prunable:
    """Find what can be deleted where so many UTC days before `today` are kept."""
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
        }
    return Prunable(ended_before, made_before, backup_ids, run_ids, rows)


def _count(connection: sa.Connection, condition: sa.ColumnElement[bool]) -> int:
    return connection.execute(sa.select(sa.func.count()).where(condition)).scalar_one()


def _ended_backups(ended_before: datetime, made_before: datetime) -> sa.Select[int]:
    place = sa.func.row_number().over(
        partition_by=backups.c.droplet_id, order_by=(backups.c.created_at.desc(), backups.c.id.desc())
    )
    columns = (backups.c.id, backups.c.created_at, backups.c.gone_at, place.label("place"))
    ended = sa.select(*columns).where(backups.c.gone_at < ended_before).subquery()
    return sa.select(ended.c.id).where(ended.c.place > _JUDGED_BY, ended.c.created_at < made_before)


def _finished_runs(before: datetime) -> sa.Select[int]:
    is_complete = sa.and_(sync_runs.c.status == RunStatus.COMPLETE, sync_runs.c.mode != RunMode.SUBSET)
    last_complete = (
        sa.select(sync_runs.c.account_id, sa.func.max(sync_runs.c.id).label("id"))
        .where(is_complete, sync_runs.c.finished_at < before)
        .group_by(sync_runs.c.account_id)
        .subquery()
    )
    return (
        sa.select(sync_runs.c.id)
        .join(last_complete, last_complete.c.account_id == sync_runs.c.account_id)
        .where(sync_runs.c.id < last_complete.c.id, sync_runs.c.finished_at < before)
    )


def delete(database: Database, prunable: Prunable) -> Iterator[int]:
    """Delete it, a transaction after the other; give after each how many backups and runs were meant by it.

    The accounts say from the first transaction on that not all is there. Cut short anywhere, what is left can be
    found and deleted another time.
    """
    for batch in _batches(prunable.backup_ids, _BATCH_BACKUPS):
        with database.writing() as connection:
            _record(connection, prunable.made_before)
            _delete_backups(connection, batch, prunable.ended_before)
        yield len(batch)
    for batch in _batches(prunable.run_ids, _BATCH_RUNS):
        with database.writing() as connection:
            connection.execute(sa.delete(sync_listings).where(sync_listings.c.run_id.in_(batch)))
            connection.execute(sa.delete(sync_runs).where(sync_runs.c.id.in_(batch)))
        yield len(batch)


def _batches(ids: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    return (ids[first : first + size] for first in range(0, len(ids), size))


def _record(connection: sa.Connection, before: datetime) -> None:
    """Let the views claim nothing of windows before; of all accounts, because Droplets move between them (R6)."""
    is_news = sa.or_(accounts.c.pruned_before.is_(None), accounts.c.pruned_before < before)
    connection.execute(sa.update(accounts).where(is_news).values(pruned_before=before))


def _delete_backups(connection: sa.Connection, ids: Sequence[int], before: datetime) -> None:
    still_gone = sa.select(backups.c.id).where(backups.c.id.in_(ids), backups.c.gone_at < before)
    # In the order of their keys, as whoever else writes them does (R12).
    locked = list(connection.scalars(still_gone.order_by(backups.c.id).with_for_update()))
    for key in (backup_regions.c.backup_id, backup_versions.c.backup_id, backups.c.id):
        connection.execute(sa.delete(key.table).where(key.in_(locked)))
