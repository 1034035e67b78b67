"""The figures of the summary: what there is, what happened lately, and what is large, read together."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from operator import attrgetter

import sqlalchemy as sa

from inventory.judging.findings import Evidence
from inventory.views.queries import Question, ask
from inventory.views.rows import (
    CostNow,
    DropletRetention,
    DropletSizeOnDay,
    Event,
    FleetSizeOnDay,
    SizeGrowth,
    SyncHealth,
)

_LATELY = timedelta(days=7)
_TREND = timedelta(days=30)
_LARGEST = 5


@dataclass(frozen=True, slots=True)
class Large:
    """One of the Droplets with the largest backups; `sizes` of the days with a look, of the last 30, oldest first."""

    growth: SizeGrowth
    retention: DropletRetention
    sizes: Sequence[float]


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of the summary, of all accounts asked for together.

    Attributes:
        droplets: Selected Droplets that exist.
        disabled: Active ones of them that have backups off.
        never_protected: Active ones of them that never had a backup, although backups are not off.
        oldest_backup_at: None if there is no backup, like `newest_backup_at`.
        size_before_gigabytes: Seven days ago, by the last look before that; None if there was none.
        sizes: Gigabytes of the whole fleet, of the days with a look in the last 30, oldest first.
        cost_usd: A month, for Droplets with a known rate and price.
        without_rate: Droplets with backups on, but without a known rate or price.
        lately: Events of the last seven days by name; ends by `backup_ended`, a blank and their reason.
    """

    now: datetime
    health: Sequence[SyncHealth]
    droplets: int
    disabled: int
    never_protected: int
    backups: int
    oldest_backup_at: datetime | None
    newest_backup_at: datetime | None
    size_gigabytes: float
    size_before_gigabytes: float | None
    sizes: Sequence[float]
    cost_usd: float
    without_rate: int
    lately: Mapping[str, int]
    largest: Sequence[Large]


def summarise(connection: sa.Connection, question: Question, evidence: Evidence) -> Summary:
    """Sum up the Droplets of the question, as known at its `now`; `evidence` is what was read to judge them.

    The question's limit is the number of the largest; None means five.
    """
    now, most = question.now, question.limit or _LARGEST
    question = replace(question, limit=None)
    unprotected, retention = evidence.unprotected, evidence.retention
    growth = ask(connection, SizeGrowth, question)
    days = _sizes_by_day(connection, question)
    disabled = sum(row.reason == "backups off" for row in unprotected)
    oldest, newest = _oldest_and_newest(retention)
    cost_usd, without_rate = _cost(connection, question)
    return Summary(
        now=now,
        health=evidence.health,
        droplets=len(evidence.droplet_ids),
        disabled=disabled,
        never_protected=len(unprotected) - disabled,
        backups=sum(row.backups for row in growth),
        oldest_backup_at=oldest,
        newest_backup_at=newest,
        size_gigabytes=sum(row.size_gigabytes for row in growth),
        size_before_gigabytes=_before(days, now),
        sizes=[size for _, size in days],
        cost_usd=cost_usd,
        without_rate=without_rate,
        lately=_lately(evidence.events),
        largest=_largest(connection, question, growth, retention, most),
    )


def _oldest_and_newest(retention: Sequence[DropletRetention]) -> tuple[datetime | None, datetime | None]:
    oldest = min((row.oldest_backup_at for row in retention if row.oldest_backup_at), default=None)
    newest = max((row.newest_backup_at for row in retention if row.newest_backup_at), default=None)
    return oldest, newest


def _cost(connection: sa.Connection, question: Question) -> tuple[float, int]:
    """Give the US dollars of a month, and the number of Droplets with backups on that have no rate or price."""
    estimates = [row.estimated_usd for row in ask(connection, CostNow, question) if row.plan]
    known = [each for each in estimates if each is not None]
    return sum(known), len(estimates) - len(known)


def _sizes_by_day(connection: sa.Connection, question: Question) -> list[tuple[date, float]]:
    """Give the gigabytes of the fleet at the end of each of the last 30 days with a look, the oldest first."""
    lately = replace(question, since=question.now - _TREND)
    sizes: dict[date, float] = defaultdict(float)
    if question.droplet_ids is None:
        for account in ask(connection, FleetSizeOnDay, lately):
            sizes[account.day] += account.size_gigabytes
        return sorted(sizes.items())
    # As fleet_size_by_day does for whole accounts: a Droplet without a look counts with what was last known.
    known: dict[int, float] = {}
    for droplet in sorted(ask(connection, DropletSizeOnDay, lately), key=attrgetter("day")):
        known[droplet.droplet_id] = droplet.size_gigabytes
        sizes[droplet.day] = sum(known.values())
    return sorted(sizes.items())


def _before(days: Sequence[tuple[date, float]], now: datetime) -> float | None:
    return next((size for day, size in reversed(days) if day <= (now - _LATELY).date()), None)


def _lately(events: Iterable[Event]) -> Counter[str]:
    return Counter(f"{row.event} {row.gone_reason}" if row.gone_reason else row.event for row in events)


def _largest(
    connection: sa.Connection,
    question: Question,
    growth: Sequence[SizeGrowth],
    retention: Sequence[DropletRetention],
    most: int,
) -> list[Large]:
    largest = sorted(growth, key=lambda row: -row.size_gigabytes)[:most]
    ids = [row.droplet_id for row in largest if row.backups]
    sizes: dict[int, list[float]] = defaultdict(list)
    for day in ask(connection, DropletSizeOnDay, replace(question, since=question.now - _TREND, droplet_ids=ids)):
        sizes[day.droplet_id].append(day.size_gigabytes)
    kept = {row.droplet_id: row for row in retention}
    return [Large(row, kept[row.droplet_id], sizes[row.droplet_id]) for row in largest if row.droplet_id in sizes]
