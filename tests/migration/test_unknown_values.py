"""Revision 0004: what a stored policy cannot mean is unknown from now on, on a filled database."""

import pytest
import sqlalchemy as sa

from inventory.store.engine import Database
from inventory.store.schema import backup_policies
from inventory.store.upgrade import configuration, upgrade
from tests.migration.later import downgrade

pytestmark = pytest.mark.costly


@pytest.mark.parametrize(
    ("stored", "kept"), [(0, None), (-1, None), (2**31 - 1, None), (3_651, None), (1, 1), (28, 28), (3_650, 3_650)]
)
def test_a_stored_retention_that_cannot_be_true_becomes_unknown(
    filled: Database, stored: int, kept: int | None
) -> None:
    downgrade(filled, configuration(), "0003")
    columns = [backup_policies.c.retention_days, backup_policies.c.window_length_hours]
    with filled.writing() as connection:
        before = connection.execute(sa.select(backup_policies.c.droplet_id, backup_policies.c.plan)).all()
        connection.execute(sa.update(backup_policies).values(retention_days=stored, window_length_hours=stored))
    upgrade(filled)
    with filled.reading() as connection:
        found = {tuple(row) for row in connection.execute(sa.select(*columns))}
        assert found == {(kept, kept if stored <= 168 else None)}
        assert connection.execute(sa.select(backup_policies.c.droplet_id, backup_policies.c.plan)).all() == before
