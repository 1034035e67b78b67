"""Revision 0010: the uuid that was stored stays, in lower case, and the team beside it is not known yet."""

import sqlalchemy as sa

from inventory.store.engine import Database
from inventory.store.schema import accounts, droplets
from inventory.store.upgrade import configuration, upgrade
from tests.migration.later import downgrade


def test_a_stored_uuid_is_kept_in_lower_case(filled: Database) -> None:
    downgrade(filled, configuration(), "0010-1")
    with filled.writing() as connection:
        connection.execute(sa.update(accounts).values(uuid="F81D4FAE", status="active"))
        known = connection.execute(sa.select(droplets.c.id, droplets.c.account_id)).all()
    upgrade(filled)
    with filled.reading() as connection:
        found = connection.execute(sa.select(accounts.c.uuid, accounts.c.team_uuid, accounts.c.status)).all()
        assert found == [("f81d4fae", None, "active")]
        assert connection.execute(sa.select(droplets.c.id, droplets.c.account_id)).all() == known
