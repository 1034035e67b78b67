"""What a run must know of its account's Droplets before it looks at them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from inventory.history.detection import Remembered
from inventory.store.bulk import among
from inventory.store.schema import accounts, backup_policies, backups, droplets
from inventory.vocabulary import Outcome


@dataclass(frozen=True, slots=True)
class KnownDroplet:
    """What a run must know about every stored Droplet of its account before it starts."""

    id: int
    name: str
    last_observed_at: datetime | None
    last_attempt_at: datetime
    last_outcome: str
    gone_at: datetime | None
    unselected_since: datetime | None


def known_droplets(connection: sa.Connection, account_id: int | None) -> dict[int, KnownDroplet]:
    """Read every stored Droplet of the account, gone and unselected ones included; None is an account without a row."""
    columns = (droplets.c[name] for name in KnownDroplet.__slots__)
    rows = connection.execute(sa.select(*columns).where(droplets.c.account_id == account_id))
    return {row.id: KnownDroplet(*row) for row in rows}


def remembered_droplets(connection: sa.Connection, account_id: int | None) -> dict[int, Remembered]:
    """Read the ids of the live backups of every Droplet that could be proven unchanged, and whether backups are on.

    A Droplet is left out if its last look was not complete, or if one of them has size 0 or is held by the brake.
    """
    is_odd = sa.or_(backups.c.size_gigabytes == 0, backups.c.missing_since.is_not(None))
    of_droplet = sa.and_(backups.c.droplet_id == droplets.c.id, backups.c.gone_at.is_(None))
    # One row for each Droplet, not for each backup: that takes less than half the time.
    ids = sa.func.aggregate_strings(sa.cast(backups.c.id, sa.Text), ",")
    is_policy_on = sa.exists().where(
        backup_policies.c.droplet_id == droplets.c.id,
        backup_policies.c.valid_to.is_(None),
        backup_policies.c.is_enabled,
    )
    query = (
        sa.select(droplets.c.id, droplets.c.last_listed_at, ids, is_policy_on)
        .outerjoin_from(droplets, backups, of_droplet)
        .where(
            droplets.c.account_id == account_id,
            droplets.c.gone_at.is_(None),
            droplets.c.last_listed_at.is_not(None),
            droplets.c.last_outcome == Outcome.COMPLETE,
        )
        .group_by(droplets.c.id, droplets.c.last_listed_at)
        .having(sa.func.max(sa.case((is_odd, 1), else_=0)) == 0)
    )
    return {
        droplet_id: Remembered(last_listed_at, frozenset(map(int, ids.split(",") if ids else ())), bool(is_on))
        for droplet_id, last_listed_at, ids, is_on in connection.execute(query)
    }


def owned_elsewhere(
    connection: sa.Connection, account_id: int | None, configured: frozenset[str], droplet_ids: Collection[int]
) -> dict[int, str]:
    """Return, by Droplet id, the name of the other configured account that a Droplet still belongs to (R6)."""
    query = (
        sa.select(droplets.c.id, accounts.c.name)
        .join(accounts)
        .where(
            among(connection, droplets.c.id, droplet_ids),
            droplets.c.account_id != account_id,
            droplets.c.gone_at.is_(None),
            droplets.c.unselected_since.is_(None),
        )
    )
    return {row.id: row.name for row in connection.execute(query) if row.name in configured}
