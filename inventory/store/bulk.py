"""Many rows at once: found by their ids, or inserted."""

import json
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite


def among(connection: sa.Connection, column: sa.Column[int], ids: Iterable[int]) -> sa.ColumnElement[bool]:
    """Return the condition that a column holds one of these ids.

    All ids are one parameter, so that the statement is the same for any number of them. Otherwise SQLAlchemy and
    psycopg would write and read a text with each id in it, every time.
    """
    if connection.dialect.name == "postgresql":
        # In PostgreSQL's notation for arrays: in a list, the driver would search each id for characters to escape.
        written = "{" + ",".join(map(str, ids)) + "}"
        return column == sa.any_(sa.cast(sa.literal(written, sa.types.NULLTYPE), sa.ARRAY(sa.BigInteger)))
    each = sa.func.json_each(json.dumps(list(ids))).table_valued("value")
    return column.in_(sa.select(each.c.value))


def insert(connection: sa.Connection, table: sa.Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert rows of the same columns, two or more; none of their keys is in the table yet.

    On PostgreSQL with COPY, which takes a fifth of the time of an INSERT for each row and needs no other privilege; on
    SQLite as one prepared statement.
    """
    in_order = sorted(rows, key=itemgetter(*table.primary_key.columns.keys()))
    if in_order and connection.dialect.name == "postgresql":
        names = list(in_order[0])
        copy_in(connection, [table.c[name] for name in names], map(itemgetter(*names), in_order))
    elif in_order:
        connection.execute(sa.insert(table), in_order)


def copy_in(connection: sa.Connection, columns: Sequence[sa.Column[Any]], rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows of these columns of one table with PostgreSQL's COPY."""
    dialect = connection.dialect
    converters = [column.type.dialect_impl(dialect).bind_processor(dialect) for column in columns]
    names = ", ".join(map(dialect.identifier_preparer.format_column, columns))
    statement = f"COPY {columns[0].table.name} ({names}) FROM STDIN"
    driver: Any = connection.connection.driver_connection
    base: type[Exception] = dialect.loaded_dbapi.Error
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(
                    [convert(value) if convert else value for convert, value in zip(converters, row, strict=True)]
                )
    except base as error:
        # SQLAlchemy, which knows nothing of COPY, wraps the errors of all other statements like this.
        raise sa.exc.DBAPIError.instance(statement, None, error, base, dialect=dialect) from error


def upsert(connection: sa.Connection, table: sa.Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert rows, or replace rows of the same primary key; of several `rows` with one key the last counts."""
    keys = [column.name for column in table.primary_key]
    by_key = {itemgetter(*keys)(row): row for row in rows}
    if not by_key:
        return
    statement = _insert(connection, table)
    others = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in keys}
    connection.execute(
        statement.on_conflict_do_update(index_elements=keys, set_=others), [by_key[key] for key in sorted(by_key)]
    )


def insert_or_leave(connection: sa.Connection, table: sa.Table, row: Mapping[str, Any]) -> None:
    """Insert the row, unless the table has one with the same key or unique name."""
    connection.execute(_insert(connection, table).values(row).on_conflict_do_nothing())


def _insert(connection: sa.Connection, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)
