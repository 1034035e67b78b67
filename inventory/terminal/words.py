"""Times, sizes and numbers as people read them. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sparklines import sparklines

from inventory.vocabulary import GoneReason

_REASONS: Mapping[str, str] = {
    GoneReason.DROPLET_DESTROYED: "Droplet destroyed",
    GoneReason.CONVERTED: "converted to a snapshot",
    GoneReason.EXPIRED: "expired",
    GoneReason.BACKUPS_DISABLED: "backups disabled",
    GoneReason.UNKNOWN: "reason unknown: the policy could not be read",
    GoneReason.UNEXPLAINED: "UNEXPLAINED",
}


def instant(at: datetime, now: datetime) -> str:
    """Write a UTC time as short as possible at `now`: `05:11Z`, `22 Nov 05:11Z`, or with its year."""
    if at.date() == now.date():
        return f"{at:%H:%MZ}"
    is_recent = abs(now - at) < timedelta(days=300)
    return f"{at.day} {at:%b %H:%MZ}" if is_recent else f"{at.day} {at:%b %Y %H:%MZ}"


def size(gigabytes: float) -> str:
    """Write a size with its unit, rounded to tenths; below 1 GB to hundredths."""
    return f"{gigabytes:,.1f} GB" if gigabytes >= 1 or gigabytes == 0 else f"{gigabytes:.2f} GB"


def age(span: timedelta) -> str:
    """Write how long ago something was: days from 2 days on, hours from 2 hours on, otherwise minutes."""
    minutes = max(int(span.total_seconds() // 60), 0)
    hours, days = minutes // 60, minutes // (60 * 24)
    if days >= 2:  # noqa: PLR2004 - 30 h says more than 1 d
        return f"{days} d"
    return f"{hours} h" if hours >= 2 else f"{minutes} min"  # noqa: PLR2004 - as above


def count(number: int, noun: str) -> str:
    """Write a number with its noun in the right form."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def some(names: Sequence[str], most: int = 10) -> str:
    """List the first of these names, and say how many others there are."""
    listed = ", ".join(names[:most])
    return f"{listed} and {len(names) - most:,} more" if len(names) > most else listed


def reason(gone_reason: str) -> str:
    """Write why a backup ended; a reason that this version does not know stays as it is."""
    return _REASONS.get(gone_reason, gone_reason)


def span(length: timedelta) -> str:
    """Write how long something lasted, in the units of `age`, with a sign if it is negative."""
    return f"-{age(-length)}" if length < timedelta(0) else age(length)


def change(gigabytes: float) -> str:
    """Write a difference of sizes with its sign and unit."""
    sign = "-" if gigabytes < 0 else "+"
    return f"{sign}{size(abs(gigabytes))}"


def money(usd: float) -> str:
    """Write US dollars to the cent."""
    return f"{usd:,.2f} USD"


def trend(values: Sequence[float], most: int) -> str:
    """Draw at most `most` values, evenly picked and always with the last, as blocks of eight heights."""
    picked = _evenly(values, most)
    if not picked or min(picked) == max(picked):
        return "▄" * len(picked)
    (line,) = sparklines(picked)
    return str(line)


def _evenly(values: Sequence[float], most: int) -> list[float]:
    step = max(1, -(-len(values) // most))
    return list(values[::-1][::step][::-1])
