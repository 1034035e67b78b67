"""The stamps of a Droplet: the next one, and those of the looks of a day. Pure.

What was answered at a moment depends on the last look before it. So that it can be answered again, the stamp of every
look is kept, in the row that a look writes anyway.
"""

from dataclasses import replace
from datetime import date, datetime, timedelta

from inventory.model import DropletState

STAMP_STEP = timedelta(seconds=1)

# A day with more looks keeps one of each further quarter of an hour, so that a row stays small.
_ALL_KEPT = 96
_SECONDS_BETWEEN = 900


def next_stamp(now: datetime, last_attempt_at: datetime, unselected_since: datetime | None) -> datetime:
    """Give `now`, or one second after the last stamp where the clock stood still or went back."""
    last = max(last_attempt_at, unselected_since or last_attempt_at)
    return max(now, last + STAMP_STEP)


def looked_at(before: DropletState, stamp: datetime) -> DropletState:
    """Give a Droplet's row after a look, which is added to those of its day; those of an earlier day are left out."""
    return replace(
        before,
        first_look_at=before.first_look_at or stamp,
        last_observed_at=stamp,
        looks=_with_look(before, stamp),
    )


def _with_look(before: DropletState, stamp: datetime) -> str:
    """Add a look to those of its day: seconds of the UTC day, ascending, separated by commas."""
    second = str(stamp.hour * 3600 + stamp.minute * 60 + stamp.second)
    if before.looks is None or day_that_is_over(before, stamp):
        return second
    kept = before.looks.split(",")
    is_kept = len(kept) < _ALL_KEPT or int(second) - int(kept[-1]) >= _SECONDS_BETWEEN
    return f"{before.looks},{second}" if is_kept else before.looks


def day_that_is_over(before: DropletState, stamp: datetime) -> date | None:
    """Give the UTC day of the stored looks if the stamp is on a later one; None if it is not, or without looks."""
    if before.looks is None or before.last_observed_at is None:
        return None
    day = before.last_observed_at.date()
    return day if day < stamp.date() else None
