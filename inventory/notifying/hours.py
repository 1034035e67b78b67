"""Hours by a clock on the wall somewhere: when nobody wants to be disturbed, and when a digest is due. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours of each day, from `begins` until just before `ends`, which may be on the next day."""

    begins: time
    ends: time
    zone: tzinfo

    def holds(self, now: datetime) -> bool:
        """Tell whether it is one of these hours; one that comes twice, as clocks go back, is both times."""
        at = now.astimezone(self.zone).time()
        if self.begins < self.ends:
            return self.begins <= at < self.ends
        return at >= self.begins or at < self.ends


class Due(NamedTuple):
    """When a digest is due: as the clocks show it, `YYYY-MM-DD HH:MM`, and in UTC."""

    local: str
    at: datetime


@dataclass(frozen=True, slots=True)
class DigestTime:
    """A time of a day of each week; `weekday` 0 is Monday."""

    weekday: int
    time: time
    zone: tzinfo

    def last_before(self, now: datetime) -> Due:
        """Return the last time that was due.

        Of one that comes twice, as clocks go back, it is the first; in place of one that never comes, as they go
        forward, it is the next that does.
        """
        today = now.astimezone(self.zone).date()
        days = (today - timedelta(days=number) for number in range(-1, 9))
        written = (datetime.combine(day, self.time) for day in days if day.weekday() == self.weekday)
        return next(due for due in map(self._due, written) if due.at <= now)

    def _due(self, written: datetime) -> Due:
        shown = written
        while not self._comes(shown):
            shown += timedelta(minutes=1)
        return Due(f"{written:%Y-%m-%d %H:%M}", self._at(shown))

    def _comes(self, shown: datetime) -> bool:
        return self._at(shown).astimezone(self.zone).replace(tzinfo=None) == shown

    def _at(self, shown: datetime) -> datetime:
        return shown.replace(tzinfo=self.zone).astimezone(UTC)
