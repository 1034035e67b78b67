"""Keep for each account when it is due, so that of several processes on one database only one looks."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column: every account is due until its next run ends."""
    comment = (
        "UTC; when the next run over the whole configuration is due; NULL if no such run ended since revision 0017"
    )
    op.add_column("accounts", sa.Column("next_due_at", sa.DateTime(timezone=True), comment=comment))
    _describe_trigger("command, daemon or worker")


def downgrade() -> None:
    """Remove it."""
    _describe_trigger("command or daemon")
    with op.batch_alter_table("accounts") as batch:
        batch.drop_column("next_due_at")


def _describe_trigger(comment: str) -> None:
    if op.get_bind().dialect.name == "postgresql":  # SQLite keeps no comments
        op.alter_column("sync_runs", "trigger", comment=comment, existing_type=sa.Text(), existing_nullable=False)
