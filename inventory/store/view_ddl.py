"""Create the views in a database, and tell whether they are those of this program.

Views hold no data: they are dropped before the tables change, and created again afterwards. The database keeps their
headers as comments.
"""

import hashlib
import re

import sqlalchemy as sa

from inventory.errors import DatabaseUnusableError, Kept
from inventory.views.catalog import View, views

# This marks a view as ours, even one that this version of the program no longer has.
_MARK = "droplet-backup-inventory"
_MARKED = re.compile(rf"{_MARK} ([0-9a-f]{{16}})$", re.MULTILINE)
_DEPENDENT_OBJECTS = "2BP01"  # https://www.postgresql.org/docs/current/errcodes-appendix.html


def are_current(connection: sa.Connection) -> bool:
    """Tell whether the database has exactly the views of this program, made from the same text."""
    dialect = connection.dialect.name
    return _installed(connection) == {name: _digest(view, dialect) for name, view in views().items()}


def drop(connection: sa.Connection) -> None:
    """Drop our views, in the transaction that `connection` is in.

    Raises:
        DatabaseUnusableError: On PostgreSQL, a view of the user's own reads one of them. (SQLite allows that.)
    """
    names = list(_installed(connection))
    if connection.dialect.name == "sqlite":
        for name in names:
            connection.exec_driver_sql(f"DROP VIEW {name}")
    elif names:
        try:
            # In one statement, so that their order does not matter.
            connection.exec_driver_sql(f"DROP VIEW {', '.join(names)}")
        except sa.exc.DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != _DEPENDENT_OBJECTS:
                raise
            readers = getattr(error.orig, "diag", None)
            raise DatabaseUnusableError(
                f"the views cannot be replaced: {' and '.join(readers.message_detail.splitlines())}",  # type: ignore[union-attr]
                kept=Kept.NOTHING_CHANGED,
                to_do="drop your own view, upgrade, and create it again.",
            ) from error


def create(connection: sa.Connection) -> None:
    """Create all views in a database that has none of them.

    Raises:
        DatabaseUnusableError: A table or view that is not ours has the name of one of them.
    """
    inspector, dialect = sa.inspect(connection), connection.dialect.name
    if taken := views().keys() & {*inspector.get_view_names(), *inspector.get_table_names()}:
        raise DatabaseUnusableError(
            f"{' and '.join(sorted(taken))} in the database is not of this program, which has a view of that name",
            kept=Kept.NOTHING_CHANGED,
            to_do="rename or drop your own, then try again.",
        )
    for name, view in views().items():
        mark = f"{_MARK} {_digest(view, dialect)}"
        if dialect == "sqlite":
            # SQLite keeps the text of the statement.
            connection.exec_driver_sql(f"CREATE VIEW {name} AS -- {mark}\n{view.header}\n{view.queries[dialect]}")
            continue
        connection.exec_driver_sql(f"CREATE VIEW {name} AS {view.queries[dialect]}".replace("%", "%%"))
        _comment(connection, f"VIEW {name}", f"{view.answers}\nGrain: {view.grain}\nUnits: {view.units}\n{mark}")
        for column, meaning in view.columns.items():
            _comment(connection, f"COLUMN {name}.{column}", meaning)


def _comment(connection: sa.Connection, thing: str, text: str) -> None:
    quoted = text.replace("'", "''").replace("%", "%%")
    connection.exec_driver_sql(f"COMMENT ON {thing} IS '{quoted}'")


def _installed(connection: sa.Connection) -> dict[str, str]:
    """Return the views that are ours, by name, with the digest of the text that each was made from."""
    if connection.dialect.name == "sqlite":
        found = connection.exec_driver_sql("SELECT name, sql FROM sqlite_schema WHERE type = 'view'")
    else:
        found = connection.exec_driver_sql(
            "SELECT relname, obj_description(oid, 'pg_class') FROM pg_class"
            " WHERE relkind = 'v' AND relnamespace = current_schema()::regnamespace"
        )
    return {name: match[1] for name, text in found if (match := _MARKED.search(text or ""))}


def _digest(view: View, dialect: str) -> str:
    return hashlib.sha256(f"{view.header}\n{view.queries[dialect]}".encode()).hexdigest()[:16]
