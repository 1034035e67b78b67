"""Ends of backups that were not the ordinary course."""

from collections.abc import Collection, Sequence
from datetime import datetime

import sqlalchemy as sa

from inventory.store.bulk import among
from inventory.store.schema import backup_versions, backups
from inventory.vocabulary import GoneReason

_ORDINARY = ("change", GoneReason.EXPIRED)


def ends_out_of_course(
    connection: sa.Connection, since: datetime, now: datetime, droplet_ids: Collection[int] | None = None
) -> Sequence[sa.Row[int, datetime, str, float]]:
    """Give Droplet, stamp, reason and gigabytes of each backup that had ended by `now`, and had not expired.

    The oldest end comes first. Only backups of `droplet_ids` are read; None means all. The view backup_lifetimes gives
    the same, but reads what expired too.
    """
    version, later = backup_versions.alias("version"), backup_versions.alias("later")
    reason = sa.case((version.c.replaced_at <= now, version.c.replaced_by), else_=version.c.closed_by)
    returned = sa.exists().where(
        later.c.backup_id == version.c.backup_id, later.c.valid_from > version.c.valid_from, later.c.valid_from <= now
    )
    query = (
        sa.select(backups.c.droplet_id, version.c.valid_to, reason, version.c.size_gigabytes)
        .join_from(version, backups, backups.c.id == version.c.backup_id)
        .where(version.c.valid_to >= since, version.c.valid_to <= now)
        .where(version.c.closed_by.not_in(_ORDINARY), reason.not_in(_ORDINARY), ~returned)
        .order_by(version.c.valid_to, backups.c.droplet_id, backups.c.id)
    )
    if droplet_ids is not None:
        query = query.where(among(connection, backups.c.droplet_id, droplet_ids))
    return connection.execute(query).all()
