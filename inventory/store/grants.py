"""A PostgreSQL role that may read our tables and views, and do nothing more.

It cannot write because it has no privilege to. Its read-only transactions and its time-outs, which the role itself can
change, only protect others from its mistakes.

Source: https://www.postgresql.org/docs/current/sql-alterdefaultprivileges.html
"""

import sqlalchemy as sa

from inventory.errors import DatabaseUnusableError, Kept, UsageError
from inventory.store.connecting import READER_SETTINGS
from inventory.store.engine import Database
from inventory.store.schema import PRIVATE, metadata
from inventory.store.upgrade import VERSION_TABLE
from inventory.views.catalog import views

_LONGEST_NAME_BYTES = 63
_SETTINGS = {
    "default_transaction_read_only": "on",
    "statement_timeout": "60s",
    # A transaction left open would block every later upgrade of the views.
    "idle_in_transaction_session_timeout": "10min",
    **READER_SETTINGS,
}

_OWNER = "SELECT relowner::regrole::name FROM pg_class WHERE oid = to_regclass('backups')"
_IS_ALLOWED_TO_MAKE_ROLES = "SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user"
_IS_MIGHTY = """
    SELECT rolsuper OR rolcreaterole OR pg_has_role(rolname, CAST(:owner AS name), 'MEMBER')
    FROM pg_roles WHERE rolname = :role
"""
_STILL_ALLOWED = """
    SELECT 'write ' || relname FROM pg_class
    WHERE oid = ANY (SELECT to_regclass(name) FROM unnest(CAST(:names AS text[])) AS name)
        AND (
            has_table_privilege(CAST(:role AS name), oid, 'DELETE, TRUNCATE, TRIGGER')
            OR has_any_column_privilege(CAST(:role AS name), oid, 'INSERT, UPDATE, REFERENCES')
        )
    UNION ALL SELECT 'create in schema ' || current_schema()
    WHERE has_schema_privilege(CAST(:role AS name), current_schema(), 'CREATE')
    UNION ALL SELECT 'create schemas in database ' || current_database()
    WHERE has_database_privilege(CAST(:role AS name), current_database(), 'CREATE')
"""


def readable() -> list[str]:
    """Name the tables and views that a reader may read, with the version table, which commands check first."""
    tables = (table.name for table in metadata.tables.values() if table not in PRIVATE)
    return [*tables, *views(), VERSION_TABLE]


def grant_reader(database: Database, role: str) -> bool:
    """Create the role, or update one that exists, in one transaction; return whether it was created.

    A new role may log in once it has a password. It may also read views and tables that the owner of ours creates
    later: upgrades drop and create views, and a dropped view loses its grants.

    Raises:
        UsageError: No role can have this name.
        DatabaseUnusableError: The role could still write, or ours may not create roles.
    """
    _check_name(role)
    with database.writing() as connection:
        owner = connection.execute(sa.text(_OWNER)).scalar_one()
        is_mighty = connection.execute(sa.text(_IS_MIGHTY), {"owner": owner, "role": role}).scalar_one_or_none()
        if is_mighty:
            raise DatabaseUnusableError(
                f'role "{role}" is a superuser, may create roles, or is or may become "{owner}", who owns the tables: '
                "it could write in any case",
                kept=Kept.NOTHING_CHANGED,
                to_do="name another role.",
            )
        is_new = is_mighty is None
        if is_new:
            _check_may_make_roles(connection, role)
        for statement in _statements(connection, owner, role, is_new=is_new):
            connection.exec_driver_sql(statement)
        _check_harmless(connection, role)
    return is_new


def _check_name(role: str) -> None:
    is_reserved = role.startswith("pg_") or role in ("public", "none")
    if not role or not role.isprintable() or is_reserved or len(role.encode()) > _LONGEST_NAME_BYTES:
        raise UsageError(
            f'"{role}" cannot be the name of a role: it must have 1 to {_LONGEST_NAME_BYTES} bytes, must not be public '
            "or none, and must not begin with pg_",
            kept=Kept.NOTHING_CHANGED,
        )


def _check_may_make_roles(connection: sa.Connection, role: str) -> None:
    if not connection.execute(sa.text(_IS_ALLOWED_TO_MAKE_ROLES)).scalar_one():
        user = connection.execute(sa.text("SELECT current_user")).scalar_one()
        raise DatabaseUnusableError(
            f'role "{user}", which the database URL names, may not create roles',
            kept=Kept.NOTHING_CHANGED,
            to_do="an administrator can run this command once, with a role in INVENTORY_DATABASE_URL that may create "
            f'"{role}".',
        )


def _statements(connection: sa.Connection, owner: str, role: str, *, is_new: bool) -> list[str]:
    preparer = connection.dialect.identifier_preparer
    reader, maker = preparer.quote_identifier(role), preparer.quote_identifier(owner)
    schema, database = (
        preparer.quote_identifier(name)
        for name in connection.execute(sa.text("SELECT current_schema(), current_database()")).one()
    )
    ours = ", ".join(readable())
    return [
        *([f"CREATE ROLE {reader} LOGIN"] if is_new else []),
        *(f"ALTER ROLE {reader} IN DATABASE {database} SET {name} = '{value}'" for name, value in _SETTINGS.items()),
        f"GRANT CONNECT ON DATABASE {database} TO {reader}",
        f"REVOKE CREATE ON SCHEMA {schema} FROM {reader}",
        f"GRANT USAGE ON SCHEMA {schema} TO {reader}",
        f"REVOKE ALL ON {ours} FROM {reader}",
        f"GRANT SELECT ON {ours} TO {reader}",
        f"REVOKE ALL ON {', '.join(table.name for table in PRIVATE)} FROM {reader}",
        f"ALTER DEFAULT PRIVILEGES FOR ROLE {maker} IN SCHEMA {schema} GRANT SELECT ON TABLES TO {reader}",
    ]


def _check_harmless(connection: sa.Connection, role: str) -> None:
    """Refuse a role with further privileges: from PUBLIC, or from a role that it belongs to."""
    query = sa.text(_STILL_ALLOWED)
    if allowed := list(connection.scalars(query, {"role": role, "names": readable()})):
        raise DatabaseUnusableError(
            f'role "{role}" could still {allowed[0]}'
            + (f", and do {len(allowed) - 1} more things" if len(allowed) > 1 else "")
            + ": by a privilege of PUBLIC, or of a role that it belongs to",
            kept=Kept.NOTHING_CHANGED,
            to_do="revoke that first, for example: REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        )
