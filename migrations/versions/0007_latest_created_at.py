"""Keep the creation time of a backup that was shown first, and beside it those that were shown later.

NULL is what no other time means, so nothing stored has to change. What was overwritten before cannot be had back.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add the columns."""
    latest = "UTC; the latest time that the API gave in its place, at most 1 h after first_seen_at; NULL if none"
    op.add_column("backups", sa.Column("latest_created_at", _TIME, comment=latest))
    then = "UTC, as the API then said; NULL if that is created_at of its backup"
    op.add_column("backup_versions", sa.Column("created_at", _TIME, comment=then))
    if op.get_context().dialect.name == "postgresql":
        op.execute("COMMENT ON COLUMN backups.created_at IS 'UTC, as the API first said'")


def downgrade() -> None:
    """Forget all but the first creation time."""
    op.drop_column("backup_versions", "created_at")
    op.drop_column("backups", "latest_created_at")
    if op.get_context().dialect.name == "postgresql":
        op.execute("COMMENT ON COLUMN backups.created_at IS 'UTC, from the API'")
