"""A later version of the program: one revision more than there is."""

import shutil
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from inventory.store.engine import Database
from inventory.store.upgrade import configuration, migrations_directory, upgrading

NEXT_REVISION = """
import sqlalchemy as sa
from alembic import op

revision = "9001"
down_revision = "{head}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for parent in ("droplets", "backups"):
        with op.batch_alter_table(parent) as batch:
            batch.add_column(sa.Column("note", sa.Text(), nullable=False, server_default="none", comment="A note"))
            batch.alter_column("name", existing_type=sa.Text(), type_=sa.String(500), existing_nullable=False)


def downgrade() -> None:
    for parent in ("backups", "droplets"):
        with op.batch_alter_table(parent) as batch:
            batch.alter_column("name", existing_type=sa.String(500), type_=sa.Text(), existing_nullable=False)
            batch.drop_column("note")
"""


def head_of(config: Config) -> str:
    head = ScriptDirectory.from_config(config).get_current_head()
    assert head is not None
    return head


def later_version(directory: Path) -> Config:
    """Write the migrations of a later version into a new directory; give their configuration."""
    shutil.copytree(migrations_directory(), directory)
    text = NEXT_REVISION.format(head=head_of(configuration()))
    (directory / "versions" / "9001_next.py").write_text(text, encoding="utf-8")
    return configuration(directory)


def downgrade(database: Database, config: Config, to: str) -> None:
    with upgrading(database) as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, to)
