"""Store since when everything is known of a database that was pruned; and say of `missing_since` all that it means.

Until now only `pruned_before` was kept, a beginning of a month that is 90 to 120 days before the days that prune kept.
Of earlier prunings the latest moment is taken that can have been theirs.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_AT = sa.DateTime(timezone=True)
_COMMENT = "UTC; what was pruned may be missing as of an earlier moment; NULL if nothing was"
_LATEST = {
    "sqlite": "datetime(pruned_before, '+121 days')",
    "postgresql": "pruned_before + 121 * interval '24 hours'",
}
_MISSING_SINCE = "UTC stamp; NULL unless the brake holds its end back (R7)"
_ALSO_PUT_OFF = "UTC stamp; NULL unless its end is held by the brake or put off (R7)"


def upgrade() -> None:
    """Add the column, fill it where something was pruned, and change the comment."""
    op.add_column("accounts", sa.Column("complete_since", _AT, comment=_COMMENT))
    op.execute(f"UPDATE accounts SET complete_since = {_LATEST[op.get_bind().dialect.name]}")  # noqa: S608 - our own text
    _say(_ALSO_PUT_OFF, instead_of=_MISSING_SINCE)


def downgrade() -> None:
    """Remove the column, and change the comment back."""
    with op.batch_alter_table("accounts") as batch:
        batch.drop_column("complete_since")
    _say(_MISSING_SINCE, instead_of=_ALSO_PUT_OFF)


def _say(comment: str, *, instead_of: str) -> None:
    # SQLite keeps no comments, and would copy the table.
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column(
            "backups",
            "missing_since",
            existing_type=_AT,
            existing_nullable=True,
            comment=comment,
            existing_comment=instead_of,
        )
