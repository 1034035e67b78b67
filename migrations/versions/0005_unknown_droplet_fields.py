"""Let a Droplet have no region, size, status or creation time: what the API says of it may be unreadable.

Nothing that its backups need depends on them. What is stored stays as it is.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_NOT_UNIQUE = "From the API; not unique"
_STATUS = "new, active, off or archive, from the API"

# Table, column, type, comment as it was, what the comment says from now on.
_COLUMNS = (
    ("droplets", "region", sa.Text(), "Slug", "Slug; NULL if it never was readable"),
    (
        "droplets",
        "size_slug",
        sa.Text(),
        "Its size, such as s-1vcpu-1gb",
        "Its size, such as s-1vcpu-1gb; NULL if it never was readable",
    ),
    ("droplets", "status", sa.Text(), _STATUS, f"{_STATUS}; NULL if it never was readable"),
    ("droplets", "created_at", _TIME, "UTC", "UTC; NULL if it never was readable"),
    ("droplet_versions", "region", sa.Text(), "Slug", "Slug; NULL if not readable until then"),
    (
        "droplet_versions",
        "size_slug",
        sa.Text(),
        "Its size then, such as s-1vcpu-1gb",
        "Its size then, such as s-1vcpu-1gb; NULL if not readable until then",
    ),
    ("droplet_versions", "status", sa.Text(), _STATUS, f"{_STATUS}; NULL if not readable until then"),
)


def upgrade() -> None:
    """Take the constraints away."""
    for table in ("droplets", "droplet_versions"):
        with op.batch_alter_table(table) as batch:
            for of, name, kind, before, comment in _COLUMNS:
                if of == table:
                    batch.alter_column(
                        name,
                        existing_type=kind,
                        nullable=True,
                        existing_nullable=False,
                        comment=comment,
                        existing_comment=before,
                    )
    _say_of_the_name(f"{_NOT_UNIQUE}; its id if it never was readable")


def downgrade() -> None:
    """Put a stamp for an unknown creation time, and no letters for an unknown word."""
    for table in ("droplets", "droplet_versions"):
        columns = [(name, kind, before, comment) for of, name, kind, before, comment in _COLUMNS if of == table]
        for name, kind, _, _ in columns:
            value = "first_seen_at" if kind is _TIME else "''"
            op.execute(f"UPDATE {table} SET {name} = {value} WHERE {name} IS NULL")  # noqa: S608 - all written above
        with op.batch_alter_table(table) as batch:
            for name, kind, before, comment in columns:
                batch.alter_column(
                    name,
                    existing_type=kind,
                    nullable=False,
                    existing_nullable=True,
                    comment=before,
                    existing_comment=comment,
                )
    _say_of_the_name(_NOT_UNIQUE)


def _say_of_the_name(comment: str) -> None:
    if op.get_context().dialect.name == "postgresql":
        op.execute(f"COMMENT ON COLUMN droplets.name IS '{comment}'")
