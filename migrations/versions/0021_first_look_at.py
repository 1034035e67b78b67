"""Store when a Droplet was first looked at: every view of Droplets asks, and looked for it among the days of each."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_FILL = """
UPDATE droplets
SET first_look_at = (
    SELECT l.first_look_at
    FROM droplet_days AS l
    WHERE l.droplet_id = droplets.id
    ORDER BY l.day
    LIMIT 1
)
"""


def upgrade() -> None:
    """Add the column, and fill it from the days."""
    comment = "UTC stamp of the first look (R1); NULL if there was none"
    op.add_column("droplets", sa.Column("first_look_at", sa.DateTime(timezone=True), comment=comment))
    op.execute(_FILL)


def downgrade() -> None:
    """Forget it."""
    op.drop_column("droplets", "first_look_at")
