"""The gigabytes of all Droplets over some days, each day with what was last known of every one of them.

A Droplet without a look on a day counts with what its last look before found, however long ago that was: a day on which
only some could be looked at is no dip. It counts from its first look to the day on which it was found gone or was no
longer selected, as in the view fleet_size_by_day.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import sqlalchemy as sa

from inventory.store.droplet_records import is_newest, last_sizes, sizes
from inventory.views.queries import Question, ask
from inventory.views.rows import DropletSizeAtLastLook, KnownDroplet

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class SizeOnDay:
    """The gigabytes of all Droplets after a day, each by its last look."""

    day: date
    size_gigabytes: float


@dataclass(frozen=True, slots=True)
class Total:
    """What all Droplets came to after a day; of this, `not_fresh_gigabytes` are known by looks that were overdue."""

    size_gigabytes: float
    not_fresh_gigabytes: float


@dataclass(frozen=True)
class FleetSizes:
    """The looks at some Droplets since a day, and what was known of them before it.

    Attributes:
        droplets: Every one of them ever known, gone ones included.
        before: Day -> Droplet -> the gigabytes that its last look before the first day found, the oldest day first.
        looks: Day -> Droplet -> the gigabytes that the day's last look found, the oldest day first.
    """

    droplets: Sequence[KnownDroplet]
    before: Mapping[date, Mapping[int, float]]
    looks: Mapping[date, Mapping[int, float]]

    def of(self, droplet_id: int, since: date) -> list[float]:
        """Give the gigabytes of one Droplet, of the days with a look from a day on, oldest first."""
        return [
            add_up([found[droplet_id]]) for day, found in self.looks.items() if day >= since and droplet_id in found
        ]

    def totals(self) -> Iterator[SizeOnDay]:
        """Add up each day with a look, the oldest first."""
        sizes, _ = self._known(date.min)
        for day, found in self.looks.items():
            sizes |= found
            yield SizeOnDay(day, self._total_of(self._last_days, day, sizes))

    def by_group(self, groups: Mapping[int, Collection[str]], since: date) -> tuple[list[date], dict[str, list[float]]]:
        """Give the days with a look from a day on, and the gigabytes of each group after each of them.

        A Droplet counts in each of its groups, and one that `groups` lacks in none.
        """
        members: dict[str, list[int]] = defaultdict(list)
        for number in self._last_days:
            for name in groups.get(number, ()):
                members[name].append(number)
        days: list[date] = []
        sums: dict[str, list[float]] = {name: [] for name in sorted(members)}
        sizes, _ = self._known(date.min)
        for day, found in self.looks.items():
            sizes |= found
            if day >= since:
                days.append(day)
                for name, after in sums.items():
                    after.append(self._total_of(members[name], day, sizes))
        return days, sums

    def _total_of(self, droplet_ids: Iterable[int], day: date, sizes: Mapping[int, float]) -> float:
        return add_up(sizes[number] for number in droplet_ids if number in sizes and day <= self._last_days[number])

    def total(self, day: date, overdue_after: Mapping[str, timedelta]) -> Total | None:
        """Add up what was known after one day, with or without a look; None if nothing was.

        `overdue_after` says of each account after how long without a look what is known is no longer fresh.
        """
        sizes, days = self._known(day)
        stale = (
            each.droplet_id
            for each in self.droplets
            if day - days.get(each.droplet_id, day) > overdue_after.get(each.account, timedelta.max)
        )
        return Total(self._total_of(sizes, day, sizes), self._total_of(stale, day, sizes)) if sizes else None

    def known(self, day: date) -> Mapping[int, float]:
        """Give the gigabytes that were last known of each Droplet after a day."""
        return self._known(day)[0]

    def _known(self, day: date) -> tuple[dict[int, float], dict[int, date]]:
        """Give what was last known of each Droplet after a day, and since which day."""
        sizes: dict[int, float] = {}
        days: dict[int, date] = {}
        earlier = {each: found for each, found in self.looks.items() if each <= day}
        for each, found in (*self.before.items(), *earlier.items()):
            sizes |= found
            days |= dict.fromkeys(found, each)
        return sizes, days

    @cached_property
    def _last_days(self) -> Mapping[int, date]:
        """Droplet -> the last day on which it counts."""
        return {each.droplet_id: last_day(each) for each in self.droplets}


def read_sizes(
    connection: sa.Connection,
    question: Question,
    droplets: Sequence[KnownDroplet],
    since: date,
    before: date = date.max,
) -> FleetSizes:
    """Read the looks at the Droplets of the question, of some UTC days; `droplets` are all that it has."""
    # By id, because a Droplet may have been of another account then.
    is_narrowed = question.accounts is not None or question.droplet_ids is not None
    ids = [each.droplet_id for each in droplets] if is_narrowed else None
    today = question.now.date()
    is_today_stored = is_newest(connection, question.now, ids)
    looks = sizes(connection, since, min(before, today + _DAY if is_today_stored else today), ids)
    if not is_today_stored and today < before:
        looks[today] = _read_today(connection, question, droplets)
    return FleetSizes(
        droplets=droplets,
        before=_read_before(connection, since, droplets, ids),
        looks={day: found for day, found in looks.items() if found},
    )


def _read_today(connection: sa.Connection, question: Question, droplets: Iterable[KnownDroplet]) -> dict[int, float]:
    """Read what the looks of the question's own day had found by then; the stored rows may be of later looks."""
    today = question.now.date()
    looked_at = {
        each.droplet_id for each in droplets if each.last_observed_at and each.last_observed_at.date() == today
    }
    if not looked_at:
        return {}
    last = ask(connection, DropletSizeAtLastLook, question)
    return {row.droplet_id: row.size_gigabytes for row in last if row.droplet_id in looked_at}


def _read_before(
    connection: sa.Connection, day: date, droplets: Iterable[KnownDroplet], ids: Collection[int] | None
) -> dict[date, dict[int, float]]:
    """Read what was known when a day began, by the day of the look that found it, the oldest first."""
    eve = day - _DAY
    found: dict[date, dict[int, float]] = defaultdict(dict)
    found[eve] = sizes(connection, eve, day, ids).get(eve, {})
    others = [each.droplet_id for each in droplets if each.droplet_id not in found[eve]]
    for droplet_id, looked_on, size in last_sizes(connection, eve, others):
        found[looked_on][droplet_id] = size
    return dict(sorted(found.items()))


def last_day(droplet: KnownDroplet) -> date:
    """Give the last day on which a Droplet counts."""
    ends = [at.date() for at in (droplet.gone_at, droplet.unselected_since) if at]
    return min(ends, default=date.max)


def add_up(figures: Iterable[float]) -> float:
    """Add figures up to the fourth decimal, in any order the same; what is nothing is no negative zero."""
    return round(math.fsum(figures), 4) + 0.0
