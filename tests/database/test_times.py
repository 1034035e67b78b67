"""Times: UTC, whole seconds, the same value on both databases, comparable in plain SQL."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa

from inventory.store.engine import Database, memory
from inventory.store.schema import accounts

NOON = datetime(2026, 3, 3, 12, 0, 0, tzinfo=UTC)


def kept(database: Database, time: datetime | None) -> datetime | None:
    """Write a time and read it back."""
    with database.writing() as connection:
        connection.execute(sa.delete(accounts))
        connection.execute(sa.insert(accounts).values(name="default", pruned_before=time))
    with database.reading() as connection:
        found: datetime | None = connection.execute(sa.select(accounts.c.pruned_before)).scalar_one()
    return found


@pytest.mark.parametrize(
    "time",
    [
        None,
        NOON,
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
    ],
)
def test_a_time_comes_back_as_it_went(database: Database, time: datetime | None) -> None:
    found = kept(database, time)
    assert found == time
    assert found is None or found.tzinfo is UTC


def test_fractions_are_dropped_never_rounded_up(database: Database) -> None:
    assert kept(database, NOON.replace(microsecond=999_999)) == NOON


def test_other_zones_become_utc(database: Database) -> None:
    assert kept(database, NOON.astimezone(timezone(timedelta(hours=5, minutes=45)))) == NOON


def test_a_time_without_a_zone_is_a_bug(database: Database) -> None:
    with pytest.raises(sa.exc.StatementError, match="without a zone"):
        kept(database, NOON.replace(tzinfo=None))


def test_plain_sql_compares_times(database: Database) -> None:
    kept(database, NOON)
    counts = []
    with database.reading() as connection:
        for text in ("2026-03-03 11:59:59", "2026-03-03 12:00:00", "2026-03-03 12:00:01"):
            query = sa.text("SELECT count(*) FROM accounts WHERE pruned_before <= :limit")
            limit = text if database.is_sqlite else f"{text}+00"
            counts.append(connection.execute(query, {"limit": limit}).scalar_one())
        stored = connection.exec_driver_sql("SELECT CAST(pruned_before AS text) FROM accounts").scalar_one()
    assert counts == [0, 1, 1]
    assert stored.removesuffix("+00") == "2026-03-03 12:00:00"


def test_sqlite_knows_its_own_form() -> None:
    database = memory()
    with database.writing() as connection:
        accounts.create(connection)
        connection.execute(sa.insert(accounts).values(name="default", pruned_before=NOON))
        query = "SELECT pruned_before = datetime('2026-03-03T12:00Z') FROM accounts"
        assert connection.exec_driver_sql(query).scalar_one() == 1
    database.close()


def test_a_postgresql_session_may_have_any_zone(postgres_url: str) -> None:
    database = Database(postgres_url)
    with database.writing() as connection:
        accounts.create(connection)
        connection.exec_driver_sql("SET TIME ZONE 'Asia/Kathmandu'")
        connection.execute(sa.insert(accounts).values(name="default", pruned_before=NOON))
        found = connection.execute(sa.select(accounts.c.pruned_before)).scalar_one()
        assert (found, found.tzinfo) == (NOON, UTC)
        same = sa.select(accounts.c.name).where(accounts.c.pruned_before == NOON)
        assert connection.execute(same).scalar_one() == "default"
    database.close()
