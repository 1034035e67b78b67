"""Alembic's environment: runs the migrations on the connection that it is given.

`inventory db upgrade` and `inventory sync` give one (see inventory/store/upgrade.py). To write a new migration, given
a database that `inventory db upgrade` made, and the number after that of the newest file in versions/:

    alembic -x url=sqlite:////tmp/draft.db revision --autogenerate --rev-id 0004 -m "say what"

A migration imports nothing of the program: what it makes must not change when the program does.
"""

from typing import Literal

import sqlalchemy as sa
from alembic import context

from inventory.store import schema, view_ddl
from inventory.store.engine import Database
from inventory.store.upgrade import VERSION_TABLE, revision
from inventory.views.times import UtcDateTime


def rendered(kind: str, thing: object, _context: object) -> str | Literal[False]:
    """Write our type of times as the SQLAlchemy type it is made of; False leaves anything else to Alembic."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(thing, UtcDateTime) else False


def run(connection: sa.Connection) -> None:
    """Drop the views, run the migrations, and create the views again, in the transaction that `connection` is in.

    A view on a table would keep it from being changed. Tables older than this program's get no views.
    """
    view_ddl.drop(connection)
    context.configure(
        connection=connection,
        target_metadata=schema.metadata,
        version_table=VERSION_TABLE,
        render_as_batch=True,
        render_item=rendered,
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
