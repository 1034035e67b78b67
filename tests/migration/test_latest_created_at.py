"""Revision 0007: a second creation time of a backup has a place, and what was stored stays, on a filled database."""

from typing import Any

import sqlalchemy as sa

from inventory.store.engine import Database
from inventory.store.schema import backup_versions, backups
from inventory.store.upgrade import configuration, upgrade
from tests.migration.conftest import ROWS, TUESDAY
from tests.migration.later import downgrade


def read(database: Database, table: sa.Table) -> list[dict[str, Any]]:
    with database.reading() as connection:
        return [dict(row) for row in connection.execute(sa.select(table).order_by(*table.primary_key)).mappings()]


def test_no_backup_has_another_creation_time_after_the_upgrade(filled: Database) -> None:
    before = read(filled, backups), read(filled, backup_versions)
    with filled.writing() as connection:
        connection.execute(sa.update(backups).values(latest_created_at=TUESDAY))
        connection.execute(sa.update(backup_versions).values(created_at=TUESDAY))
    downgrade(filled, configuration(), "0004")
    upgrade(filled)
    assert len(before[0]) == len(ROWS["backups"])
    assert (read(filled, backups), read(filled, backup_versions)) == before
