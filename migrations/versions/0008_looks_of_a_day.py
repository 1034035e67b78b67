"""Keep the stamp of every look, whose a Droplet was, an account's status, and the reasons that were replaced.

What was answered at a moment can then be answered again. Of moments before, less is known: of the looks the first of
each day and the last of all, of the rest what held last.
"""

from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# SQLite writes the table again; this it would not find out by itself.
_WITHOUT_ROWID = {"sqlite_with_rowid": False}

_VERSION = "droplet_id, name, region, size_slug, price_monthly_usd, status, account_id"


def upgrade() -> None:
    """Add columns and a table, and fill them with what is known."""
    _add_looks()
    _add_owners()
    _add_reasons()
    _add_statuses()


def downgrade() -> None:
    """Remove what was added; that a Droplet was not selected then splits its versions no longer."""
    op.drop_table("account_versions")
    with op.batch_alter_table("backup_versions") as batch:
        batch.drop_constraint(op.f("ck_backup_versions_replaced"), type_="check")
        batch.drop_column("replaced_at")
        batch.drop_column("replaced_by")
    with op.batch_alter_table("droplet_versions") as batch:
        batch.drop_constraint(op.f("fk_droplet_versions_account_id_accounts"), type_="foreignkey")
        batch.drop_column("unselected_since")
        batch.drop_column("account_id")
    with op.batch_alter_table("droplet_days", table_kwargs=_WITHOUT_ROWID) as batch:
        batch.drop_column("looks")
    with op.batch_alter_table("droplets") as batch:
        batch.drop_column("looks")


def _at(name: str, comment: str, *, nullable: bool = True) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable, comment=comment)


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _recreate() -> Literal["always", "never"]:
    """Let SQLite write a table again: a column that it adds stands elsewhere in the table's text than in a new one."""
    return "always" if _is_sqlite() else "never"


def _add_looks() -> None:
    with op.batch_alter_table("droplets", recreate=_recreate()) as batch:
        batch.add_column(
            sa.Column(
                "looks",
                sa.Text(),
                comment="Stamps of the looks of last_observed_at's day: seconds of the UTC day, ascending, separated "
                "by commas; NULL if there was none",
            )
        )
    with op.batch_alter_table("droplet_days", recreate=_recreate(), table_kwargs=_WITHOUT_ROWID) as batch:
        batch.add_column(
            sa.Column(
                "looks",
                sa.Text(),
                comment="Stamps of the day's looks, as in droplets.looks; NULL while they stand there, or if only "
                "the first is known",
            )
        )
    if _is_sqlite():
        day, second = "date(d.last_observed_at)", "CAST(strftime('%s', {}) AS integer) % 86400"
    else:
        day, second = (
            "CAST(d.last_observed_at AT TIME ZONE 'UTC' AS date)",
            "CAST(extract(EPOCH FROM {}) AS bigint) % 86400",
        )
    first, last = second.format("l.first_look_at"), second.format("d.last_observed_at")
    op.execute(
        f"""
        UPDATE droplets
        SET looks = (
            SELECT CASE
                WHEN l.first_look_at < d.last_observed_at
                    THEN CAST({first} AS text) || ',' || CAST({last} AS text)
                ELSE CAST({last} AS text)
            END
            FROM droplets AS d
            LEFT JOIN droplet_days AS l ON l.droplet_id = d.id AND l.day = {day}
            WHERE d.id = droplets.id
        )
        WHERE last_observed_at IS NOT NULL
        """  # noqa: S608 - our own text
    )


def _add_owners() -> None:
    with op.batch_alter_table("droplet_versions") as batch:
        batch.add_column(sa.Column("account_id", sa.Integer(), comment="The account that owned it (R6)"))
        batch.add_column(_at("unselected_since", "UTC stamp; NULL while the configuration selected this Droplet"))
        batch.create_foreign_key("fk_droplet_versions_account_id_accounts", "accounts", ["account_id"], ["id"])
    op.execute(
        "UPDATE droplet_versions"
        " SET account_id = (SELECT d.account_id FROM droplets AS d WHERE d.id = droplet_versions.droplet_id)"
    )
    with op.batch_alter_table("droplet_versions") as batch:
        batch.alter_column("account_id", existing_type=sa.Integer(), nullable=False)
        batch.create_table_comment(
            "A Droplet's attributes, account and selection as they were",
            existing_comment="A Droplet's attributes as they were",
        )
    _split_unselected()


