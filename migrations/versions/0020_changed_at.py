"""Store when a backup last changed: few ever do, and what happened lately need not be looked for among all there are.

The indexes of what exists, and of what a Droplet has, get all that views ask of them, so that no row need be read.

Each version of a backup but the first begins with a change or a return. A region is a change where it came after the
first listing, or was left before the end.
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_IS_KNOWN = sa.text("changed_at IS NOT NULL")
_EXISTS = sa.text("gone_at IS NULL")

_FILL = """
UPDATE backups
SET changed_at = c.changed_at
FROM (
    SELECT
        x.backup_id,
        max(x.changed_at) AS changed_at
    FROM (
        SELECT
            v.backup_id,
            max(v.valid_from) AS changed_at
        FROM backup_versions AS v
        GROUP BY v.backup_id
        HAVING min(v.valid_from) < max(v.valid_from)
        UNION ALL
        SELECT
            r.backup_id,
            r.valid_from
        FROM backup_regions AS r
        INNER JOIN backups AS b ON b.id = r.backup_id
        WHERE r.valid_from > b.first_seen_at
        UNION ALL
        SELECT
            r.backup_id,
            r.valid_to
        FROM backup_regions AS r
        INNER JOIN backups AS b ON b.id = r.backup_id
        WHERE r.valid_to IS NOT NULL AND (b.gone_at IS NULL OR r.valid_to < b.gone_at)
    ) AS x
    GROUP BY x.backup_id
) AS c
WHERE backups.id = c.backup_id
"""

_OF_DROPLET = ("droplet_id", "created_at", "size_gigabytes", "gone_at", "first_seen_at")


def upgrade() -> None:
    """Add the column, fill it from the history, and put what views read into the indexes that they read."""
    comment = "UTC stamp of the last listing that showed it changed, or again after its end; NULL if none did"
    op.add_column("backups", sa.Column("changed_at", sa.DateTime(timezone=True), comment=comment))
    op.execute(_FILL)
    if op.get_context().dialect.name == "postgresql":
        op.execute("ANALYZE backups (changed_at)")  # which the server itself does after many changes alone
    op.create_index(
        "ix_backups_changed_at", "backups", ["changed_at"], sqlite_where=_IS_KNOWN, postgresql_where=_IS_KNOWN
    )
    _index_existing("gone_at", "droplet_id", "created_at", "size_gigabytes")
    _index_of_droplet(*_OF_DROPLET, "changed_at")


def downgrade() -> None:
    """Forget it, and make the indexes as they were."""
    op.drop_index("ix_backups_changed_at", "backups")
    _index_existing("droplet_id")
    _index_of_droplet(*_OF_DROPLET)
    op.drop_column("backups", "changed_at")


def _index_existing(*columns: str) -> None:
    op.drop_index("ix_backups_live", "backups")
    op.create_index("ix_backups_live", "backups", columns, sqlite_where=_EXISTS, postgresql_where=_EXISTS)


def _index_of_droplet(*columns: str) -> None:
    op.drop_index("ix_backups_by_droplet", "backups")
    op.create_index("ix_backups_by_droplet", "backups", columns)
