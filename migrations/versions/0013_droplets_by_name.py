"""Find the Droplets of one account, and those of one name, without reading all."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the indexes."""
    op.create_index("ix_droplet_versions_account_id", "droplet_versions", ["account_id", "droplet_id"])
    op.create_index("ix_droplet_versions_name", "droplet_versions", ["name"])


def downgrade() -> None:
    """Remove them."""
    op.drop_index("ix_droplet_versions_name", "droplet_versions")
    op.drop_index("ix_droplet_versions_account_id", "droplet_versions")
