"""What PostgreSQL's planner knows of our tables.

The server gathers statistics of a table only after 50 changes, thus never of `accounts`, and takes a table without
statistics for one of a thousand rows. The views join `accounts` to everything, and were planned by that.
Source: https://www.postgresql.org/docs/current/routine-vacuuming.html#AUTOVACUUM.
"""

import sqlalchemy as sa

from inventory.store.schema import metadata

# relpages is from the last ANALYZE, 0 before the first: https://www.postgresql.org/docs/current/catalog-pg-class.html
_GROWN = """
SELECT oid::regclass::text FROM pg_class
WHERE relnamespace = current_schema()::regnamespace AND relname = ANY(:names)
  AND relkind = 'r' AND pg_relation_size(oid) > 2 * relpages::bigint * current_setting('block_size')::bigint
  AND pg_has_role(relowner, 'USAGE')
ORDER BY relname"""


def gather(connection: sa.Connection) -> None:
    """Analyse the tables that have rows and no statistics, or have more than doubled since; SQLite needs none.

    In the middle of a long first sync, the server itself may have analysed them. Tables that another session analyses
    or alters are left to the next sync, and so are those of another owner, of each of which the server would log a
    warning: they are analysed when their owner upgrades them.
    """
    if connection.dialect.name != "postgresql":
        return
    names = {"names": list(metadata.tables)}
    tables = connection.scalars(sa.text(_GROWN), names).all()
    if tables:
        connection.exec_driver_sql(f"ANALYZE (SKIP_LOCKED) {', '.join(tables)}")
