"""Statistics of PostgreSQL's planner: a database that was filled by syncs alone has them from the first sync on."""

from contextlib import closing
from typing import Any

import sqlalchemy as sa

from inventory.store import statistics
from inventory.store.engine import Database
from tests.simulated import Account

_WITHOUT = """
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND reltuples < 0 AND pg_relation_size(oid) > 0
  AND relname <> 'inventory_schema_version'"""


def test_the_first_sync_leaves_no_filled_table_without_statistics(migrated_postgres_url: str) -> None:
    with closing(Database(migrated_postgres_url)) as database:
        account = Account(database)
        account.fleet.add_droplet(name="web-1", backups=6)
        account.sync()
        with database.reading() as connection:
            assert connection.scalar(sa.text("SELECT reltuples FROM pg_class WHERE relname = 'accounts'")) == 1
            assert connection.scalars(sa.text(_WITHOUT)).all() == []


def test_a_role_that_does_not_own_the_tables_leaves_them_without_a_warning(migrated_postgres_url: str) -> None:
    notices: list[str] = []
    with closing(Database(migrated_postgres_url)) as database:
        with database.writing() as connection:
            connection.exec_driver_sql("INSERT INTO accounts (name) VALUES ('default')")
        with database.writing() as connection:
            driver: Any = connection.connection.driver_connection
            driver.add_notice_handler(lambda notice: notices.append(notice.message_primary))
            connection.exec_driver_sql("CREATE ROLE writer; SET LOCAL ROLE writer")
            statistics.gather(connection)
            connection.rollback()
        assert notices == []
        with database.writing() as connection:
            statistics.gather(connection)
            assert connection.scalar(sa.text("SELECT reltuples FROM pg_class WHERE relname = 'accounts'")) == 1


def test_a_table_that_was_analysed_while_it_was_small_is_analysed_again(migrated_postgres_url: str) -> None:
    with closing(Database(migrated_postgres_url)) as database, database.writing() as connection:
        connection.exec_driver_sql("INSERT INTO accounts (name) VALUES ('default'); ANALYZE accounts")
        connection.exec_driver_sql("INSERT INTO accounts (name) SELECT n FROM generate_series(1, 1000) n")
        statistics.gather(connection)
        assert connection.scalar(sa.text("SELECT reltuples FROM pg_class WHERE relname = 'accounts'")) == 1001
