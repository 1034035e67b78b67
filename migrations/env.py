"""Alembic's environment: runs the migrations on the connection it is handed.

`inventory db upgrade` and `inventory sync` hand one over (see inventory/store/upgrade.py). To write a new migration,
given a database that `inventory db upgrade` made:

    alembic -x url=sqlite:////tmp/draft.db revision --autogenerate -m "say what"
"""

import sqlalchemy as sa
from alembic import context

from inventory.store import schema, view_ddl
from inventory.store.engine import Database
from inventory.store.upgrade import VERSION_TABLE, revision


def run(connection: sa.Connection) -> None:
    """Run the migrations in the transaction that `connection` is in, without the views, and make them anew.

    A view on a table would keep it from being changed. Tables older than this program's get no views.
    """
    view_ddl.drop(connection)
    context.configure(
        connection=connection,
        target_metadata=schema.metadata,
        version_table=VERSION_TABLE,
        render_as_batch=True,
        compare_type=True,
        compare_server_default=True,
    )
    with context.begin_transaction():
        context.run_migrations()
    if revision(connection) == context.script.get_current_head():
        view_ddl.create(connection)


given: sa.Connection | None = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    with Database(context.get_x_argument(as_dictionary=True)["url"]).writing() as own:
        run(own)
