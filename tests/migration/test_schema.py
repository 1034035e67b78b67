"""The migrations make the tables that the metadata describe, and the tables refuse what may never be."""

import math
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from inventory.store import view_ddl
from inventory.store.engine import Database
from inventory.store.schema import backup_versions, backups, metadata
from inventory.store.upgrade import VERSION_TABLE
from inventory.views.times import UtcDateTime

TABLES = sorted(metadata.tables)
HISTORY = [name for name in TABLES if "valid_to" in metadata.tables[name].c]
COLUMNS = [column for name in TABLES for column in metadata.tables[name].columns]
FOREIGN_KEYS = [key for column in COLUMNS for key in column.foreign_keys]
LIVE, GONE = 1001, 1002

POSTGRESQL_CATALOG = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT relname, 'options', reloptions::text FROM pg_class WHERE reloptions IS NOT NULL
        AND relnamespace = 'public'::regnamespace
    UNION ALL SELECT attrelid::regclass::text, attname,
        concat_ws(' ', format_type(atttypid, atttypmod), attnotnull, attidentity,
                  pg_get_expr(adbin, adrelid), col_description(attrelid, attnum))
        FROM pg_attribute LEFT JOIN pg_attrdef ON (adrelid, adnum) = (attrelid, attnum)
        WHERE attnum > 0 AND attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace
                                          AND relkind = 'r')
    UNION ALL SELECT relname, 'comment', obj_description(oid) FROM pg_class
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""


def catalog(connection: sa.Connection) -> list[Any]:
    """Everything the database itself knows of the tables, in no order that migrations could change."""
    if connection.dialect.name == "postgresql":
        rows = connection.exec_driver_sql(POSTGRESQL_CATALOG)
        return sorted(tuple(str(value) for value in row) for row in rows if VERSION_TABLE not in row[0])
    statements = connection.exec_driver_sql(
        "SELECT tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND type <> 'view'"
    )
    return sorted((table, sorted(_parts(table, text))) for table, text in statements if table != VERSION_TABLE)


def _parts(table: str, text: str) -> Iterator[str]:
    """Split a statement of SQLite: it quotes a renamed table, and puts an added column on the line of the last."""
    for line in text.replace(f'"{table}"', table).splitlines():
        yield from (part.strip(" \t,") for part in re.split(r", (?=[a-z_]+ [A-Z])", line))


def test_migrations_leave_nothing_to_autogenerate(migrated_url: str) -> None:
    database = Database(migrated_url)
    with database.reading() as connection:
        options = {"version_table": VERSION_TABLE, "compare_type": True, "compare_server_default": True}
        difference = compare_metadata(MigrationContext.configure(connection, opts=options), metadata)
    database.close()
    assert difference == []


def test_migrations_make_exactly_what_the_metadata_describe(migrated_url: str) -> None:
    database = Database(migrated_url)
    with database.writing() as connection:
        migrated = catalog(connection)
        view_ddl.drop(connection)
        metadata.drop_all(connection)
        metadata.create_all(connection)
        described = catalog(connection)
    database.close()
    assert len(migrated) > len(TABLES)
    assert migrated == described


def test_rows_of_every_table_are_accepted(filled: Database) -> None:
    with filled.reading() as connection:
        for table in metadata.sorted_tables:
            assert connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() > 0, table.name


def refuse(database: Database, statement: sa.Executable) -> None:
    """Assert that the database itself refuses the statement."""
    with pytest.raises(sa.exc.IntegrityError), database.writing() as connection:
        connection.execute(statement)


def open_rows(database: Database, table: sa.Table) -> list[dict[str, Any]]:
    with database.reading() as connection:
        return [dict(row._mapping) for row in connection.execute(sa.select(table).where(table.c.valid_to.is_(None)))]


@pytest.mark.parametrize("name", HISTORY)
def test_history_has_one_open_interval_a_key(filled: Database, name: str) -> None:
    table = metadata.tables[name]
    (held,) = open_rows(filled, table)
    second = {**held, "valid_from": held["valid_from"] + timedelta(days=1)}
    refuse(filled, sa.insert(table).values(second))
    # The same interval closed is as good as the closed one that is there already: the guard looks at open ones alone.
    cause = {"closed_by": "change"} if "closed_by" in table.c else {}
    closed = {**second, **cause, "valid_to": second["valid_from"] + timedelta(days=1)}
    with filled.writing() as connection:
        connection.execute(sa.insert(table).values(closed))


