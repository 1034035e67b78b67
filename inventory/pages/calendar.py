"""A calendar of backups: what happened to each Droplet on each day. Pure, but for `read`."""

from calendar import month_abbr
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import NamedTuple, TypeVar

import sqlalchemy as sa

from inventory.store.droplet_records import PolicyRecord, policies_since
from inventory.terminal import words
from inventory.views.queries import Question, ask
from inventory.views.rows import BackupLifetime, DueWindow, EmptyWindow, KnownDroplet

DAYS = 90
"""How many days a calendar has, the one of its moment included."""

_DAY = timedelta(days=1)
_WHOLE_GIGABYTES = 10

_Row = TypeVar("_Row", DueWindow, EmptyWindow, BackupLifetime)


class State(StrEnum):
    """What a day is; of a day with several windows the first of these that one of them is."""

    MISSED = "missed"
    NOT_LOOKED = "not looked at"
    MADE = "made"
    OFF = "backups off"
    BEFORE = "before it existed"
    GONE = "gone"
    NONE_DUE = "none due"


_MARKS: Mapping[State, str] = {
    State.MISSED: "x",
    State.NOT_LOOKED: "q",
    State.MADE: "m",
    State.OFF: "o",
    State.BEFORE: "b",
    State.GONE: "g",
    State.NONE_DUE: "n",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One Droplet's day, UTC.

    Attributes:
        backups: Those made for its windows, or on it for none, the oldest first.
        empty: Its windows without a backup.
    """

    day: date
    state: State
    backups: Sequence[BackupLifetime] = ()
    empty: Sequence[EmptyWindow] = ()

    @property
    def mark(self) -> str:
        """The class of the style sheet that draws it: one letter, because a page has thousands of them."""
        return _MARKS[self.state]

    @property
    def words(self) -> str:
        """What happened, in words."""
        parts = [f"made {_hour(backup.created_at)}Z, {_about(backup.size_gigabytes)}" for backup in self.backups]
        parts += [
            f"{each.verdict}: {_hour(each.window_starts_at)}-{_hour(each.window_ends_at)}Z" for each in self.empty
        ]
        return f"{self.day.day} {month_abbr[self.day.month]}: {'; '.join(parts) or self.state}"


def _hour(moment: datetime) -> str:
    """Write hour and minute; a format with % takes five times as long, and a page has thousands."""
    return f"{moment.hour:02}:{moment.minute:02}"


def _about(gigabytes: float) -> str:
    """Write a size for one of thousands of squares, which lead to the exact one."""
    return f"{gigabytes:,.0f} GB" if gigabytes >= _WHOLE_GIGABYTES else words.size(gigabytes)


@dataclass(frozen=True, slots=True)
class Row:
    """One Droplet's days, the oldest first."""

    droplet: KnownDroplet
    cells: Sequence[Cell]


def days_until(now: datetime) -> list[date]:
    """List the days of a calendar at a moment, the oldest first."""
    return [now.date() - _DAY * back for back in range(DAYS - 1, -1, -1)]


class Month(NamedTuple):
    """A month of a calendar, and how many of its days the calendar has."""

    name: str
    days: int


def months(now: datetime) -> list[Month]:
    """List the months of a calendar at a moment, the oldest first."""
    counts = Counter((day.year, day.month) for day in days_until(now))
    return [Month(f"{date(year, month, 1):%b}", number) for (year, month), number in counts.items()]


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of one Droplet's days: rows of the views, and its policies; each in the order of time."""

    droplet: KnownDroplet
    windows: Sequence[DueWindow] = ()
    empty: Sequence[EmptyWindow] = ()
    backups: Sequence[BackupLifetime] = ()
    policies: Sequence[PolicyRecord] = ()


def read(connection: sa.Connection, now: datetime, droplets: Sequence[KnownDroplet]) -> list[Row]:
    """Read the calendar of these Droplets as known at `now`, in their order."""
    ids = frozenset(each.droplet_id for each in droplets)
    days = days_until(now)
    since = datetime.combine(days[0], time(), UTC)
    question = Question(now, since=since, droplet_ids=ids)
    windows = _by_droplet(ask(connection, DueWindow, question))
    empty = _by_droplet(ask(connection, EmptyWindow, question))
    backups = _by_droplet(ask(connection, BackupLifetime, question))
    policies: dict[int, list[PolicyRecord]] = defaultdict(list)
    for droplet_id, policy in policies_since(connection, ids, since, now):
        policies[droplet_id].append(policy)
    pasts = (
        # The view gives the newest backup first.
        Past(each, windows[key], empty[key], backups[key][::-1], policies[key])
        for each in droplets
        for key in (each.droplet_id,)
    )
    return [Row(past.droplet, list(cells(past, days))) for past in pasts]


def cells(past: Past, days: Sequence[date]) -> Iterator[Cell]:
    """Give one Droplet's days."""
    windows_of, empty_of = defaultdict(list), defaultdict(list)
    for window in past.windows:
        windows_of[window.day].append(window)
    for each in past.empty:
        empty_of[each.window_starts_at.date()].append(each)
    made_on = _by_day(past.backups, past.windows)
    for day in days:
        verdicts = {each.verdict for each in empty_of[day]}
        if verdicts:
            state = State.MISSED if "missed" in verdicts else State.NOT_LOOKED
        elif windows_of[day] or made_on[day]:
            state = State.MADE
        else:
            state = _without_windows(past, day)
        yield Cell(day, state, made_on[day], empty_of[day])


def _without_windows(past: Past, day: date) -> State:
    """Say why no backup was due on a day."""
    droplet = past.droplet
    if day < (droplet.created_at or droplet.first_seen_at).date():
        return State.BEFORE
    if any(at.date() < day for at in (droplet.gone_at, droplet.unselected_since) if at):
        return State.GONE
    begin = datetime.combine(day, time(), UTC)
    is_off = any(
        not each.is_enabled and each.valid_from < begin + _DAY and (each.valid_to is None or each.valid_to > begin)
        for each in past.policies
    )
    return State.OFF if is_off else State.NONE_DUE


def _by_day(made: Sequence[BackupLifetime], windows: Sequence[DueWindow]) -> Mapping[date, list[BackupLifetime]]:
    """Give each backup to the day of the first window that it was made for, else to its own day."""
    found: dict[date, list[BackupLifetime]] = defaultdict(list)
    position = 0
    for backup in made:
        while position < len(windows) and windows[position].awaited_until_at <= backup.created_at:
            position += 1
        window = windows[position] if position < len(windows) else None
        is_of_window = window is not None and window.window_starts_at <= backup.created_at
        found[window.day if window and is_of_window else backup.created_at.date()].append(backup)
    return found


def _by_droplet(rows: Iterable[_Row]) -> dict[int, list[_Row]]:
    found: dict[int, list[_Row]] = defaultdict(list)
    for row in rows:
        found[row.droplet_id].append(row)
    return found
