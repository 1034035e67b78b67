"""The schedule as a value: when syncs are due, in UTC, and the longest time between two of them."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apscheduler.triggers.base import BaseTrigger

_DAY = timedelta(days=1)
_INSTANT = timedelta(microseconds=1)

# A Monday, and the first day of a leap year.
_ANY_DAY = datetime(2024, 1, 1, tzinfo=UTC)

# After so many days weekdays fall on the same weekdays, dates on the same dates, and both on both.
_WEEK, _FOUR_YEARS, _ALL_YEARS = 7, 1461, 7 * 1461


class Schedule:
    """Due times; a value.

    Attributes:
        written: Minutes, or a cron expression of five fields, as the settings give it.
    """

    def __init__(self, written: float | str) -> None:
        """Read what was written.

        Raises:
            ValueError: It is no cron expression, or one that never comes.
        """
        self.written = written
        self._trigger = _cron(written) if isinstance(written, str) else None
        self.after(_ANY_DAY)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schedule) and self.written == other.written

    def __hash__(self) -> int:
        return hash(self.written)

    @property
    def trigger(self) -> "BaseTrigger":
        """What APScheduler takes."""
        if self._trigger is not None:
            return self._trigger
        from apscheduler.triggers.interval import IntervalTrigger  # noqa: PLC0415 - as in `_cron`

        return IntervalTrigger(seconds=float(self.written) * 60, timezone=UTC)

    def after(self, moment: datetime) -> datetime:
        """Return the first due time later than `moment`, at which the one before was met."""
        if self._trigger is None:
            return moment + timedelta(minutes=float(self.written))
        due: datetime | None = self._trigger.get_next_fire_time(None, moment + _INSTANT)
        if due is None:
            raise ValueError(f'"{self.written}" never comes')
        return due

    def first_due(self, last_started_at: datetime | None, now: datetime) -> datetime:
        """Return when to begin after a start at `now`: at once where a due time has passed, or nothing ever ran.

        A last run in the future says that a clock was wrong: it is taken for none.
        """
        if last_started_at is None or last_started_at > now:
            return now
        return max(self.after(last_started_at), now)

    @property
    def longest_gap(self) -> timedelta:
        """The longest time between two due times, whenever that is."""
        if isinstance(self.written, float):
            return timedelta(minutes=self.written)
        minute, hour, day, month, weekday = self.written.split()
        of_a_day = _gaps(f"{minute} {hour} * * *", days=1)
        has_dates = (day, month) != ("*", "*")
        cycle = _WEEK if not has_dates else _FOUR_YEARS if weekday == "*" else _ALL_YEARS
        of_days = _gaps(f"0 0 {day} {month} {weekday}", days=cycle)
        night = of_a_day[-1]
        return max(*of_a_day, max(of_days) - _DAY + night)


def _cron(expression: str) -> "BaseTrigger":
    # Only loaded where it is needed: cron starts a hundred times a day.
    from apscheduler.triggers.cron import CronTrigger  # noqa: PLC0415

    try:
        return CronTrigger.from_crontab(expression, timezone=UTC)
    except ValueError as error:
        raise ValueError(f'"{expression}" is no cron expression: {error}') from error


def _gaps(expression: str, *, days: int) -> list[timedelta]:
    """Give the times between the due times of so many days, the last one reaching beyond them."""
    trigger = _cron(expression)
    times = [trigger.get_next_fire_time(None, _ANY_DAY)]
    while times[-1] < _ANY_DAY + days * _DAY:
        times.append(trigger.get_next_fire_time(None, times[-1] + _INSTANT))
    return [later - earlier for earlier, later in pairwise(times)]
