"""Revision 0011: of what was pruned before, it is not said that more is known than is."""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from inventory.store.engine import Database
from inventory.store.schema import accounts
from inventory.store.upgrade import configuration, upgrade
from tests.migration.later import downgrade

MAY = datetime(2026, 5, 1, tzinfo=UTC)


def test_the_latest_moment_is_taken_that_the_days_kept_can_have_begun(filled: Database) -> None:
    downgrade(filled, configuration(), "0011-1")
    with filled.writing() as connection:
        connection.execute(sa.update(accounts).values(pruned_before=MAY))
        connection.execute(sa.insert(accounts).values(id=2, name="other"))
    upgrade(filled)
    with filled.reading() as connection:
        found = connection.execute(sa.select(accounts.c.name, accounts.c.complete_since)).all()
    assert dict(map(tuple, found)) == {"default": MAY + timedelta(days=31 + 90), "other": None}
