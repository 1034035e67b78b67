"""A transaction that only reads, and only for so long; the next one of its connection is as any other."""

import pytest
import sqlalchemy as sa

from inventory.errors import DatabaseUnavailableError, DatabaseUnusableError
from inventory.store.engine import Database
from inventory.store.limited import only_reading

LONG = """WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 1000000000)
SELECT count(*) FROM numbers"""
WRITE = sa.text("UPDATE accounts SET status = 'x'")


def test_what_takes_too_long_is_ended_and_the_next_reading_is_not(database: Database) -> None:
    with (
        pytest.raises(DatabaseUnavailableError, match=r"reading took longer than 0\.2 s"),
        database.reading() as connection,
        only_reading(connection, 0.2),
    ):
        connection.execute(sa.text(LONG))
    with database.reading() as connection, only_reading(connection, 60):
        assert connection.scalar(sa.text("SELECT count(*) FROM accounts")) == 0


def test_nothing_can_be_written_but_by_the_next_writer(database: Database) -> None:
    with (
        pytest.raises(DatabaseUnusableError, match="read-only"),
        database.reading() as connection,
        only_reading(connection, 60),
    ):
        connection.execute(WRITE)
    with database.writing() as connection:
        connection.execute(WRITE)
