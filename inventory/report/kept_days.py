"""The gigabytes of all Droplets over days that were added up: a row an account and day, not one a Droplet and day.

They are those of `FleetSizes.totals`. On a day on which nobody looked at an account, it counts with what it had after
the last day before, unless some of its Droplets, but not all, no longer count since then.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import sqlalchemy as sa

from inventory.report.fleet_sizes import SizeOnDay, add_up, last_day
from inventory.store import account_days
from inventory.store.account_days import AccountDay
from inventory.views.queries import Question
from inventory.views.rows import KnownDroplet

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Life:
    """An account's Droplets: the day of the first look at one, and in order the last days on which each counts."""

    first_day: date
    last_days: Sequence[date]

    def counts_on(self, day: date) -> bool:
        return self.first_day <= day <= self.last_days[-1]

    def ends_between(self, day: date, later: date) -> bool:
        """Tell whether a Droplet counts on a day, but not on the later one."""
        return bisect_left(self.last_days, day) < bisect_left(self.last_days, later)


def read_kept(
    connection: sa.Connection, question: Question, droplets: Sequence[KnownDroplet], since: date
) -> tuple[list[SizeOnDay], date]:
    """Read the days from `since` on, the oldest first, and tell up to which, exclusive, all were added up.

    `droplets` are all that the question has. Days are added up of whole accounts, so that of single Droplets none is.
    """
    if question.droplet_ids is not None:
        return [], since
    lives = _lives(droplets)
    kept = _by_day(account_days.kept(connection, question.accounts, since, question.now))
    latest: dict[str, AccountDay] = {}
    for day in sorted(each for each in kept if each < since):
        latest |= _observed(kept[day])
    days: list[SizeOnDay] = []
    for day in _days(since, question.now.date()):
        counting = {name: life for name, life in lives.items() if life.counts_on(day)}
        rows = kept.get(day, {})
        observed = _observed(rows)
        latest |= observed
        if not all(_is_known(life, rows.get(name), latest.get(name)) for name, life in counting.items()):
            return days, day
        if observed:
            days.append(SizeOnDay(day, add_up(latest[name].size_gigabytes for name in counting)))
    return days, question.now.date()


def _by_day(rows: Iterable[AccountDay]) -> Mapping[date, Mapping[str, AccountDay]]:
    found: dict[date, dict[str, AccountDay]] = defaultdict(dict)
    for row in rows:
        found[row.day][row.account] = row
    return found


def _observed(rows: Mapping[str, AccountDay]) -> Mapping[str, AccountDay]:
    """Leave of the rows of a day those of accounts that somebody looked at."""
    return {name: row for name, row in rows.items() if row.droplets_observed}


def _is_known(life: _Life, row: AccountDay | None, latest: AccountDay | None) -> bool:
    """Tell whether what an account had after the day of a row is what it had after the latest day with a look."""
    return row is not None and latest is not None and not life.ends_between(latest.day, row.day)


def _lives(droplets: Iterable[KnownDroplet]) -> Mapping[str, _Life]:
    first_days: dict[str, date] = {}
    last_days: dict[str, list[date]] = defaultdict(list)
    for each in droplets:
        if each.first_look_at is not None:
            first = each.first_look_at.date()
            first_days[each.account] = min(first, first_days.get(each.account, first))
            last_days[each.account].append(last_day(each))
    return {name: _Life(first, sorted(last_days[name])) for name, first in first_days.items()}


def _days(first: date, before: date) -> Iterable[date]:
    return (first + number * _DAY for number in range((before - first).days))
