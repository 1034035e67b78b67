"""How far back a question reaches: windows and months before that are not laid out, though the view knows of years.

Where a view says `asked_from(day)`, a question puts the first day that can change its answer.
"""

from collections.abc import Collection
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from inventory.views import reach

MONTHLY_COST = "monthly_cost"

_BY_WINDOW = frozenset({"announced_windows", "due_windows", "empty_windows", "missed_backups"})
_BY_MONTH = frozenset({"coverage_by_month", MONTHLY_COST})
_RETENTION = "droplet_retention"
_OVERVIEW = "account_overview"

_LONGEST_RETENTION = "SELECT max(retention_days) FROM backup_policies"
# Where the API does not say, windows count for the longest retention that is documented.
_DOCUMENTED_DAYS = 28
_OVERVIEW_DAYS = 30
_DAY = timedelta(days=1)


def first_day(
    connection: sa.Connection, view: str, now: datetime, since: datetime | None, few: Collection[int] | None
) -> date | None:
    """Return the first day that a view needs to be asked about at `now`, for rows from `since` on; None: every day.

    It is asked about `few` Droplets; None: about many.
    """
    if view in _BY_WINDOW and since:
        return since.date()
    if view in _BY_MONTH and since:
        return since.date().replace(day=1)
    if view == _RETENTION:
        return now.date() - _DAY * (_kept_days(connection, few) + 1)
    if view == _OVERVIEW:
        days = max(_kept_days(connection, few) + 1, _OVERVIEW_DAYS)
        last_month = now.date().replace(day=1) - _DAY
        return min(now.date() - _DAY * days, last_month).replace(day=1)
    return None


def _kept_days(connection: sa.Connection, few: Collection[int] | None) -> int:
    query = sa.text(_LONGEST_RETENTION)
    if few is not None:
        wanted = reach.wanted(few, connection.dialect.name)
        query = sa.text(f"{_LONGEST_RETENTION} WHERE {reach.is_wanted('droplet_id', connection.dialect.name)}")
        query = query.bindparams(wanted)
    return max(connection.scalar(query) or 0, _DOCUMENTED_DAYS)
