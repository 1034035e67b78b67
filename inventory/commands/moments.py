"""The moments that a person writes on a command line."""

import re
from datetime import UTC, datetime, timedelta

from inventory.errors import UsageError

_AGO = re.compile(r"(\d{1,5})([hdw])")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}

HELP = "a date (its midnight, UTC), a time such as 2026-03-03T12:00Z, or how long ago: 36h, 7d, 4w"


def read(option: str, text: str | None, now: datetime) -> datetime | None:
    """Read the moment given to an option, to the second; None stays None. A time without a zone is UTC.

    Raises:
        UsageError: It cannot be read, or has not come yet.
    """
    if text is None:
        return None
    try:
        moment = _moment(text.strip(), now)
    except (ValueError, OverflowError):
        raise UsageError(f'{option} "{text}" is no moment: write {HELP}.') from None
    if moment > now:
        raise UsageError(f'{option} "{text}" has not come yet: it is {now:%Y-%m-%dT%H:%M:%SZ}.')
    return moment


def _moment(text: str, now: datetime) -> datetime:
    if ago := _AGO.fullmatch(text):
        return now - int(ago[1]) * _UNITS[ago[2]]
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).replace(microsecond=0)
