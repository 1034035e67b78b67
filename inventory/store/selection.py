"""Write that the configuration no longer selects a Droplet; what selects it again is an attempt to look at it."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa

from inventory.history.looks import next_stamp
from inventory.store.bulk import among
from inventory.store.schema import droplet_versions, droplets


def unselect(connection: sa.Connection, droplet_ids: Collection[int], now: datetime) -> None:
    """Record that the configuration no longer selects these Droplets; none of their backups ends (R6).

    Each takes a stamp for that, as an attempt does (R5).
    """
    chosen = sa.and_(
        among(connection, droplets.c.id, droplet_ids),
        droplets.c.unselected_since.is_(None),
        droplets.c.gone_at.is_(None),
    )
    query = sa.select(droplets.c.id, droplets.c.last_attempt_at).where(chosen).order_by(droplets.c.id)
    found = connection.execute(query.with_for_update(key_share=True)).all()
    if not found:
        return
    rows = [
        {"key": row.id, "since": next_stamp(now.replace(microsecond=0), row.last_attempt_at, None)} for row in found
    ]
    since: sa.BindParameter[datetime] = sa.bindparam("since")
    of_droplet = droplets.c.id == sa.bindparam("key")
    connection.execute(sa.update(droplets).where(of_droplet).values(unselected_since=since), rows)
    is_open = sa.and_(droplet_versions.c.droplet_id == sa.bindparam("key"), droplet_versions.c.valid_to.is_(None))
    connection.execute(sa.update(droplet_versions).where(is_open).values(valid_to=since), rows)
    # A version's other columns are those of its Droplet.
    attributes = [each.name for each in droplet_versions.c if each.name not in ("droplet_id", "valid_from", "valid_to")]
    opened = sa.select(droplets.c.id, droplets.c.unselected_since, *(droplets.c[name] for name in attributes)).where(
        among(connection, droplets.c.id, [row.id for row in found])
    )
    connection.execute(sa.insert(droplet_versions).from_select(["droplet_id", "valid_from", *attributes], opened))
