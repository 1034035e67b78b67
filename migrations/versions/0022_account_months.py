"""Keep what each account came to in a month that is over, so that costs of many accounts need not be added up."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "account_months",
        sa.Column("account_id", sa.Integer(), nullable=False, comment="Id of the account"),
        sa.Column("month", sa.Date(), nullable=False, comment="UTC, its first day"),
        sa.Column("droplets", sa.Integer(), nullable=False, comment="As in the view account_overview_by_month"),
        sa.Column("backups_made", sa.BigInteger(), nullable=False, comment="As there"),
        sa.Column("estimated_usd", sa.Double(), comment="As there; NULL if no Droplet's cost is known"),
        sa.Column("droplets_of_unknown_cost", sa.Integer(), nullable=False, comment="As there"),
        sa.Column("windows_due", sa.BigInteger(), nullable=False, comment="As there"),
        sa.Column("windows_made", sa.BigInteger(), nullable=False, comment="As there"),
        sa.Column("is_complete_month", sa.Boolean(), nullable=False, comment="As there"),
        sa.Column(
            "added_up_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="UTC; the moment whose knowledge it is; it is never added up again",
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_account_months_account_id_accounts"),
        sa.PrimaryKeyConstraint("account_id", "month", name="pk_account_months"),
        comment="Months that are over, added up once an account for the view account_overview_by_month",
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Remove it."""
    op.drop_table("account_months")
