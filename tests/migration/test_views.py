"""The views are created with the tables and again when their texts change; the user's own views are left alone."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from types import MappingProxyType

import pytest
import sqlalchemy as sa
from alembic.config import Config

from inventory.errors import DatabaseUnusableError
from inventory.store import view_ddl
from inventory.store.engine import Database
from inventory.store.upgrade import configuration, upgrade
from inventory.views import catalog
from tests.migration.later import downgrade, head_of

THEIRS = "CREATE VIEW mine AS SELECT droplet, count(*) AS backups FROM live_backups GROUP BY droplet"


@pytest.fixture
def database(migrated_url: str) -> Iterator[Database]:
    database = Database(migrated_url)
    yield database
    database.close()


@pytest.fixture
def changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be a later version of the program: a view says something else, one is new, and one is no more."""
    found = dict(catalog.views())
    of_old = found.pop("cost_now")
    backups = found["live_backups"]
    queries = {
        dialect: query.replace("k.account,", "1 AS one, k.account,") for dialect, query in backups.queries.items()
    }
    found["live_backups"] = replace(backups, queries=queries)
    found["new_view"] = replace(
        of_old, name="new_view", queries=dict.fromkeys(queries, "SELECT 'new' AS account"), columns={}
    )
    monkeypatch.setattr(view_ddl, "views", lambda: MappingProxyType(found))


def names(database: Database) -> set[str]:
    with database.reading() as connection:
        return set(sa.inspect(connection).get_view_names())


def execute(database: Database, *statements: str) -> None:
    with database.writing() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def are_current(database: Database) -> bool:
    with database.reading() as connection:
        return view_ddl.are_current(connection)


def test_every_view_is_made(database: Database) -> None:
    assert names(database) == catalog.views().keys()
    assert are_current(database)


def test_nothing_is_created_again_if_nothing_changed(database: Database) -> None:
    with database.reading() as connection:
        query = (
            "SELECT rowid, sql FROM sqlite_schema ORDER BY rowid"
            if database.is_sqlite
            else "SELECT oid, relname FROM pg_class ORDER BY oid"
        )
        before = connection.exec_driver_sql(query).all()
    upgrade(database)
    with database.reading() as connection:
        assert connection.exec_driver_sql(query).all() == before


@pytest.mark.usefixtures("changed")
def test_a_changed_text_creates_the_views_again(database: Database) -> None:
    assert not are_current(database)
    upgrade(database)
    assert are_current(database)
    assert "new_view" in names(database)
    assert "cost_now" not in names(database)
    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(one) FROM live_backups").scalar_one() == 0


def test_a_view_that_somebody_dropped_comes_back(database: Database) -> None:
    execute(database, "DROP VIEW cost_now")
    assert not are_current(database)
    upgrade(database)
    assert are_current(database)


@pytest.mark.usefixtures("changed")
def test_a_users_own_view_on_ours_is_not_lost(database: Database) -> None:
    execute(database, THEIRS)
    if database.is_sqlite:
        upgrade(database)
    else:
        with pytest.raises(DatabaseUnusableError, match="view mine depends on view live_backups"):
            upgrade(database)
        assert names(database) == {*catalog.views(), "mine"}
        assert not are_current(database)
        execute(database, "DROP VIEW mine")
        upgrade(database)
        execute(database, THEIRS)
    assert are_current(database)
    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT * FROM mine").all() == []


def test_a_view_that_somebody_put_in_place_of_ours_is_not_touched(sqlite_url: str) -> None:
    with closing(Database(sqlite_url)) as database:
        upgrade(database)
        execute(database, "DROP VIEW report_clock", "CREATE VIEW report_clock AS SELECT '2026-01-01' AS now")
        with pytest.raises(DatabaseUnusableError, match="report_clock in the database is not of this program"):
            upgrade(database)
        assert names(database) == catalog.views().keys()


def test_a_users_own_view_outlives_a_change_of_the_tables(sqlite_url: str, newer: Config) -> None:
    """By default, SQLite renames no table while a view reads a table that is replaced."""
    with closing(Database(sqlite_url)) as database:
        upgrade(database, newer)
        downgrade(database, newer, head_of(configuration()))
        assert names(database) == set(), "tables of an older version have no views"
        execute(
            database,
            "CREATE VIEW mine AS SELECT sum(size_gigabytes) AS gigabytes FROM backups",
            THEIRS.replace("mine", "waiting"),
        )
        upgrade(database, newer)
        assert names(database) == {*catalog.views(), "mine", "waiting"}
        with database.reading() as connection:
            assert connection.exec_driver_sql("SELECT * FROM mine, waiting").all() == []


def test_views_and_their_columns_are_described_in_the_database(database: Database) -> None:
    if database.is_sqlite:
        with database.reading() as connection:
            made = connection.exec_driver_sql("SELECT name, sql FROM sqlite_schema WHERE type = 'view'")
            texts = {name: text for name, text in made}  # noqa: C416 - for mypy a row is no pair
        for name, view in catalog.views().items():
            assert view.header in texts[name]
        return
    with database.reading() as connection:
        of_views = connection.exec_driver_sql(
            "SELECT relname, obj_description(oid) FROM pg_class"
            " WHERE relkind = 'v' AND relnamespace = 'public'::regnamespace"
        )
        described = {name: text for name, text in of_views}  # noqa: C416 - as above
        of_columns = connection.exec_driver_sql(
            "SELECT attrelid::regclass::text, attname, col_description(attrelid, attnum) FROM pg_attribute"
            " JOIN pg_class ON pg_class.oid = attrelid WHERE relkind = 'v' AND relnamespace = 'public'::regnamespace"
            " AND attnum > 0"
        )
        columns = {(name, column): text for name, column, text in of_columns}
    for name, view in catalog.views().items():
        assert described[name].startswith(view.answers)
        for column, meaning in view.columns.items():
            assert columns[name, column] == meaning
