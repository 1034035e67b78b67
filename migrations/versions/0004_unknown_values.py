"""Forget retentions and windows of stored policies that cannot be true.

A retention of 0 or of two thousand million days was stored as it came; PostgreSQL's views failed on it. NULL is what
such values mean: the API did not say.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_MOST = {"retention_days": 3_650, "window_length_hours": 168}
_POLICIES = sa.table("backup_policies", *(sa.column(name, sa.Integer()) for name in _MOST))


def upgrade() -> None:
    """Set what is not believable to NULL."""
    for name, most in _MOST.items():
        column = _POLICIES.c[name]
        op.execute(sa.update(_POLICIES).where(sa.not_(column.between(1, most))).values({name: None}))


def downgrade() -> None:
    """Leave NULL: what stood there said nothing."""
