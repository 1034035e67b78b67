"""From when on everything is known, in a database that may have been pruned."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from inventory.store.schema import accounts


@dataclass(frozen=True, slots=True)
class KnownSince:
    """What is left after the last `prune`.

    Attributes:
        as_of: As of this moment and all later ones, everything is known that was known then.
        made: Of all backups made from this moment on, everything is known; None: of all backups ever.
    """

    as_of: datetime
    made: datetime | None


def known_since(connection: sa.Connection, names: Collection[str] | None) -> KnownSince | None:
    """Give from when on everything is known of the accounts of these names, None for all; None if nothing is pruned."""
    query = sa.select(sa.func.max(accounts.c.complete_since), sa.func.max(accounts.c.pruned_before))
    if names is not None:
        query = query.where(accounts.c.name.in_(names))
    as_of, made = connection.execute(query).one()
    return KnownSince(as_of, made) if as_of else None
