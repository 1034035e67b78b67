"""Days that are over, added up once an account: the view fleet_size_by_day then need not read those of each Droplet.

What is kept is as of a moment, and the view holds it against the history: it passes over what a Droplet that came later
may have changed. Nothing has to be deleted for that.
"""

from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa

from inventory.store import account_records
from inventory.store.bulk import upsert
from inventory.store.schema import account_days, accounts, droplet_versions
from inventory.views.rows import FleetSizeOnDay

_DAY = timedelta(days=1)
_MOST_DAYS = 100  # a history of years is added up over some rounds, none of which takes seconds longer


class OpenDays(NamedTuple):
    """Days of an account that can be added up, the first and the last."""

    account_id: int
    first: date
    last: date


def find_open(connection: sa.Connection, account: str, as_of: datetime) -> OpenDays | None:
    """Find days of which nothing more will be learned and that are not added up yet; None where there is none.

    Clocks that are an hour wrong are no matter: yesterday is never added up, and for a day after a Droplet came to the
    account, left it for another, was found again or was selected again, nothing is.
    """
    account_id = connection.scalar(sa.select(accounts.c.id).where(accounts.c.name == account))
    if account_id is None:
        return None
    first_look = account_records.first_look(connection, account_id)
    came_at = _came_at(connection, account_id)
    if first_look is None or (came_at and came_at + _DAY >= as_of):
        return None
    first, last = first_look.date(), as_of.date() - 2 * _DAY
    holds = account_days.c.added_up_at > came_at + _DAY if came_at else sa.true()
    days = sa.select(account_days.c.day).where(account_days.c.account_id == account_id, holds)
    kept = set(connection.scalars(days.where(account_days.c.day.between(first, last))))
    day = next((day for day in _days(first, last) if day not in kept), None)
    return OpenDays(account_id, day, min(last, day + _MOST_DAYS * _DAY)) if day else None


def keep(connection: sa.Connection, days: OpenDays, rows: Iterable[FleetSizeOnDay], as_of: datetime) -> None:
    """Keep what the view says of these days as of a moment; of days on which nobody looked it says nothing."""
    if not account_records.holds(connection, days.account_id):
        return
    found = {row.day: row for row in rows}
    upsert(
        connection,
        account_days,
        [
            {
                "account_id": days.account_id,
                "day": day,
                **{name: getattr(found.get(day), name, 0) for name in _FIGURES},
                "added_up_at": as_of,
            }
            for day in _days(days.first, days.last)
        ],
    )


_FIGURES = ("backups", "size_gigabytes", "droplets_observed", "droplets_known")


def _days(first: date, last: date) -> Iterable[date]:
    return (first + number * _DAY for number in range((last - first).days + 1))


def _came_at(connection: sa.Connection, account_id: int) -> datetime | None:
    """Return when what is known of the account's past last changed, perhaps just now, as fleet_size_by_day tells it."""
    came = _comings(sa.select(sa.literal(account_id)))
    found: datetime | None = connection.scalar(sa.select(sa.func.max(came.c.came_at)))
    return found


def _comings(account_ids: sa.Select[int]) -> sa.Subquery:
    """Give when Droplets came to one of some accounts, left it for another, were found again or selected again."""
    version, before, any_before = (droplet_versions.alias(name) for name in ("version", "before", "any_before"))
    is_its_last = before.c.valid_from == (
        sa.select(sa.func.max(any_before.c.valid_from))
        .where(any_before.c.droplet_id == version.c.droplet_id, any_before.c.valid_from < version.c.valid_from)
        .scalar_subquery()
    )
    comes = sa.or_(
        before.c.valid_to < version.c.valid_from,
        before.c.account_id != version.c.account_id,
        sa.and_(before.c.unselected_since.is_not(None), version.c.unselected_since.is_(None)),
    )
    both = sa.and_(before.c.droplet_id == version.c.droplet_id, is_its_last)
    return sa.union_all(
        *(
            sa.select(whose.c.account_id, version.c.valid_from.label("came_at"))
            .join_from(version, before, both)
            .where(comes, whose.c.account_id.in_(account_ids))
            for whose in (version, before)
        )
    ).subquery("came")


class AccountDay(NamedTuple):
    """What an account had after a day that was added up; without a look at a Droplet the size is 0 and says nothing."""

    account: str
    day: date
    size_gigabytes: float
    droplets_observed: int


def kept(connection: sa.Connection, names: Collection[str] | None, since: date, as_of: datetime) -> list[AccountDay]:
    """List what was added up by a moment and still holds then, the oldest day first; names of None mean all accounts.

    It begins with the last day before `since` on which a Droplet of the account was looked at.
    """
    columns, earlier = account_days.c, account_days.alias("earlier")
    is_its = sa.true() if names is None else accounts.c.name.in_(names)
    last_before = (
        sa.select(sa.func.max(earlier.c.day))
        .where(earlier.c.account_id == accounts.c.id, earlier.c.day < since, earlier.c.droplets_observed > 0)
        .scalar_subquery()
    )
    query = (
        sa.select(accounts.c.name, columns.day, columns.size_gigabytes, columns.droplets_observed)
        .add_columns(columns.account_id, columns.added_up_at)
        .join_from(accounts, account_days)
        .where(is_its, columns.added_up_at <= as_of, columns.day >= sa.func.coalesce(last_before, since))
        .order_by(columns.day)
    )
    came = _comings(sa.select(accounts.c.id).where(is_its))
    last_came = sa.select(came.c.account_id, sa.func.max(came.c.came_at)).where(came.c.came_at <= as_of)
    came_at = dict(connection.execute(last_came.group_by(came.c.account_id)).all())
    return [
        AccountDay(*figures)
        for *figures, account_id, added_up_at in connection.execute(query)
        if account_id not in came_at or came_at[account_id] + _DAY < added_up_at
    ]
