"""Revision 0005: a Droplet's region, size, status and creation time may be unknown, on a filled database."""

import sqlalchemy as sa

from inventory.store.engine import Database
from inventory.store.schema import droplet_versions, droplets
from inventory.store.upgrade import configuration, upgrade
from tests.migration.later import downgrade

BEFORE = "0004"


def rows(database: Database, table: sa.Table) -> list[dict[str, object]]:
    with database.reading() as connection:
        return [dict(row) for row in connection.execute(sa.select(table).order_by(*table.primary_key)).mappings()]


def test_what_is_stored_stays(filled: Database) -> None:
    before = rows(filled, droplets), rows(filled, droplet_versions)
    downgrade(filled, configuration(), BEFORE)
    upgrade(filled)
    assert (rows(filled, droplets), rows(filled, droplet_versions)) == before


def test_unknown_fields_can_be_stored_and_are_filled_by_a_downgrade(filled: Database) -> None:
    words = {"region": None, "size_slug": None, "status": None}
    with filled.writing() as connection:
        connection.execute(sa.update(droplets).values(**words, created_at=None))
        connection.execute(sa.update(droplet_versions).values(words))
    downgrade(filled, configuration(), BEFORE)
    upgrade(filled)
    for row in rows(filled, droplets):
        assert (row["region"], row["size_slug"], row["status"]) == ("", "", "")
        assert row["created_at"] == row["first_seen_at"]
    assert {row["status"] for row in rows(filled, droplet_versions)} == {""}
