"""Remember what channels did not take, what they are told of, which digests they got, and when findings were found.

On PostgreSQL a role that reads all later tables by itself (`db grant-reader`) reads of these only the messages that
could not be delivered, which `inventory check` needs.
"""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_READERS = """
SELECT DISTINCT quote_ident(grantee.rolname)
FROM pg_class AS c
CROSS JOIN LATERAL aclexplode(c.relacl) AS acl
INNER JOIN pg_roles AS grantee ON grantee.oid = acl.grantee
WHERE c.oid = to_regclass('notice_digests') AND acl.grantee <> c.relowner
"""


def upgrade() -> None:
    """Create the columns and tables."""
    op.add_column(
        "notice_channels", sa.Column("scope", sa.Text(), comment="What it was last told of; NULL before its first")
    )
    op.add_column("notice_channels", _at("digests_since", "UTC; digests due before are not sent; NULL without digests"))
    op.add_column("notices", _at("found_at", "UTC; the latest verdict that found it; NULL if that was not kept"))
    op.create_table(
        "notice_digests",
        sa.Column("channel", sa.Text(), nullable=False, comment="Name of the channel"),
        sa.Column("due_local", sa.Text(), nullable=False, comment="YYYY-MM-DD HH:MM by the clocks of its zone"),
        _at("due_at", "UTC; the same moment", nullable=False),
        _at("sent_at", "UTC; NULL if it was not delivered yet, or never was"),
        sa.Column(
            "unanswered", sa.Integer(), nullable=False, comment="How often it was sent and no answer came in time"
        ),
        sa.ForeignKeyConstraint(
            ["channel"], ["notice_channels.name"], name="fk_notice_digests_channel_notice_channels"
        ),
        sa.PrimaryKeyConstraint("channel", "due_local", name="pk_notice_digests"),
        comment="Digests that were due and tried",
    )
    _create_attempts()
    if op.get_bind().dialect.name == "postgresql":
        for role in list(op.get_bind().scalars(sa.text(_READERS))):
            op.execute(f"REVOKE ALL ON notice_digests FROM {role}")


def downgrade() -> None:
    """Remove them."""
    op.drop_table("notice_attempts")
    op.drop_table("notice_digests")
    op.drop_column("notices", "found_at")
    op.drop_column("notice_channels", "digests_since")
    op.drop_column("notice_channels", "scope")


def _create_attempts() -> None:
    op.create_table(
        "notice_attempts",
        sa.Column("id", _BIG_ID, nullable=False, comment="Our id"),
        sa.Column("channel", sa.Text(), nullable=False, comment="Name of the channel"),
        sa.Column("account", sa.Text(), nullable=False, comment="Name of the account, in the configuration"),
        sa.Column("droplet_id", _BIG_ID, nullable=False, comment="Id of the Droplet; 0 where it concerns the account"),
        sa.Column("finding", sa.Text(), nullable=False, comment="Its name, as inventory check has it"),
        sa.Column("change", sa.Text(), nullable=False, comment="What the message says of it: new, worse or solved"),
        sa.Column("severity", sa.Text(), nullable=False, comment="As the message has it"),
        sa.Column(
            "lost_backup_ids",
            sa.Text(),
            nullable=False,
            comment="Backups of an unexplained-loss, by commas; else empty",
        ),
        _at("first_tried_at", "UTC; after 7 days it is given up", nullable=False),
        sa.Column(
            "unanswered", sa.Integer(), nullable=False, comment="How often it was sent and no answer came in time"
        ),
        _at("ended_at", "UTC; the channel took a message, or this one was no longer due; NULL while it lasts"),
        sa.ForeignKeyConstraint(
            ["channel"], ["notice_channels.name"], name="fk_notice_attempts_channel_notice_channels"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_notice_attempts"),
        comment="Messages that a channel did not take",
        sqlite_autoincrement=True,
    )
    lasts = sa.text("ended_at IS NULL")
    op.create_index(
        "uq_notice_attempts_open",
        "notice_attempts",
        ["channel", "account", "droplet_id", "finding"],
        unique=True,
        sqlite_where=lasts,
        postgresql_where=lasts,
    )


def _at(name: str, comment: str, *, nullable: bool = True) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable, comment=comment)
