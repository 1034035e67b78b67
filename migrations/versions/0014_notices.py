"""Remember what each channel was told, and who is telling it now.

On PostgreSQL a role that reads all later tables by itself (`db grant-reader`) does not read these.
"""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_READERS = """
SELECT DISTINCT quote_ident(grantee.rolname)
FROM pg_class AS c
CROSS JOIN LATERAL aclexplode(c.relacl) AS acl
INNER JOIN pg_roles AS grantee ON grantee.oid = acl.grantee
WHERE c.oid = to_regclass('notices') AND acl.grantee <> c.relowner
"""


def upgrade() -> None:
    """Create both tables."""
    op.create_table(
        "notice_channels",
        sa.Column("name", sa.Text(), nullable=False, comment="As in the settings; print, for inventory notify --print"),
        _at("judged_at", "UTC; the latest verdict that was compared with what it was told; NULL before the first"),
        sa.Column("claimed_by", sa.Text(), comment="Host and process that tells it now; NULL if none does"),
        _at("claim_ends_at", "UTC; from then on another process may take over; NULL if none tells it"),
        sa.PrimaryKeyConstraint("name", name="pk_notice_channels"),
        comment="A way to tell people of findings",
    )
    op.create_table(
        "notices",
        sa.Column("id", _BIG_ID, nullable=False, comment="Our id"),
        sa.Column("channel", sa.Text(), nullable=False, comment="Name of the channel that was told"),
        sa.Column("account", sa.Text(), nullable=False, comment="Name of the account, in the configuration"),
        sa.Column("droplet_id", _BIG_ID, nullable=False, comment="Id of the Droplet; 0 where it concerns the account"),
        sa.Column("finding", sa.Text(), nullable=False, comment="Its name, as inventory check has it"),
        sa.Column("severity", sa.Text(), nullable=False, comment="As last told, or lower if it has eased since"),
        sa.Column("droplet", sa.Text(), comment="Name of the Droplet; NULL where it concerns the account"),
        sa.Column("subject", sa.Text(), nullable=False, comment="What it concerns, as inventory check writes it"),
        _at("began_at", "UTC; when it began or was learned; NULL if that is not known"),
        sa.Column("what", sa.Text(), nullable=False, comment="What was found, in a clause"),
        sa.Column(
            "lost_backup_ids",
            sa.Text(),
            nullable=False,
            comment="Backups of an unexplained-loss, by commas; else empty",
        ),
        sa.Column(
            "told_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="UTC; the verdict of the last message about it",
        ),
        _at("ended_at", "UTC; the verdict that showed it solved, or over without a message; NULL while it lasts"),
        sa.ForeignKeyConstraint(["channel"], ["notice_channels.name"], name="fk_notices_channel_notice_channels"),
        sa.PrimaryKeyConstraint("id", name="pk_notices"),
        comment="What each channel was told of each finding",
        sqlite_autoincrement=True,
    )
    lasts = sa.text("ended_at IS NULL")
    op.create_index(
        "uq_notices_open",
        "notices",
        ["channel", "account", "droplet_id", "finding"],
        unique=True,
        sqlite_where=lasts,
        postgresql_where=lasts,
    )
    if op.get_bind().dialect.name == "postgresql":
        for role in list(op.get_bind().scalars(sa.text(_READERS))):
            op.execute(f"REVOKE ALL ON notices, notice_channels FROM {role}")


def downgrade() -> None:
    """Remove both."""
    op.drop_table("notices")
    op.drop_table("notice_channels")


def _at(name: str, comment: str) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), comment=comment)
