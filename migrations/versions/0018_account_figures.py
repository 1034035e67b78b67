"""Keep the figures of each account with its verdict, so that an overview of thousands need not add them up."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "account_figures",
        sa.Column("account_id", sa.Integer(), nullable=False, comment="Id of the account"),
        sa.Column("droplets", sa.Integer(), nullable=False, comment="Selected Droplets that exist"),
        sa.Column(
            "droplets_protected", sa.Integer(), nullable=False, comment="Of these, as in the view account_overview"
        ),
        sa.Column("backups", sa.Integer(), comment="How many of theirs exist; NULL while none was looked at"),
        sa.Column("size_gigabytes", sa.Double(), comment="Of these backups, as billed; NULL as backups"),
        sa.Column("this_month_usd", sa.Double(), comment="US dollars, of the UTC month of judged_at; NULL if unknown"),
        sa.Column("last_month_usd", sa.Double(), comment="US dollars, of the UTC month before; NULL if unknown"),
        sa.Column("windows_due", sa.Integer(), nullable=False, comment="In which a backup was due in 30 UTC days"),
        sa.Column("windows_made", sa.Integer(), nullable=False, comment="Of these, with a backup"),
        sa.Column("windows_made_percent", sa.Double(), comment="Of windows_due; NULL if none was due"),
        sa.CheckConstraint("size_gigabytes >= 0 AND size_gigabytes < 1e12", name=op.f("ck_account_figures_size")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_account_figures_account_id_accounts"),
        sa.PrimaryKeyConstraint("account_id", name="pk_account_figures"),
        comment="What the view account_overview said at accounts.judged_at; no history, each verdict brings its own",
    )


def downgrade() -> None:
    """Remove it."""
    op.drop_table("account_figures")
