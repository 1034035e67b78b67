"""Keep what the Droplets of an account came to after each day, so that trends need not read all of their days."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "account_days",
        sa.Column("account_id", sa.Integer(), nullable=False, comment="Id of the account"),
        sa.Column("day", sa.Date(), nullable=False, comment="UTC"),
        sa.Column("backups", sa.BigInteger(), nullable=False, comment="As in the view fleet_size_by_day"),
        sa.Column("size_gigabytes", sa.Double(), nullable=False, comment="As there"),
        sa.Column("droplets_observed", sa.Integer(), nullable=False, comment="As there; 0: that view has no such day"),
        sa.Column("droplets_known", sa.Integer(), nullable=False, comment="As there"),
        sa.Column(
            "added_up_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="UTC; the moment whose knowledge it is; the view tells whether it still holds",
        ),
        sa.CheckConstraint("size_gigabytes >= 0 AND size_gigabytes < 1e12", name=op.f("ck_account_days_size")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_account_days_account_id_accounts"),
        sa.PrimaryKeyConstraint("account_id", "day", name="pk_account_days"),
        comment="Days that are over, added up once for the view fleet_size_by_day; no history, it can be made again",
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Remove it."""
    op.drop_table("account_days")
