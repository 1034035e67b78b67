"""The moments and periods that a person writes on a command line. Pure."""

import re
from datetime import UTC, date, datetime, timedelta

from inventory.errors import UsageError
from inventory.terminal.document import iso

_AGO = re.compile(r"(\d{1,5}) ?([hdw])( ago)?")
_MONTH = re.compile(r"(\d{4})-(\d\d)")
_WEEK = re.compile(r"\d{4}-?w\d\d")
_TIME = re.compile(r"[t ]")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_DAY = timedelta(days=1)

# Views reckon days and months back from a moment; databases begin at different ones.
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)

_FORMS = (
    "a month (2026-03), a day (2026-03-03, yesterday), a time (2026-03-03T12:00Z), "
    "or how long ago (36h, 7d, 4w), in UTC"
)


def read(option: str, text: str | None, now: datetime) -> datetime | None:
    """Read the moment given to an option, to the second; of a month or a day the first one. None stays None.

    Raises:
        UsageError: It cannot be read, lies in the future, or before 1970.
    """
    return None if text is None else _read(option, text, now)[0]


def read_end(option: str, text: str | None, now: datetime) -> datetime | None:
    """Read where a period ends: after the whole of a month or a day, but before an instant. None stays None.

    The end of a month or a day that has begun may lie in the future.

    Raises:
        UsageError: It cannot be read, begins in the future, or before 1970.
    """
    return None if text is None else _read(option, text, now)[1]


def _read(option: str, text: str, now: datetime) -> tuple[datetime, datetime]:
    try:
        begin, end = _period(text.strip().lower(), now)
    except (ValueError, OverflowError):
        raise UsageError(f'{option} "{text}" is no moment: write {_FORMS}.') from None
    if begin < _FIRST:
        raise UsageError(f'{option} "{text}" lies before {_FIRST:%Y}, long before any backup.')
    if begin > now:
        raise UsageError(f'{option} "{text}" lies in the future: it is {iso(now)}.')
    return begin, end


def _period(text: str, now: datetime) -> tuple[datetime, datetime]:
    """Give the begin of a month or a day, and the begin of the next; of an instant twice the same."""
    if ago := _AGO.fullmatch(text):
        moment = now - int(ago[1]) * _UNITS[ago[2]]
        return moment, moment
    if text in ("today", "yesterday"):
        return _day(now.date() - (_DAY if text == "yesterday" else timedelta()))
    if month := _MONTH.fullmatch(text):
        first, _ = _day(date(int(month[1]), int(month[2]), 1))
        return first, (first + 31 * _DAY).replace(day=1)
    if _WEEK.fullmatch(text):
        raise ValueError("the standard library would take a week for its Monday")
    if not _TIME.search(text):
        return _day(date.fromisoformat(text.upper()))
    moment = datetime.fromisoformat(text.upper())
    moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).replace(microsecond=0)
    return moment, moment


def _day(day: date) -> tuple[datetime, datetime]:
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return begin, begin + _DAY
