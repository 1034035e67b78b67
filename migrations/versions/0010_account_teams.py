"""Store the team of an account beside its own uuid.

Until now `uuid` held the team's where an answer named a team, and else the account's own; nothing tells which. It stays
as it is, in lower case, and the first answer after this says both.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0008"
branch_labels = None
depends_on = None

_UUID = "From /v2/account{}; NULL if no token could ever read it"
_ACCOUNTS = sa.table("accounts", sa.column("uuid", sa.Text()))


def upgrade() -> None:
    """Add the column, and write each stored uuid in lower case."""
    with op.batch_alter_table("accounts") as batch:
        batch.add_column(
            sa.Column(
                "team_uuid", sa.Text(), comment="Of its team, as /v2/account last named one; NULL if it never did"
            )
        )
        batch.alter_column(
            "uuid",
            existing_type=sa.Text(),
            existing_nullable=True,
            comment=_UUID.format(", in lower case"),
            existing_comment=_UUID.format(""),
        )
    op.execute(sa.update(_ACCOUNTS).values(uuid=sa.func.lower(_ACCOUNTS.c.uuid)))


def downgrade() -> None:
    """Remove the column."""
    with op.batch_alter_table("accounts") as batch:
        batch.drop_column("team_uuid")
        batch.alter_column(
            "uuid",
            existing_type=sa.Text(),
            existing_nullable=True,
            comment=_UUID.format(""),
            existing_comment=_UUID.format(", in lower case"),
        )
