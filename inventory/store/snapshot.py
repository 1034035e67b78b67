"""The figures of one moment that the metrics show."""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from inventory.store.schema import accounts, backups, droplets, sync_runs
from inventory.views.queries import Question, stream
from inventory.views.rows import CostNow
from inventory.vocabulary import RunMode, RunStatus

DURATION_BUCKETS = (1, 5, 15, 60, 300, 900, 1800, 3600)
"""Upper bounds, in seconds, of the buckets that count how long runs took."""

_LOOKS = {
    "complete": sync_runs.c.droplets_complete - sync_runs.c.droplets_proven,
    "proven": sync_runs.c.droplets_proven,
    "incomplete": sync_runs.c.droplets_incomplete,
    "failed": sync_runs.c.droplets_failed,
}
_is_live = sa.and_(backups.c.gone_at.is_(None), droplets.c.gone_at.is_(None), droplets.c.unselected_since.is_(None))


@dataclass(frozen=True, slots=True)
class AccountFigures:
    """One account in figures.

    Attributes:
        last_attempt_at: When the last run over the whole configuration that was not interrupted began; None if there
            was none.
        last_success_at: When the last complete run over the whole configuration ended; None if there was none.
        last_status: Of the last run that ended.
        overdue_after_seconds: How long after a complete run the next is overdue, by the schedule of the last run that
            ended; None without one.
        rate_limit_remaining: Requests left, as DigitalOcean last said in that run; None if it did not.
        runs: How many ended, by status.
        durations: Seconds, as in `DURATION_BUCKETS` -> how many runs took at most as long, interrupted ones aside.
        duration_seconds: How long all runs took together, interrupted ones aside.
        timed_runs: How many those are.
        looks: Outcome, `complete`, `proven`, `incomplete` or `failed` -> how many attempts had it.
        requests: Sent to DigitalOcean, retries included.
        droplets: How many are selected and not known to be gone.
        backups: How many of these Droplets' backups exist.
        backups_gigabytes: Their size, as billed.
        backups_held: How many of them are missing, and held by the brake.
        monthly_cost_usd: What they cost a month, as things are now, of Droplets of which it is known; None without one.
    """

    name: str
    last_attempt_at: datetime | None = None
    last_success_at: datetime | None = None
    last_status: str | None = None
    overdue_after_seconds: int | None = None
    rate_limit_remaining: int | None = None
    runs: Mapping[str, int] = field(default_factory=dict)
    durations: Mapping[int, int] = field(default_factory=dict)
    duration_seconds: float = 0.0
    timed_runs: int = 0
    looks: Mapping[str, int] = field(default_factory=dict)
    requests: int = 0
    droplets: int = 0
    backups: int = 0
    backups_gigabytes: float = 0.0
    backups_held: int = 0
    monthly_cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class NewestBackup:
    """The newest backup that exists of one Droplet, and when the oldest was made.

    Attributes:
        due_at: When the window ends in which the next is due, as DigitalOcean says; None if it does not.
    """

    account: str
    droplet_id: int
    droplet: str
    created_at: datetime
    oldest_at: datetime
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is known at one moment.

    Attributes:
        now: The moment.
        accounts: By name.
        newest_backups: The oldest first; Droplets without a backup are absent.
    """

    now: datetime
    accounts: tuple[AccountFigures, ...] = ()
    newest_backups: tuple[NewestBackup, ...] = ()

    def last_attempt_at(self, configured: Collection[str]) -> datetime | None:
        """Return when a sync of each of these accounts was last attempted, the earliest; None if one never was."""
        tried = {each.name: each.last_attempt_at for each in self.accounts}
        times = [tried.get(name) for name in configured]
        known = [at for at in times if at is not None]
        return min(known) if known and len(known) == len(times) else None


def read_snapshot(
    connection: sa.Connection, now: datetime, *, most_droplets: int, names: Collection[str] | None = None
) -> Snapshot:
    """Read the figures of the stored accounts of these names, and the newest backup of at most so many Droplets.

    `names` None means every account.
    """
    is_wanted = sa.true() if names is None else accounts.c.name.in_(names)
    rows = connection.execute(sa.select(accounts.c.id, accounts.c.name).where(is_wanted))
    names_by_id = {row.id: row.name for row in rows}
    by_account = [_runs(connection), _last_runs(connection), _fleet(connection), _backups(connection)]
    costs = _costs(connection, now, names)
    figures = (
        AccountFigures(
            name=name,
            monthly_cost_usd=costs.get(name),
            **{key: value for part in by_account for key, value in part.get(number, {}).items()},
        )
        for number, name in names_by_id.items()
    )
    return Snapshot(
        now=now,
        accounts=tuple(sorted(figures, key=lambda each: each.name)),
        newest_backups=_newest_backups(connection, is_wanted, most_droplets) if most_droplets else (),
    )


_Parts = dict[int, dict[str, Any]]


def _runs(connection: sa.Connection) -> _Parts:
    """Sum up the runs that ended, by account."""
    runs = sync_runs.c
    seconds = sa.extract("epoch", runs.finished_at) - sa.extract("epoch", runs.started_at)
    whole = sa.case((runs.mode != RunMode.SUBSET, runs.started_at))
    query = (
        sa.select(
            runs.account_id,
            runs.status,
            sa.func.count().label("runs"),
            sa.func.sum(runs.requests).label("requests"),
            sa.type_coerce(sa.func.max(whole), runs.started_at.type).label("last_started_at"),
            sa.type_coerce(
                sa.func.max(sa.case((runs.mode != RunMode.SUBSET, runs.finished_at))), runs.started_at.type
            ).label("last_finished_at"),
            sa.func.sum(seconds).label("seconds"),
            *(sa.func.sum(expression).label(name) for name, expression in _LOOKS.items()),
            *(sa.func.sum(sa.case((seconds <= most, 1), else_=0)).label(f"up_to_{most}") for most in DURATION_BUCKETS),
        )
        .where(runs.status != RunStatus.RUNNING)
        .group_by(runs.account_id, runs.status)
    )
    found: dict[int, list[sa.RowMapping]] = {}
    for row in connection.execute(query).mappings():
        found.setdefault(row["account_id"], []).append(row)
    return {number: _summed(rows) for number, rows in found.items()}


def _summed(rows: list[sa.RowMapping]) -> dict[str, Any]:
    # An interrupted run has as its end the moment when that was noticed.
    timed = [row for row in rows if row["status"] != RunStatus.INTERRUPTED]
    attempts = [row["last_started_at"] for row in timed if row["last_started_at"]]
    return {
        "last_attempt_at": max(attempts, default=None),
        "last_success_at": next((row["last_finished_at"] for row in rows if row["status"] == RunStatus.COMPLETE), None),
        "runs": {row["status"]: row["runs"] for row in sorted(rows, key=lambda row: str(row["status"]))},
        "durations": {most: _total(timed, f"up_to_{most}") for most in DURATION_BUCKETS},
        "duration_seconds": float(sum(row["seconds"] for row in timed)),
        "timed_runs": _total(timed, "runs"),
        "looks": {name: _total(rows, name) for name in _LOOKS},
        "requests": _total(rows, "requests"),
    }


def _total(rows: Iterable[sa.RowMapping], name: str) -> int:
    return sum(int(row[name]) for row in rows)


def _last_runs(connection: sa.Connection) -> _Parts:
    runs = sync_runs.c
    last = sa.select(sa.func.max(runs.id)).where(runs.status != RunStatus.RUNNING).group_by(runs.account_id)
    columns = (runs.status.label("last_status"), runs.overdue_after_seconds, runs.rate_limit_remaining)
    query = sa.select(runs.account_id, *columns).where(runs.id.in_(last))
    rows = connection.execute(query).mappings()
    return {row["account_id"]: {key: row[key] for key in row if key != "account_id"} for row in rows}


def _fleet(connection: sa.Connection) -> _Parts:
    query = (
        sa.select(droplets.c.account_id, sa.func.count().label("droplets"))
        .where(droplets.c.gone_at.is_(None), droplets.c.unselected_since.is_(None))
        .group_by(droplets.c.account_id)
    )
    return {row.account_id: {"droplets": row.droplets} for row in connection.execute(query)}


def _backups(connection: sa.Connection) -> _Parts:
    query = (
        sa.select(
            droplets.c.account_id,
            sa.func.count().label("backups"),
            sa.func.sum(backups.c.size_gigabytes).label("backups_gigabytes"),
            sa.func.count(backups.c.missing_since).label("backups_held"),
        )
        .join_from(backups, droplets)
        .where(_is_live)
        .group_by(droplets.c.account_id)
    )
    rows = connection.execute(query).mappings()
    return {row["account_id"]: {key: row[key] for key in row if key != "account_id"} for row in rows}


def _costs(connection: sa.Connection, now: datetime, names: Collection[str] | None) -> dict[str, float]:
    """Add up by account what is known of the view cost_now."""
    found: dict[str, list[float]] = defaultdict(list)
    for row in stream(connection, CostNow, Question(now, accounts=names)):
        if row.estimated_usd is not None:
            found[row.account].append(row.estimated_usd)
    return {name: round(math.fsum(usd), 4) for name, usd in found.items()}


def _newest_backups(
    connection: sa.Connection, is_wanted: sa.ColumnElement[bool], most: int
) -> tuple[NewestBackup, ...]:
    newest = sa.type_coerce(sa.func.max(backups.c.created_at), backups.c.created_at.type).label("newest")
    oldest = sa.type_coerce(sa.func.min(backups.c.created_at), backups.c.created_at.type).label("oldest")
    due = droplets.c.next_window_ends_at
    query = (
        sa.select(accounts.c.name, droplets.c.id, droplets.c.name.label("droplet"), newest, oldest, due)
        .select_from(backups.join(droplets).join(accounts))
        .where(_is_live, is_wanted)
        .group_by(accounts.c.name, droplets.c.id, droplets.c.name, due)
        .order_by(newest, droplets.c.id)
        .limit(most)
    )
    return tuple(NewestBackup(*row) for row in connection.execute(query))
