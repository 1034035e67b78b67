"""The figures of the summary: what there is, what happened lately, and what is large, read together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial

import sqlalchemy as sa

from inventory.judging.evidence import read_evidence_beside
from inventory.judging.findings import Evidence
from inventory.report.completeness import incomplete_before
from inventory.report.disappeared import Disappeared, read_disappeared
from inventory.report.fleet_sizes import FleetSizes, SizeOnDay, add_up, read_sizes
from inventory.report.kept_days import read_kept
from inventory.store.pruned import known_since
from inventory.views.queries import Question, ask, count_by
from inventory.views.readers import TwoReaders
from inventory.views.rows import (
    CostNow,
    DropletRetention,
    Event,
    KnownDroplet,
    SizeGrowth,
    SyncHealth,
)

_LATELY = timedelta(days=7)
_TREND = timedelta(days=30)
_LARGEST = 5

# The past is shown over a year; of many Droplets over less, but never less than the trends, so that it costs little.
_LONGEST_PAST = timedelta(days=365)
_MOST_LOOKS = 60_000


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
        none_left: Those that had backups and have none left, although backups are on.
        oldest_backup_at: None if there is no backup, like `newest_backup_at`.
        never_looked_at: Droplets of which nothing is known yet; where that is said of all, or no sync was made yet,
            `backups` and `size_gigabytes` are None.
        size_gigabytes: By the last look at each Droplet.
        size_not_fresh_gigabytes: Of these, those known by looks that are overdue.
        size_before_gigabytes: Seven days ago, by the last look at each Droplet before that; None if there was none.
        size_unknown_before_gigabytes: Of `size_gigabytes`, those of Droplets that existed then without a look.
        sizes: Gigabytes of all Droplets, of the days with a look in the last 30, oldest first.
        past_since: Where `size_by_day` begins: a year ago, or later where there are many Droplets.
        size_by_day: Of the days with a look since then, oldest first.
        disappeared_since: Where `disappeared` begins: there too, or later where history was pruned.
        disappeared: What ended since then and had not expired, oldest first.
        cost_usd: A month, for Droplets with a known policy, rate and price; None if no Droplet has them, or no sync was
            made yet.
        without_rate: Droplets without one of these.
        lately: Events of the last seven days by name; ends by `backup_ended`, a blank and their reason.
        incomplete_before: Before when anything else may be missing, because history was pruned; None if nothing can.
        no_longer_configured: Accounts that were synced once, and whose figures are therefore left out.
    """

    now: datetime
    health: Sequence[SyncHealth]
    droplets: int
    disabled: int
    never_protected: int
    none_left: int
    never_looked_at: int
    backups: int | None
    oldest_backup_at: datetime | None
    newest_backup_at: datetime | None
    size_gigabytes: float | None
    size_not_fresh_gigabytes: float
    size_before_gigabytes: float | None
    size_before_not_fresh_gigabytes: float
    size_unknown_before_gigabytes: float
    sizes: Sequence[float]
    past_since: datetime
    size_by_day: Sequence[SizeOnDay]
    disappeared_since: datetime
    disappeared: Sequence[Disappeared]
    cost_usd: float | None
    without_rate: int
    lately: Mapping[str, int]
    largest: Sequence[Large]
    incomplete_before: datetime | None
    no_longer_configured: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Figures:
    """What is read for a summary beside what is judged.

    Attributes:
        droplets: All that the question has, gone ones included.
        past_since: Where `size_by_day` begins, on the same UTC day.
        before: What was known of each Droplet after the day seven days ago.
        disappeared_since: Where `disappeared` begins: `past_since`, or later where history was pruned.
        lately: Events of the last seven days by name; ends by `backup_ended`, a blank and their reason.
    """

    droplets: Sequence[KnownDroplet]
    costs: Sequence[CostNow]
    past_since: datetime
    size_by_day: Sequence[SizeOnDay]
    before: FleetSizes
    disappeared_since: datetime
    disappeared: Sequence[Disappeared]
    lately: Mapping[str, int]