@pytest.mark.parametrize("name", HISTORY)
def test_intervals_end_after_they_begin(filled: Database, name: str) -> None:
    table = metadata.tables[name]
    (held,) = open_rows(filled, table)
    cause = {"closed_by": "change"} if "closed_by" in table.c else {}
    for seconds in (0, -1):
        ended = {**cause, "valid_to": held["valid_from"] + timedelta(seconds=seconds)}
        refuse(filled, sa.update(table).where(table.c.valid_to.is_(None)).values(ended))


@pytest.mark.parametrize("name", [name for name in TABLES if "size_gigabytes" in metadata.tables[name].c])
def test_sizes_are_finite_and_not_negative(filled: Database, name: str) -> None:
    table = metadata.tables[name]
    # To SQLite, NaN is NULL.
    refused = [] if filled.is_sqlite and table.c.size_gigabytes.nullable else [math.nan]
    for size in (-0.01, 1e12, math.inf, -math.inf, *refused):
        refuse(filled, sa.update(table).values(size_gigabytes=size))


@pytest.mark.parametrize(
    ("backup_id", "change"),
    [
        pytest.param(LIVE, {"missing_since": None, "gone_at": backups.c.created_at}, id="gone without a reason"),
        pytest.param(LIVE, {"gone_reason": "expired"}, id="a reason, and not gone"),
        pytest.param(LIVE, {"gone_after_at": backups.c.created_at}, id="last seen, and not gone"),
        pytest.param(GONE, {"gone_reason": None}, id="its reason forgotten"),
        pytest.param(GONE, {"gone_after_at": None}, id="last seen forgotten"),
        pytest.param(GONE, {"gone_at": None}, id="its end forgotten"),
        pytest.param(GONE, {"gone_after_at": backups.c.gone_at}, id="seen when it was gone"),
        pytest.param(GONE, {"missing_since": backups.c.gone_at}, id="gone, and held back"),
    ],
)
def test_an_end_is_whole_or_not_there(filled: Database, backup_id: int, change: dict[str, Any]) -> None:
    refuse(filled, sa.update(backups).where(backups.c.id == backup_id).values(change))


def test_a_version_says_what_closed_it(filled: Database) -> None:
    is_open = backup_versions.c.valid_to.is_(None)
    refuse(filled, sa.update(backup_versions).where(is_open).values(closed_by="change"))
    refuse(filled, sa.update(backup_versions).where(~is_open).values(closed_by=None))


def test_one_run_of_an_account_is_running(filled: Database) -> None:
    refuse(filled, sa.text("UPDATE sync_runs SET status = 'running'"))
    with filled.writing() as connection:
        connection.execute(sa.text("UPDATE sync_runs SET status = 'complete'"))


def test_account_names_are_unique(filled: Database) -> None:
    refuse(filled, sa.text("INSERT INTO accounts (id, name) VALUES (2, 'default')"))


@pytest.mark.parametrize("key", FOREIGN_KEYS, ids=lambda key: str(key.parent))
def test_no_row_is_without_its_parent(filled: Database, key: sa.ForeignKey) -> None:
    table = key.parent.table
    refuse(filled, sa.update(table).values({key.parent.name: 999_999_999}))
    refuse(filled, sa.delete(key.column.table))
    assert key.ondelete is None


@pytest.mark.parametrize("name", TABLES)
def test_tables_and_columns_say_what_they_hold(name: str) -> None:
    table = metadata.tables[name]
    assert table.comment
    for column in table.columns:
        assert column.comment, column
        assert "NULL" in column.comment or not column.nullable, column


def _names(kind: type[Any]) -> Iterator[sa.Column[Any]]:
    return (column for column in COLUMNS if isinstance(column.type, kind))


def test_names_say_kind_and_unit() -> None:
    for time in _names(UtcDateTime):
        assert re.fullmatch(r"\w+(_at|_since|_before)|valid_from|valid_to", time.name), time
    for truth in _names(sa.Boolean):
        assert truth.name.startswith("is_"), truth
    for figure in _names(sa.Double):
        assert re.search(r"_(gigabytes|usd|seconds|percent)$", figure.name), figure
    assert not list(_names(sa.DateTime)), "times without a zone"


def test_constraints_and_indexes_are_named() -> None:
    for table in metadata.tables.values():
        names = [str(guard.name) for guard in table.constraints] + [str(index.name) for index in table.indexes]
        assert all(re.match(r"(pk|fk|ck|uq|ix)_[a-z_]+$", name) for name in names), names
        assert all(len(name) <= 63 for name in names), "PostgreSQL cuts longer names"
