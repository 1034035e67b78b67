"""The one place where the true time is asked; all else is given it."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the time by this machine's clock."""
    return datetime.now(UTC)
