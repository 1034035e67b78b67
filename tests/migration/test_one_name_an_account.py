"""Revision 0012: nothing is claimed yet, and two names of one account, stored before, do not stop the upgrade."""

import sqlalchemy as sa

from inventory.store.engine import Database
from inventory.store.schema import accounts
from inventory.store.upgrade import configuration, upgrade
from tests.migration.later import downgrade


def test_two_names_of_one_account_stay(filled: Database) -> None:
    downgrade(filled, configuration(), "0012-1")
    with filled.writing() as connection:
        connection.execute(sa.update(accounts).values(uuid="f81d4fae"))
        connection.execute(sa.insert(accounts).values(id=2, name="other", uuid="f81d4fae"))
    upgrade(filled)
    columns = (accounts.c.id, accounts.c.name, accounts.c.uuid, accounts.c.claimed_uuid)
    with filled.reading() as connection:
        found = connection.execute(sa.select(*columns).order_by(accounts.c.id)).all()
    assert found == [(1, "default", "f81d4fae", None), (2, "other", "f81d4fae", None)]
