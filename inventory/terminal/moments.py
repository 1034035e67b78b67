"""The moments that a person writes on a command line. Pure."""

import re
from datetime import UTC, datetime, timedelta

from inventory.errors import UsageError
from inventory.terminal.document import iso

_AGO = re.compile(r"(\d{1,5})([hdw])")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}

# Views reckon days and months back from a moment; databases begin at different ones.
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)

_FORMS = "a date (its midnight, UTC), a time such as 2026-03-03T12:00Z, or how long ago: 36h, 7d, 4w"


def read(option: str, text: str | None, now: datetime) -> datetime | None:
    """Read the moment given to an option, to the second; None stays None. A time without a zone is UTC.

    Raises:
        UsageError: It cannot be read, lies in the future, or before 1970.
    """
    if text is None:
        return None
    try:
        moment = _moment(text.strip(), now)
    except (ValueError, OverflowError):
        raise UsageError(f'{option} "{text}" is no moment: write {_FORMS}.') from None
    if moment < _FIRST:
        raise UsageError(f'{option} "{text}" lies before {_FIRST:%Y}, long before any backup.')
    if moment > now:
        raise UsageError(f'{option} "{text}" lies in the future: it is {iso(now)}.')
    return moment


def _moment(text: str, now: datetime) -> datetime:
    if ago := _AGO.fullmatch(text):
        return now - int(ago[1]) * _UNITS[ago[2]]
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).replace(microsecond=0)
