"""Insert many new rows at once: on PostgreSQL through COPY, on SQLite as one prepared statement.

COPY takes a fifth of the time of an INSERT a row, and needs no other privilege.
"""

from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import sqlalchemy as sa


def insert(connection: sa.Connection, table: sa.Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert rows of the same columns, none of whose keys is there yet."""
    in_order = sorted(rows, key=itemgetter(*table.primary_key.columns.keys()))
    if in_order and connection.dialect.name == "postgresql":
        _copy(connection, [table.c[name] for name in in_order[0]], in_order)
    elif in_order:
        connection.execute(sa.insert(table), in_order)


def _copy(connection: sa.Connection, columns: Sequence[sa.Column[Any]], rows: Iterable[Mapping[str, Any]]) -> None:
    dialect = connection.dialect
    converters = {column.name: column.type.dialect_impl(dialect).bind_processor(dialect) for column in columns}
    names = ", ".join(map(dialect.identifier_preparer.format_column, columns))
    statement = f"COPY {columns[0].table.name} ({names}) FROM STDIN"
    driver: Any = connection.connection.driver_connection
    base: type[Exception] = dialect.loaded_dbapi.Error
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row([convert(row[name]) if convert else row[name] for name, convert in converters.items()])
    except base as error:
        # As SQLAlchemy, which knows nothing of COPY, has the errors of all other statements.
        raise sa.exc.DBAPIError.instance(statement, None, error, base, dialect=dialect) from error
