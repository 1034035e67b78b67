"""Let no two rows of `accounts` claim one account of DigitalOcean.

Which of several names of one account is configured, only a sync knows: each claims its own with the first answer after
this.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and its index."""
    comment = (
        "What no other account may be too: the uuid of its team, or its own where it has none; NULL if no token could "
        "ever read it, or since another name of it is configured in place of this one"
    )
    with op.batch_alter_table("accounts") as batch:
        batch.add_column(sa.Column("claimed_uuid", sa.Text(), comment=comment))
        batch.create_index("ix_accounts_claimed_uuid", ["claimed_uuid"], unique=True)


def downgrade() -> None:
    """Remove both."""
    with op.batch_alter_table("accounts") as batch:
        batch.drop_index("ix_accounts_claimed_uuid")
        batch.drop_column("claimed_uuid")
