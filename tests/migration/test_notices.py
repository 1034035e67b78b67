"""Revisions 0014 and 0015: a role that reads later tables by itself does not read what people were told."""

import sqlalchemy as sa

from inventory.store import notices
from inventory.store.engine import Database
from inventory.store.schema import PRIVATE
from inventory.store.upgrade import configuration, upgrade
from tests.migration.later import downgrade


def test_the_tables_come_and_go_with_their_rows(filled: Database) -> None:
    downgrade(filled, configuration(), "0014-1")
    upgrade(filled)
    with filled.reading() as connection:
        assert [connection.execute(sa.select(table)).all() for table in PRIVATE] == [[] for _ in PRIVATE]


def test_what_was_told_before_is_still_known(filled: Database) -> None:
    downgrade(filled, configuration(), "0014")
    upgrade(filled)
    with filled.reading() as connection:
        state = notices.read(connection, "print")
    (told,) = state.known.values()
    assert told.found_at == told.told_at
    assert (state.tried, state.scope) == ({}, None)


def test_a_reader_from_before_does_not_read_them(migrated_postgres_url: str) -> None:
    database = Database(migrated_postgres_url)
    role = "reads-from-before"
    try:
        downgrade(database, configuration(), "0014-1")
        with database.writing() as connection:
            connection.exec_driver_sql(f'CREATE ROLE "{role}"')
            connection.exec_driver_sql(f'ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO "{role}"')
        upgrade(database)
        with database.reading() as connection:
            may = sa.text("SELECT has_table_privilege(:role, :name, 'SELECT')")
            for table in PRIVATE:
                assert not connection.execute(may, {"role": role, "name": table.name}).scalar_one()
    finally:
        with database.writing() as connection:
            connection.exec_driver_sql(f'DROP OWNED BY "{role}"')
            connection.exec_driver_sql(f'DROP ROLE "{role}"')
        database.close()
