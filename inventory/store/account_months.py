"""Months that are over, added up once an account: what many accounts cost then need not be added up to be shown.

What is kept is what was known when it was added up. It stays, so that what a client was told of a month stays true.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa

from inventory.store import account_records, runs
from inventory.store.bulk import insert_or_leave
from inventory.store.schema import account_months
from inventory.views.rows import MonthCoverage, MonthlyCost

_DAY = timedelta(days=1)
_MOST_MONTHS = 3  # a history of years is added up over some rounds, none of which takes seconds longer


class OpenMonths(NamedTuple):
    """Months of an account that can be added up: the first days of the first, and of the month after the last.

    Attributes:
        begin: The day since when the account is looked at.
    """

    account_id: int
    first: date
    next: date
    begin: date


def find_open(connection: sa.Connection, account: str, as_of: datetime) -> OpenMonths | None:
    """Find months of which all that a complete run can learn is learned and that are not added up yet; None without."""
    stored = account_records.read_account(connection, account)
    begin = _begin(connection, stored.id) if stored else None
    if stored is None or begin is None:
        return None
    last: date | None = connection.scalar(
        sa.select(sa.func.max(account_months.c.month)).where(account_months.c.account_id == stored.id)
    )
    first = _next(last) if last else begin.replace(day=1)
    if _end(first) + _DAY > as_of:
        return None
    complete_at = runs.last_complete(connection, stored.id, before=as_of)
    open_months = [first]
    while len(open_months) <= _MOST_MONTHS and complete_at and _end(open_months[-1]) + _DAY <= complete_at:
        open_months.append(_next(open_months[-1]))
    return OpenMonths(stored.id, first, open_months[-1], begin) if len(open_months) > 1 else None


def _begin(connection: sa.Connection, account_id: int) -> date | None:
    """Return the day since when the account is looked at; what its Droplets had before, another may have been told."""
    first_look = account_records.first_look(connection, account_id)
    first_run = runs.first_started(connection, account_id)
    return max(first_look, first_run).date() if first_look and first_run else None


def keep(
    connection: sa.Connection,
    months: OpenMonths,
    costs: Iterable[MonthlyCost],
    coverage: Iterable[MonthCoverage],
    as_of: datetime,
) -> None:
    """Keep what the views say of the Droplets of these months as of a moment; what is there already stays."""
    if not account_records.holds(connection, months.account_id):
        return
    costs_of, coverage_of = defaultdict[date, list[MonthlyCost]](list), defaultdict[date, list[MonthCoverage]](list)
    for cost in costs:
        costs_of[cost.month].append(cost)
    for covered in coverage:
        coverage_of[covered.month].append(covered)
    for month in _from(months.first, months.next):
        row = {
            "account_id": months.account_id,
            "month": month,
            **_cost(costs_of[month]),
            "windows_due": sum(each.windows_due for each in coverage_of[month]),
            "windows_made": sum(each.windows_made for each in coverage_of[month]),
            "is_complete_month": months.begin <= month,
            "added_up_at": as_of,
        }
        insert_or_leave(connection, account_months, row)


def _cost(rows: list[MonthlyCost]) -> dict[str, Any]:
    known = [row.estimated_usd for row in rows if row.estimated_usd is not None]
    return {
        "droplets": len(rows),
        "backups_made": sum(row.backups_made for row in rows),
        "estimated_usd": round(sum(known), 4) if known else None,
        "droplets_of_unknown_cost": len(rows) - len(known),
    }


def _from(first: date, before: date) -> Iterator[date]:
    while first < before:
        yield first
        first = _next(first)


def _next(month: date) -> date:
    return (month + 31 * _DAY).replace(day=1)


def _end(month: date) -> datetime:
    return datetime.combine(_next(month), time(), UTC)
