"""The gigabytes of all Droplets over some days, each day with what was last known of every one of them.

A Droplet without a look on a day counts with what its last look before found, however long ago that was: a day on which
only some could be looked at is no dip. It counts from its first look to the day on which it was found gone or was no
longer selected, as in the view fleet_size_by_day.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

import sqlalchemy as sa

from inventory.store.droplet_records import sizes
from inventory.views.queries import Question, ask
from inventory.views.rows import DropletSize, DropletSizeOnDay, KnownDroplet, SyncHealth


class Known(NamedTuple):
    """What a look found of a Droplet, and its day."""

    day: date
    size_gigabytes: float


@dataclass(frozen=True, slots=True)
class Total:
    """What all Droplets came to after a day; of this, `not_fresh_gigabytes` are known by looks that were overdue."""

    size_gigabytes: float
    not_fresh_gigabytes: float


@dataclass(frozen=True, slots=True)
class FleetSizes:
    """The looks at some Droplets since a day, and what was known of them before it.

    Attributes:
        droplets: Every one of them ever known, gone ones included.
        before: Droplet -> its last look before the first day.
        looks: Day -> Droplet -> what was found, the oldest day first.
        overdue_after: Account -> after how long without a look what is known is no longer fresh.
    """

    droplets: Sequence[KnownDroplet]
    before: Mapping[int, Known]
    looks: Mapping[date, Mapping[int, Known]]
    overdue_after: Mapping[str, timedelta]

    def of(self, droplet_id: int, since: date) -> list[float]:
        """Give the gigabytes of one Droplet, of the days with a look from a day on, oldest first."""
        return [
            add_up([found[droplet_id].size_gigabytes])
            for day, found in self.looks.items()
            if day >= since and droplet_id in found
        ]

    def totals(self) -> Iterator[tuple[date, Total]]:
        """Add up each day with a look, the oldest first."""
        known = dict(self.before)
        for day, found in self.looks.items():
            known |= found
            yield day, self._total(day, known)

    def total(self, day: date) -> Total | None:
        """Add up what was known after one day, with or without a look; None if nothing was."""
        known = self.known(day)
        return self._total(day, known) if known else None

    def known(self, day: date) -> Mapping[int, Known]:
        """Give what was last known of each Droplet after a day."""
        known = dict(self.before)
        for each, found in self.looks.items():
            if each <= day:
                known |= found
        return known

    def _total(self, day: date, known: Mapping[int, Known]) -> Total:
        counted = [
            (each.account, known[each.droplet_id])
            for each in self.droplets
            if each.droplet_id in known and day <= _last_day(each)
        ]
        return Total(
            add_up(found.size_gigabytes for _, found in counted),
            add_up(
                found.size_gigabytes
                for account, found in counted
                if day - found.day > self.overdue_after.get(account, timedelta.max)
            ),
        )


def read_sizes(connection: sa.Connection, question: Question, since: date, health: Iterable[SyncHealth]) -> FleetSizes:
    """Read the looks at the Droplets of the question, from a UTC day on."""
    droplets = ask(connection, KnownDroplet, question)
    # By id, because a Droplet may have been of another account then.
    is_narrowed = question.accounts is not None or question.droplet_ids is not None
    ids = [each.droplet_id for each in droplets] if is_narrowed else None
    today = question.now.date()
    looks: dict[date, dict[int, Known]] = defaultdict(dict)
    for droplet_id, day, size in sizes(connection, since, today, ids):
        looks[day][droplet_id] = Known(day, size)
    # The stored row of the last day may be of a later look.
    for row in ask(connection, DropletSizeOnDay, replace(question, since=_midnight(today))):
        looks[row.day][row.droplet_id] = Known(row.day, row.size_gigabytes)
    return FleetSizes(
        droplets=droplets,
        before=_read_before(connection, since, ids),
        looks=dict(sorted(looks.items())),
        overdue_after={row.account: row.overdue_after for row in health},
    )


def _read_before(connection: sa.Connection, day: date, ids: Collection[int] | None) -> dict[int, Known]:
    """Read what was known when a day began."""
    then = Question(now=_midnight(day) - timedelta(seconds=1), droplet_ids=ids)
    looked_at = {each.droplet_id: each.last_observed_at for each in ask(connection, KnownDroplet, then)}
    return {
        row.droplet_id: Known(at.date(), row.size_gigabytes)
        for row in ask(connection, DropletSize, then)
        if (at := looked_at[row.droplet_id])
    }


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _last_day(droplet: KnownDroplet) -> date:
    ends = [at.date() for at in (droplet.gone_at, droplet.unselected_since) if at]
    return min(ends, default=date.max)


def add_up(figures: Iterable[float]) -> float:
    """Add figures up to the fourth decimal, in any order the same; what is nothing is no negative zero."""
    return round(math.fsum(figures), 4) + 0.0