def read(readers: TwoReaders, question: Question) -> tuple[Evidence, Figures]:
    """Read what is judged of the Droplets of the question, and what a summary shows beside it."""
    question = replace(question, limit=None)
    return read_evidence_beside(partial(_read_figures, question=question), readers, question)


def _read_figures(connection: sa.Connection, droplets: Sequence[KnownDroplet], question: Question) -> Figures:
    """Read what was known of these Droplets, which are those of the question; of the past as much as is shown."""
    past_since = question.now - _past(sum(each.is_current for each in droplets))
    kept, kept_until = read_kept(connection, question, droplets, past_since.date())
    lately = read_sizes(connection, question, droplets, kept_until)
    after = _week_before(question.now) + timedelta(days=1)
    kept_since = known_since(connection, question.accounts)
    disappeared_since = max(past_since, kept_since.as_of) if kept_since else past_since
    return Figures(
        droplets=droplets,
        costs=ask(connection, CostNow, question),
        past_since=past_since,
        size_by_day=[*kept, *lately.totals()],
        before=lately if kept_until <= after else read_sizes(connection, question, droplets, after, before=after),
        disappeared_since=disappeared_since,
        disappeared=read_disappeared(connection, question, droplets, disappeared_since),
        lately=_lately(connection, replace(question, since=question.now - _LATELY)),
    )


def summarise(connection: sa.Connection, question: Question, evidence: Evidence, figures: Figures) -> Summary:
    """Sum up the Droplets of the question, as known at its `now`; `evidence` is what was read to judge them.

    The question's limit is the number of the largest; None means five.
    """
    now, most = question.now, question.limit or _LARGEST
    question = replace(question, limit=None)
    unprotected, retention = evidence.unprotected, evidence.retention
    costs = figures.costs
    now_stored = {row.droplet_id: row.size_gigabytes for row in costs if row.size_gigabytes is not None}
    # How they grow costs too much to read of all.
    most_stored = _most_stored(now_stored, retention, most)
    of_most = replace(question, droplet_ids=most_stored)
    growth = ask(connection, SizeGrowth, of_most)
    trend_since = (now - _TREND).date()
    largest = [each for each in figures.droplets if each.droplet_id in most_stored]
    trends = read_sizes(connection, of_most, largest, trend_since)
    before = figures.before.total(_week_before(now), {row.account: row.overdue_after for row in evidence.health})
    disabled = sum(row.reason == "backups off" for row in unprotected)
    oldest, newest = _oldest_and_newest(retention)
    cost_usd, without_rate = _cost(costs, evidence)
    backups, gigabytes = _total(now_stored, evidence)
    return Summary(
        now=now,
        health=evidence.health,
        droplets=len(evidence.droplet_ids),
        disabled=disabled,
        never_protected=len(unprotected) - disabled,
        none_left=len(_without_any(retention) - {row.droplet_id for row in unprotected}),
        never_looked_at=len(evidence.droplet_ids) - len(now_stored),
        backups=backups,
        oldest_backup_at=oldest,
        newest_backup_at=newest,
        size_gigabytes=gigabytes,
        size_not_fresh_gigabytes=_not_fresh(now_stored, evidence, now),
        size_before_gigabytes=before.size_gigabytes if before else None,
        size_before_not_fresh_gigabytes=before.not_fresh_gigabytes if before else 0.0,
        size_unknown_before_gigabytes=_unknown(now_stored, figures.before, _week_before(now)),
        sizes=_from(trend_since, figures.size_by_day),
        past_since=figures.past_since,
        size_by_day=figures.size_by_day,
        disappeared_since=figures.disappeared_since,
        disappeared=figures.disappeared,
        cost_usd=cost_usd,
        without_rate=without_rate,
        lately=figures.lately,
        largest=_largest(growth, trends, trend_since, retention),
        incomplete_before=incomplete_before(connection, question, None, looks_back=_LATELY),
    )


