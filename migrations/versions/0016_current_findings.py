"""Keep the last verdict on each account, and whose it is, so that an overview of thousands need not judge again."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the columns and the table."""
    group = "Whose it is, as the configuration last said; NULL if it says nothing, or no verdict was kept"
    op.add_column("accounts", sa.Column("account_group", sa.Text(), comment=group))
    op.add_column("accounts", _at("judged_at", "UTC; the verdict in current_findings; NULL if none was kept"))
    op.create_table(
        "current_findings",
        sa.Column("account_id", sa.Integer(), nullable=False, comment="Id of the account"),
        sa.Column("droplet_id", _BIG_ID, nullable=False, comment="Id of the Droplet; 0 where it concerns the account"),
        sa.Column("finding", sa.Text(), nullable=False, comment="Its name, as inventory check has it"),
        sa.Column("severity", sa.Text(), nullable=False, comment="critical, unknown, warning or counted"),
        sa.Column("is_exempt", sa.Boolean(), nullable=False, comment="Whether an exemption of the settings covers it"),
        sa.Column("droplet", sa.Text(), comment="Name of the Droplet; NULL where it concerns the account"),
        sa.Column("subject", sa.Text(), nullable=False, comment="What it concerns, as inventory check writes it"),
        _at("began_at", "UTC; when it began or was learned; NULL if that is not known"),
        sa.Column("what", sa.Text(), nullable=False, comment="What was found, in a clause"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_current_findings_account_id_accounts"),
        sa.PrimaryKeyConstraint("account_id", "droplet_id", "finding", name="pk_current_findings"),
        comment="What was wrong with each account when it was last judged; no history, each verdict replaces the last",
    )


def downgrade() -> None:
    """Remove them."""
    op.drop_table("current_findings")
    with op.batch_alter_table("accounts") as batch:
        batch.drop_column("judged_at")
        batch.drop_column("account_group")


def _at(name: str, comment: str) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), comment=comment)