def _split_unselected() -> None:
    """Let a version of each Droplet that is not selected begin when that was noticed."""
    since = "(SELECT d.unselected_since FROM droplets AS d WHERE d.id = droplet_versions.droplet_id)"
    op.execute(
        f"""
        UPDATE droplet_versions
        SET unselected_since = {since}
        WHERE valid_to IS NULL AND {since} <= valid_from
        """  # noqa: S608 - our own text
    )
    op.execute(
        f"""
        UPDATE droplet_versions
        SET valid_to = {since}
        WHERE valid_to IS NULL AND unselected_since IS NULL AND {since} IS NOT NULL
        """  # noqa: S608 - our own text
    )
    op.execute(
        f"""
        INSERT INTO droplet_versions ({_VERSION}, valid_from, unselected_since)
        SELECT {_VERSION.replace("droplet_id", "id")}, unselected_since, unselected_since
        FROM droplets AS d
        WHERE
            unselected_since IS NOT NULL
            AND gone_at IS NULL
            AND NOT EXISTS (
                SELECT 1 FROM droplet_versions AS v WHERE v.droplet_id = d.id AND v.valid_to IS NULL
            )
        """  # noqa: S608 - our own text
    )


def _add_reasons() -> None:
    with op.batch_alter_table("backup_versions") as batch:
        batch.add_column(
            sa.Column("replaced_by", sa.Text(), comment="The reason that replaced closed_by; NULL if none did")
        )
        batch.add_column(_at("replaced_at", "UTC stamp of the look that replaced it; NULL if none did"))
        batch.create_check_constraint(
            op.f("ck_backup_versions_replaced"), "(replaced_at IS NULL) = (replaced_by IS NULL)"
        )
    # Of a backup that returned since, the reason is not known any more.
    end = "b.id = backup_versions.backup_id AND b.gone_at = backup_versions.valid_to"
    op.execute(
        f"""
        UPDATE backup_versions
        SET
            replaced_by = (SELECT b.gone_reason FROM backups AS b WHERE {end}),
            replaced_at = (SELECT b.gone_reason_replaced_at FROM backups AS b WHERE {end})
        WHERE backup_id IN (SELECT b.id FROM backups AS b WHERE b.gone_reason_replaced_at IS NOT NULL)
            AND EXISTS (SELECT 1 FROM backups AS b WHERE {end})
        """  # noqa: S608 - our own text
    )


def _add_statuses() -> None:
    op.create_table(
        "account_versions",
        sa.Column("account_id", sa.Integer(), nullable=False, comment="Id of the account"),
        _at("valid_from", "UTC; when /v2/account said so first", nullable=False),
        _at("valid_to", "UTC; when it said otherwise; NULL while it holds"),
        sa.Column("status", sa.Text(), nullable=False, comment="As /v2/account said"),
        sa.CheckConstraint("valid_from < valid_to", name=op.f("ck_account_versions_interval")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_account_versions_account_id_accounts"),
        sa.PrimaryKeyConstraint("account_id", "valid_from", name="pk_account_versions"),
        comment="An account's status as it was; no row if no token could ever read it",
    )
    where = sa.text("valid_to IS NULL")
    op.create_index(
        "uq_account_versions_open",
        "account_versions",
        ["account_id"],
        unique=True,
        sqlite_where=where,
        postgresql_where=where,
    )
    op.execute(
        """
        INSERT INTO account_versions (account_id, valid_from, status)
        SELECT a.id, min(r.started_at), a.status
        FROM accounts AS a
        INNER JOIN sync_runs AS r ON r.account_id = a.id
        WHERE a.status IS NOT NULL
        GROUP BY a.id, a.status
        """
    )