def _total(stored: Mapping[int, float], evidence: Evidence) -> tuple[int | None, float | None]:
    """Count the backups and add up their gigabytes; None where no Droplet was looked at."""
    if not stored and (evidence.droplet_ids or not evidence.health):
        return None, None
    return sum(row.backups or 0 for row in evidence.retention), add_up(stored.values())


def _past(droplets: int) -> timedelta:
    """Tell over how long the past of so many Droplets is read."""
    return min(max(timedelta(days=_MOST_LOOKS // max(droplets, 1)), _TREND), _LONGEST_PAST)


def _week_before(now: datetime) -> date:
    return (now - _LATELY).date()


def _from(since: date, days: Iterable[SizeOnDay]) -> list[float]:
    return [each.size_gigabytes for each in days if each.day >= since]


def _oldest_and_newest(retention: Sequence[DropletRetention]) -> tuple[datetime | None, datetime | None]:
    oldest = min((row.oldest_backup_at for row in retention if row.oldest_backup_at), default=None)
    newest = max((row.newest_backup_at for row in retention if row.newest_backup_at), default=None)
    return oldest, newest


def _without_any(retention: Sequence[DropletRetention]) -> set[int]:
    return {row.droplet_id for row in retention if row.verdict == "too few" and row.backups == 0}


def _cost(costs: Iterable[CostNow], evidence: Evidence) -> tuple[float | None, int]:
    """Give the US dollars of a month, and the number of Droplets that have no known policy, rate or price."""
    estimates = [row.estimated_usd for row in costs]
    known = [each for each in estimates if each is not None]
    has_none_to_pay = bool(evidence.health and not estimates)
    return (add_up(known) if known or has_none_to_pay else None), len(estimates) - len(known)


def _not_fresh(stored: Mapping[int, float], evidence: Evidence, now: datetime) -> float:
    """Add up what is known by looks that are overdue, as sync_health counts them."""
    overdue_after = {row.account: row.overdue_after for row in evidence.health}
    stale = {
        each.droplet_id
        for each in evidence.droplets
        if each.account in overdue_after
        and each.last_observed_at
        and now - each.last_observed_at > overdue_after[each.account]
    }
    return add_up(size for droplet_id, size in stored.items() if droplet_id in stale)


def _unknown(stored: Mapping[int, float], sizes: FleetSizes, day: date) -> float:
    """Add up what Droplets have that existed on a day, but had not been looked at."""
    known = sizes.known(day)
    there = {each.droplet_id for each in sizes.droplets if not each.created_at or each.created_at.date() <= day}
    unknown = there - known.keys()
    return add_up(size for droplet_id, size in stored.items() if droplet_id in unknown)


def _lately(connection: sa.Connection, question: Question) -> dict[str, int]:
    counts = count_by(connection, Event, question, ("event", "gone_reason"))
    return {f"{event} {reason}" if reason else event: events for (event, reason), events in counts.items()}


def _most_stored(stored: Mapping[int, float], retention: Iterable[DropletRetention], most: int) -> list[int]:
    """Name the Droplets with the largest backups; of two of one size the first in the order of the report."""
    kept = [row for row in retention if row.backups and row.droplet_id in stored]
    return [row.droplet_id for row in sorted(kept, key=lambda row: -stored[row.droplet_id])[:most]]


def _largest(
    growth: Sequence[SizeGrowth], sizes: FleetSizes, since: date, retention: Sequence[DropletRetention]
) -> list[Large]:
    kept = {row.droplet_id: row for row in retention}
    largest = sorted(growth, key=lambda row: -row.size_gigabytes)
    return [Large(row, kept[row.droplet_id], sizes.of(row.droplet_id, since)) for row in largest]
