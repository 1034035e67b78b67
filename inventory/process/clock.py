"""The one place that asks for the true time; everything else receives it."""

from datetime import UTC, datetime, timedelta

# What differs from this machine's clock by more was stamped by a clock that is wrong: this one or the other (R5).
CLOCK_TOLERANCE = timedelta(hours=1)


def utc_now() -> datetime:
    """Return the time by this machine's clock."""
    return datetime.now(UTC)
