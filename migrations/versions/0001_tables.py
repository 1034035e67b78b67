"""The tables of the first version.

Revision: 0001, the first.
"""

import sqlalchemy as sa
from alembic import op

from inventory.views.times import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "accounts",
        sa.Column("id", sa.Integer(), nullable=False, comment="Ours"),
        sa.Column("name", sa.Text(), nullable=False, comment="As the configuration names it"),
        sa.Column("uuid", sa.Text(), nullable=True, comment="As /v2/account says; NULL while no token could read it"),
        sa.Column(
            "status", sa.Text(), nullable=True, comment="As /v2/account said last; NULL while no token could read it"
        ),
        sa.Column(
            "pruned_before",
            UtcDateTime(),
            nullable=True,
            comment="UTC; details of ended backups older than this were pruned; NULL: nothing was",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
        sa.UniqueConstraint("name", name="uq_accounts_name"),
        comment="One configured DigitalOcean account",
    )
    op.create_table(
        "droplets",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
            comment="DigitalOcean's id",
        ),
        sa.Column(
            "account_id",
            sa.Integer(),
            nullable=False,
            comment="Whose it is: the account that saw it first, until it moves (R6)",
        ),
        sa.Column("name", sa.Text(), nullable=False, comment="As the API says; not unique"),
        sa.Column("region", sa.Text(), nullable=False, comment="Slug"),
        sa.Column("size_slug", sa.Text(), nullable=False, comment="The plan it runs on, such as s-1vcpu-1gb"),
        sa.Column(
            "price_monthly_usd",
            sa.Double(),
            nullable=True,
            comment="US dollars a month; NULL where the API gave no price",
        ),
        sa.Column("status", sa.Text(), nullable=False, comment="new, active, off or archive, as the API says"),
        sa.Column("created_at", UtcDateTime(), nullable=False, comment="UTC"),
        sa.Column("next_window_starts_at", UtcDateTime(), nullable=True, comment="UTC; NULL while backups are off"),
        sa.Column("next_window_ends_at", UtcDateTime(), nullable=True, comment="UTC; NULL while backups are off"),
        sa.Column(
            "unselected_since",
            UtcDateTime(),
            nullable=True,
            comment="UTC; NULL while the configuration means this Droplet",
        ),
        sa.Column("first_seen_at", UtcDateTime(), nullable=False, comment="UTC stamp"),
        sa.Column(
            "last_observed_at",
            UtcDateTime(),
            nullable=True,
            comment="UTC stamp of the last look (R1); NULL while there was none",
        ),
        sa.Column(
            "last_listed_at",
            UtcDateTime(),
            nullable=True,
            comment="UTC stamp of the last complete listing; NULL while there was none",
        ),
        sa.Column(
            "gone_at",
            UtcDateTime(),
            nullable=True,
            comment="UTC stamp of the look that found it gone; NULL while it exists",
        ),
        sa.Column(
            "last_attempt_at",
            UtcDateTime(),
            nullable=False,
            comment="UTC stamp of the last attempt to look, whatever came of it",
        ),
        sa.Column(
            "last_outcome", sa.Text(), nullable=False, comment="What came of the last attempt; complete is a look"
        ),
        sa.Column(
            "last_error", sa.Text(), nullable=True, comment="Why the last attempt was not a look; NULL if it was"
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_droplets_account_id_accounts"),
        sa.PrimaryKeyConstraint("id", name="pk_droplets"),
        comment="One Droplet, as last seen",
        postgresql_with={"fillfactor": 70},
    )
    op.create_index("ix_droplets_account_id", "droplets", ["account_id"], unique=False)

    op.create_table(
        "sync_runs",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="Ours; later runs have higher ones",
        ),
        sa.Column("account_id", sa.Integer(), nullable=False, comment="Which account it syncs"),
        sa.Column("started_at", UtcDateTime(), nullable=False, comment="UTC"),
        sa.Column("finished_at", UtcDateTime(), nullable=True, comment="UTC; NULL while running"),
        sa.Column(
            "heartbeat_at",
            UtcDateTime(),
            nullable=False,
            comment="UTC by the database's clock; 90 s without one free the account for another run",
        ),
        sa.Column("host", sa.Text(), nullable=False, comment="Name of the machine it runs on"),
        sa.Column("pid", sa.Integer(), nullable=False, comment="Its process on that machine"),
        sa.Column(
            "process",
            sa.Text(),
            nullable=True,
            comment="Boot, namespace and start of the process; NULL where not to be had",
        ),
        sa.Column("trigger", sa.Text(), nullable=False, comment="command or daemon"),
        sa.Column("mode", sa.Text(), nullable=False, comment="detection; listing: all; subset: narrowed"),
        sa.Column(
            "status", sa.Text(), nullable=False, comment="running, complete, partial, held, failed or interrupted"
        ),
        sa.Column("droplets_selected", sa.Integer(), nullable=True, comment="NULL where the run ended before it knew"),
        sa.Column(
            "droplets_complete",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Looked at: listed completely, proven unchanged, or found gone",
        ),
        sa.Column(
            "droplets_proven",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Of them, proven unchanged without a listing: requests saved",
        ),
        sa.Column(
            "droplets_incomplete",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Listed, but not completely, or held by the brake",
        ),
        sa.Column(
            "droplets_failed", sa.Integer(), server_default=sa.text("0"), nullable=False, comment="No usable listing"
        ),
        sa.Column(
            "droplets_changed",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Something about them or their backups was new",
        ),
        sa.Column("backups_appeared", sa.Integer(), server_default=sa.text("0"), nullable=False, comment="First seen"),
        sa.Column(
            "backups_changed",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="An attribute or region changed",
        ),
        sa.Column(
            "backups_returned",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Had ended, and were listed again",
        ),
        sa.Column(
            "backups_expired",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Ended in the ordinary course",
        ),
        sa.Column(
            "backups_ended",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Ended for any reason, expired included",
        ),
        sa.Column(
            "backups_held",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Missing, but not ended, because of the brake",
        ),
        sa.Column(
            "requests",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Sent to DigitalOcean, retries included",
        ),
        sa.Column(
            "rate_limit_remaining",
            sa.Integer(),
            nullable=True,
            comment="As DigitalOcean last announced; NULL if it did not",
        ),
        sa.Column("error", sa.Text(), nullable=True, comment="Why the run is not complete; NULL if it is"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_sync_runs_account_id_accounts"),
        sa.PrimaryKeyConstraint("id", name="pk_sync_runs"),
        comment="Every run of a sync, and the lease by which only one runs at a time",
        sqlite_autoincrement=True,
    )
    op.create_index("ix_sync_runs_account", "sync_runs", ["account_id", "started_at"], unique=False)
    op.create_index(
        "uq_sync_runs_running",
        "sync_runs",
        ["account_id"],
        unique=True,
        sqlite_where=sa.text("status = 'running'"),
        postgresql_where=sa.text("status = 'running'"),
    )

    op.create_table(
        "backup_policies",
        sa.Column(
            "droplet_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="Whose it is"
        ),
        sa.Column("valid_from", UtcDateTime(), nullable=False, comment="UTC stamp of the look that learned it"),
        sa.Column(
            "valid_to",
            UtcDateTime(),
            nullable=True,
            comment="UTC stamp of the look that learned otherwise; NULL while it holds",
        ),
        sa.Column("is_enabled", sa.Boolean(), nullable=False, comment="Whether backups are on"),
        sa.Column(
            "plan",
            sa.Text(),
            nullable=True,
            comment="Free text: daily and weekly are documented; NULL with backups off",
        ),
        sa.Column("weekday", sa.Text(), nullable=True, comment="SUN to SAT; NULL for plans without one"),
        sa.Column(
            "hour", sa.Integer(), nullable=True, comment="UTC hour at which the window opens; NULL with backups off"
        ),
        sa.Column("window_length_hours", sa.Integer(), nullable=True, comment="NULL with backups off"),
        sa.Column("retention_days", sa.Integer(), nullable=True, comment="NULL where the API does not say"),
        sa.CheckConstraint("valid_from < valid_to", name=op.f("ck_backup_policies_interval")),
        sa.ForeignKeyConstraint(["droplet_id"], ["droplets.id"], name="fk_backup_policies_droplet_id_droplets"),
        sa.PrimaryKeyConstraint("droplet_id", "valid_from", name="pk_backup_policies"),
        comment="A Droplet's backup policy as it was; no row: never read",
    )
    op.create_index(
        "uq_backup_policies_open",
        "backup_policies",
        ["droplet_id"],
        unique=True,
        sqlite_where=sa.text("valid_to IS NULL"),
        postgresql_where=sa.text("valid_to IS NULL"),
    )

    op.create_table(
        "backups",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
            comment="DigitalOcean's image id",
        ),
        sa.Column(
            "droplet_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="Whose it is; never changes (R6)",
        ),
        sa.Column("type", sa.Text(), nullable=False, comment="As the API says; backup in every known listing"),
        sa.Column("created_at", UtcDateTime(), nullable=False, comment="UTC, as the API says"),
        sa.Column("name", sa.Text(), nullable=False, comment="As the API says; not unique"),
        sa.Column("min_disk_size", sa.Integer(), nullable=False, comment="Gigabytes of disk a restore needs"),
        sa.Column("size_gigabytes", sa.Double(), nullable=False, comment="As billed; current, or last known"),
        sa.Column("first_seen_at", UtcDateTime(), nullable=False, comment="UTC stamp"),
        sa.Column(
            "gone_after_at",
            UtcDateTime(),
            nullable=True,
            comment="UTC stamp of the last look that saw it; NULL while it exists",
        ),
        sa.Column(
            "gone_at",
            UtcDateTime(),
            nullable=True,
            comment="UTC stamp of the first look without it; NULL while it exists",
        ),
        sa.Column(
            "gone_reason",
            sa.Text(),
            nullable=True,
            comment="droplet_destroyed, converted, expired, backups_disabled, unknown, unexplained; NULL: it exists",
        ),
        sa.Column(
            "gone_reason_replaced_at",
            UtcDateTime(),
            nullable=True,
            comment="UTC stamp of the later look that explained an unknown or unexplained end; NULL: none did",
        ),
        sa.Column(
            "missing_since",
            UtcDateTime(),
            nullable=True,
            comment="UTC stamp; NULL unless the brake holds its end back (R7)",
        ),
        sa.CheckConstraint(
            "(gone_at IS NULL) = (gone_after_at IS NULL) AND (gone_at IS NULL) = (gone_reason IS NULL)",
            name=op.f("ck_backups_gone_whole"),
        ),
        sa.CheckConstraint("gone_after_at < gone_at", name=op.f("ck_backups_gone")),
        sa.CheckConstraint("gone_at IS NULL OR missing_since IS NULL", name=op.f("ck_backups_missing")),
        sa.CheckConstraint("size_gigabytes >= 0 AND size_gigabytes < 1e12", name=op.f("ck_backups_size")),
        sa.ForeignKeyConstraint(["droplet_id"], ["droplets.id"], name="fk_backups_droplet_id_droplets"),
        sa.PrimaryKeyConstraint("id", name="pk_backups"),
        comment="Every backup ever seen, as last known",
    )
    op.create_index(
        "ix_backups_by_droplet", "backups", ["droplet_id", "created_at", "size_gigabytes", "gone_at"], unique=False
    )
    op.create_index("ix_backups_first_seen_at", "backups", ["first_seen_at"], unique=False)
    op.create_index("ix_backups_gone_at", "backups", ["gone_at"], unique=False)
    op.create_index(
        "ix_backups_live",
        "backups",
        ["droplet_id"],
        unique=False,
        sqlite_where=sa.text("gone_at IS NULL"),
        postgresql_where=sa.text("gone_at IS NULL"),
    )

    op.create_table(
        "droplet_days",
        sa.Column(
            "droplet_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="Whose it is"
        ),
        sa.Column("day", sa.Date(), nullable=False, comment="UTC"),
        sa.Column("backups", sa.Integer(), nullable=False, comment="How many existed after the day's last look"),
        sa.Column("size_gigabytes", sa.Double(), nullable=False, comment="Their sum, as billed"),
        sa.Column(
            "oldest_backup_at",
            UtcDateTime(),
            nullable=True,
            comment="UTC created_at of the oldest; NULL without backups",
        ),
        sa.Column(
            "newest_backup_at",
            UtcDateTime(),
            nullable=True,
            comment="UTC created_at of the newest; NULL without backups",
        ),
        sa.CheckConstraint("size_gigabytes >= 0 AND size_gigabytes < 1e12", name=op.f("ck_droplet_days_size")),
        sa.ForeignKeyConstraint(["droplet_id"], ["droplets.id"], name="fk_droplet_days_droplet_id_droplets"),
        sa.PrimaryKeyConstraint("droplet_id", "day", name="pk_droplet_days"),
        comment="What a Droplet's backups came to on each day it was looked at; no row: not looked",
    )
    op.create_index(
        "ix_droplet_days_by_day", "droplet_days", ["day", "droplet_id", "backups", "size_gigabytes"], unique=False
    )

    op.create_table(
        "droplet_tags",
        sa.Column(
            "droplet_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="Whose it is"
        ),
        sa.Column("tag", sa.Text(), nullable=False, comment="As the API writes it"),
        sa.Column("valid_from", UtcDateTime(), nullable=False, comment="UTC stamp of the look that learned it"),
        sa.Column(
            "valid_to",
            UtcDateTime(),
            nullable=True,
            comment="UTC stamp of the look that learned otherwise; NULL while it holds",
        ),
        sa.CheckConstraint("valid_from < valid_to", name=op.f("ck_droplet_tags_interval")),
        sa.ForeignKeyConstraint(["droplet_id"], ["droplets.id"], name="fk_droplet_tags_droplet_id_droplets"),
        sa.PrimaryKeyConstraint("droplet_id", "tag", "valid_from", name="pk_droplet_tags"),
        comment="A Droplet's tags as they were",
    )
    op.create_index(
        "uq_droplet_tags_open",
        "droplet_tags",
        ["droplet_id", "tag"],
        unique=True,
        sqlite_where=sa.text("valid_to IS NULL"),
        postgresql_where=sa.text("valid_to IS NULL"),
    )

    op.create_table(
        "droplet_versions",
        sa.Column(
            "droplet_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="Whose it is"
        ),
        sa.Column("valid_from", UtcDateTime(), nullable=False, comment="UTC stamp of the look that learned it"),
        sa.Column(
            "valid_to",
            UtcDateTime(),
            nullable=True,
            comment="UTC stamp of the look that learned otherwise; NULL while it holds",
        ),
        sa.Column("name", sa.Text(), nullable=False, comment="As it was"),
        sa.Column("region", sa.Text(), nullable=False, comment="Slug"),
        sa.Column("size_slug", sa.Text(), nullable=False, comment="The plan it ran on"),
        sa.Column(
            "price_monthly_usd",
            sa.Double(),
            nullable=True,
            comment="US dollars a month; NULL where the API gave no price",
        ),
        sa.Column("status", sa.Text(), nullable=False, comment="new, active, off or archive, as the API said"),
        sa.CheckConstraint("valid_from < valid_to", name=op.f("ck_droplet_versions_interval")),
        sa.ForeignKeyConstraint(["droplet_id"], ["droplets.id"], name="fk_droplet_versions_droplet_id_droplets"),
        sa.PrimaryKeyConstraint("droplet_id", "valid_from", name="pk_droplet_versions"),
        comment="A Droplet's attributes as they were",
    )
    op.create_index(
        "uq_droplet_versions_open",
        "droplet_versions",
        ["droplet_id"],
        unique=True,
        sqlite_where=sa.text("valid_to IS NULL"),
        postgresql_where=sa.text("valid_to IS NULL"),
    )

    op.create_table(
        "sync_listings",
        sa.Column("run_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="Which run"),
        sa.Column(
            "droplet_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
            comment="Which Droplet, known or not",
        ),
        sa.Column("attempted_at", UtcDateTime(), nullable=False, comment="UTC stamp of the attempt"),
        sa.Column(
            "outcome", sa.Text(), nullable=False, comment="complete, incomplete, held, not_found, or what failed"
        ),
        sa.Column(
            "http_status", sa.Integer(), nullable=True, comment="Of the answer that decided; NULL where none came"
        ),
        sa.Column("pages", sa.Integer(), nullable=True, comment="NULL where no listing came"),
        sa.Column("rows", sa.Integer(), nullable=True, comment="Items in its pages; NULL where no listing came"),
        sa.Column(
            "announced_total", sa.Integer(), nullable=True, comment="meta.total; NULL where it was missing or unusable"
        ),
        sa.Column(
            "duration_seconds",
            sa.Double(),
            nullable=False,
            comment="From first request to last answer, waiting included",
        ),
        sa.Column("error", sa.Text(), nullable=True, comment="NULL where the listing was complete"),
        sa.ForeignKeyConstraint(["run_id"], ["sync_runs.id"], name="fk_sync_listings_run_id_sync_runs"),
        sa.PrimaryKeyConstraint("run_id", "droplet_id", name="pk_sync_listings"),
        comment="Attempts that failed, were incomplete or changed something; the others are counted in sync_runs",
    )
    op.create_table(
        "backup_regions",
        sa.Column(
            "backup_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="Which backup"
        ),
        sa.Column("region", sa.Text(), nullable=False, comment="Slug"),
        sa.Column("valid_from", UtcDateTime(), nullable=False, comment="UTC stamp of the look that learned it"),
        sa.Column(
            "valid_to",
            UtcDateTime(),
            nullable=True,
            comment="UTC stamp of the look that learned otherwise; NULL while it holds",
        ),
        sa.CheckConstraint("valid_from < valid_to", name=op.f("ck_backup_regions_interval")),
        sa.ForeignKeyConstraint(["backup_id"], ["backups.id"], name="fk_backup_regions_backup_id_backups"),
        sa.PrimaryKeyConstraint("backup_id", "region", "valid_from", name="pk_backup_regions"),
        comment="Where a backup was kept, and when",
    )
    op.create_index(
        "uq_backup_regions_open",
        "backup_regions",
        ["backup_id", "region"],
        unique=True,
        sqlite_where=sa.text("valid_to IS NULL"),
        postgresql_where=sa.text("valid_to IS NULL"),
    )

    op.create_table(
        "backup_versions",
        sa.Column(
            "backup_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="Which backup"
        ),
        sa.Column("valid_from", UtcDateTime(), nullable=False, comment="UTC stamp of the look that learned it"),
        sa.Column(
            "valid_to",
            UtcDateTime(),
            nullable=True,
            comment="UTC stamp of the look that learned otherwise; NULL while it holds",
        ),
        sa.Column(
            "closed_by",
            sa.Text(),
            nullable=True,
            comment="NULL while open; change, or the reason of the end as first given",
        ),
        sa.Column("name", sa.Text(), nullable=False, comment="As it was"),
        sa.Column("type", sa.Text(), nullable=False, comment="As it was"),
        sa.Column("size_gigabytes", sa.Double(), nullable=False, comment="As billed"),
        sa.Column("min_disk_size", sa.Integer(), nullable=False, comment="Gigabytes"),
        sa.CheckConstraint("(valid_to IS NULL) = (closed_by IS NULL)", name=op.f("ck_backup_versions_closed")),
        sa.CheckConstraint("size_gigabytes >= 0 AND size_gigabytes < 1e12", name=op.f("ck_backup_versions_size")),
        sa.CheckConstraint("valid_from < valid_to", name=op.f("ck_backup_versions_interval")),
        sa.ForeignKeyConstraint(["backup_id"], ["backups.id"], name="fk_backup_versions_backup_id_backups"),
        sa.PrimaryKeyConstraint("backup_id", "valid_from", name="pk_backup_versions"),
        comment="A backup's attributes as they were; it existed exactly while it has a version",
    )
    op.create_index("ix_backup_versions_interval", "backup_versions", ["valid_to", "valid_from"], unique=False)
    op.create_index(
        "uq_backup_versions_open",
        "backup_versions",
        ["backup_id"],
        unique=True,
        sqlite_where=sa.text("valid_to IS NULL"),
        postgresql_where=sa.text("valid_to IS NULL"),
    )


def downgrade() -> None:
    """Remove the tables and all they hold."""
    op.drop_table("backup_versions")
    op.drop_table("backup_regions")
    op.drop_table("sync_listings")
    op.drop_table("droplet_versions")
    op.drop_table("droplet_tags")
    op.drop_table("droplet_days")
    op.drop_table("backups")
    op.drop_table("backup_policies")
    op.drop_table("sync_runs")
    op.drop_table("droplets")
    op.drop_table("accounts")
