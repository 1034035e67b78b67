"""Times as each database stores them."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time of whole seconds on both databases.

    PostgreSQL: `timestamptz`, given whole seconds. SQLite: its own text form, `YYYY-MM-DD HH:MM:SS`, so that
    comparisons in plain SQL are exact and a time read back equals the time written.
    """

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    # Not process_bind_param and process_result_value: a sync converts ten times a backup, and those would add two
    # calls to each conversion.
    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], object]:
        """Refuse a naive time with a ValueError; drop fractions of a second, which PostgreSQL would round."""
        return _text if dialect.name == "sqlite" else _whole

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None]:  # noqa: ARG002 - SQLAlchemy's signature
        """Return aware UTC times, whatever the session's zone is."""
        return _from_text if dialect.name == "sqlite" else _utc


def _whole(time: datetime | None) -> datetime | None:
    if time is None:
        return None
    if time.tzinfo is None:
        raise ValueError(f"a time without a zone: {time}")
    time = time.astimezone(UTC)
    return time.replace(microsecond=0) if time.microsecond else time


# Many rows share one stamp, and formatting it costs more than finding it in the cache.
@lru_cache(maxsize=1024)
def _text(time: datetime | None) -> str | None:
    whole = _whole(time)
    return None if whole is None else whole.isoformat(" ")[:19]


def _from_text(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(f"{text}Z")


def _utc(time: datetime | None) -> datetime | None:
    return None if time is None else time.astimezone(UTC)
