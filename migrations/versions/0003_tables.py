"""The tables of the first release.

Revision: 0003, the first. The revisions 0001 and 0002 belonged to versions that were never released.

A migration imports nothing of the program: what it makes must not change when the program does.
"""

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = None
branch_labels = None
depends_on = None

# INTEGER on SQLite, because it then refuses text in a key; 64 bits on both.
_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# DigitalOcean does not date its prices; they are taken to hold since before the first backup.
_EVER = date(2000, 1, 1)
_PAGE = "DigitalOcean, Backups Pricing, page of 2026-03-09"
_BASIC = {"weekly": 20.0, "daily": 30.0}
# The API has no names for these plans yet; these names are ours.
_USAGE_BASED = {
    "usage-weekly": 0.04,
    "usage-daily": 0.03,
    "usage-12-hourly": 0.02,
    "usage-6-hourly": 0.015,
    "usage-4-hourly": 0.01,
}


def upgrade() -> None:
    """Create the tables, and fill `backup_rates`."""
    _create_accounts()
    _create_droplets()
    _create_droplet_versions()
    _create_droplet_tags()
    _create_backup_policies()
    _create_droplet_days()
    _create_backups()
    _create_backup_versions()
    _create_backup_regions()
    _create_backup_rates()
    _create_sync_runs()
    _create_sync_listings()


def downgrade() -> None:
    """Remove the tables and all they hold."""
    for table in (
        "sync_listings",
        "sync_runs",
        "backup_rates",
        "backup_regions",
        "backup_versions",
        "backups",
        "droplet_days",
        "backup_policies",
        "droplet_tags",
        "droplet_versions",
        "droplets",
        "accounts",
    ):
        op.drop_table(table)


def _at(name: str, comment: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable, comment=comment)


def _count(name: str, comment: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False, comment=comment)


def _interval() -> tuple[sa.Column[datetime], sa.Column[datetime]]:
    return (
        _at("valid_from", "UTC stamp of the look that found it"),
        _at("valid_to", "UTC stamp of the look that found it changed or gone; NULL while it holds", nullable=True),
    )


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def _one_open(table: str, *columns: str) -> None:
    """Allow at most one open interval for each key."""
    op.create_index(f"uq_{table}_open", table, [*columns], unique=True, **_where("valid_to IS NULL"))


def _rate(plan: str, source: str, **rate: float) -> dict[str, object]:
    rates = {"price_percent": None, "gibibyte_month_usd": None, **rate}
    return {"plan": plan, "valid_from": _EVER, "valid_to": None, "source": source, **rates}


def _create_accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.Integer(), nullable=False, comment="Our id"),
        sa.Column("name", sa.Text(), nullable=False, comment="Its name in the configuration"),
        sa.Column("uuid", sa.Text(), nullable=True, comment="From /v2/account; NULL if no token could ever read it"),
        sa.Column(
            "status", sa.Text(), nullable=True, comment="As /v2/account last said; NULL if no token could ever read it"
        ),
        _at(
            "pruned_before",
            "UTC; ended backups that were made before may have been pruned; NULL if nothing was",
            nullable=True,
        ),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
        sa.UniqueConstraint("name", name="uq_accounts_name"),
        comment="One configured DigitalOcean account",
    )


def _create_droplets() -> None:
    op.create_table(
        "droplets",
        sa.Column("id", _BIG_ID, autoincrement=False, nullable=False, comment="DigitalOcean's id"),
        sa.Column(
            "account_id",
            sa.Integer(),
            nullable=False,
            comment="The account that owns it: the first that saw it, until it moves (R6)",
        ),
        sa.Column("name", sa.Text(), nullable=False, comment="From the API; not unique"),
        sa.Column("region", sa.Text(), nullable=False, comment="Slug"),
        sa.Column("size_slug", sa.Text(), nullable=False, comment="Its size, such as s-1vcpu-1gb"),
        sa.Column(
            "price_monthly_usd", sa.Double(), nullable=True, comment="US dollars a month; NULL if the API gave no price"
        ),
        sa.Column("status", sa.Text(), nullable=False, comment="new, active, off or archive, from the API"),
        _at("created_at", "UTC"),
        _at("next_window_starts_at", "UTC; NULL while backups are off", nullable=True),
        _at("next_window_ends_at", "UTC; NULL while backups are off", nullable=True),
        _at("unselected_since", "UTC; NULL while the configuration selects this Droplet", nullable=True),
        _at("first_seen_at", "UTC stamp"),
        _at("last_observed_at", "UTC stamp of the last look (R1); NULL if there was none", nullable=True),
        _at("last_listed_at", "UTC stamp of the last complete listing; NULL if there was none", nullable=True),
        _at("gone_at", "UTC stamp of the look that found it gone; NULL while it exists", nullable=True),
        _at("last_attempt_at", "UTC stamp of the last attempt to look, successful or not"),
        sa.Column("last_outcome", sa.Text(), nullable=False, comment="Outcome of the last attempt; complete is a look"),
        sa.Column(
            "last_error", sa.Text(), nullable=True, comment="Why the last attempt was not a look; NULL if it was one"
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_droplets_account_id_accounts"),
        sa.PrimaryKeyConstraint("id", name="pk_droplets"),
        comment="One Droplet, as last seen",
        postgresql_with={"fillfactor": 70},
    )
    op.create_index("ix_droplets_account_id", "droplets", ["account_id"])


def _create_droplet_versions() -> None:
    op.create_table(
        "droplet_versions",
        sa.Column("droplet_id", _BIG_ID, nullable=False, comment="Id of the Droplet"),
        *_interval(),
        sa.Column("name", sa.Text(), nullable=False, comment="As it was"),
        sa.Column("region", sa.Text(), nullable=False, comment="Slug"),
        sa.Column("size_slug", sa.Text(), nullable=False, comment="Its size then, such as s-1vcpu-1gb"),
        sa.Column(
            "price_monthly_usd", sa.Double(), nullable=True, comment="US dollars a month; NULL if the API gave no price"
        ),
        sa.Column("status", sa.Text(), nullable=False, comment="new, active, off or archive, from the API"),
        sa.CheckConstraint("valid_from < valid_to", name=op.f("ck_droplet_versions_interval")),
        sa.ForeignKeyConstraint(["droplet_id"], ["droplets.id"], name="fk_droplet_versions_droplet_id_droplets"),
        sa.PrimaryKeyConstraint("droplet_id", "valid_from", name="pk_droplet_versions"),
        comment="A Droplet's attributes as they were",
    )
    _one_open("droplet_versions", "droplet_id")


def _create_droplet_tags() -> None:
    op.create_table(
        "droplet_tags",
        sa.Column("droplet_id", _BIG_ID, nullable=False, comment="Id of the Droplet"),
        sa.Column("tag", sa.Text(), nullable=False, comment="From the API"),
        *_interval(),
        sa.CheckConstraint("valid_from < valid_to", name=op.f("ck_droplet_tags_interval")),
        sa.ForeignKeyConstraint(["droplet_id"], ["droplets.id"], name="fk_droplet_tags_droplet_id_droplets"),
        sa.PrimaryKeyConstraint("droplet_id", "tag", "valid_from", name="pk_droplet_tags"),
        comment="A Droplet's tags as they were",
    )
    _one_open("droplet_tags", "droplet_id", "tag")


def _create_backup_policies() -> None:
    op.create_table(
        "backup_policies",
        sa.Column("droplet_id", _BIG_ID, nullable=False, comment="Id of the Droplet"),
        *_interval(),
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
        sa.Column("retention_days", sa.Integer(), nullable=True, comment="NULL if the API does not say"),
        sa.CheckConstraint("valid_from < valid_to", name=op.f("ck_backup_policies_interval")),
        sa.ForeignKeyConstraint(["droplet_id"], ["droplets.id"], name="fk_backup_policies_droplet_id_droplets"),
        sa.PrimaryKeyConstraint("droplet_id", "valid_from", name="pk_backup_policies"),
        comment="A Droplet's backup policies as they were; no row if none was ever read",
    )
    _one_open("backup_policies", "droplet_id")


def _create_droplet_days() -> None:
    op.create_table(
        "droplet_days",
        sa.Column("droplet_id", _BIG_ID, nullable=False, comment="Id of the Droplet"),
        sa.Column("day", sa.Date(), nullable=False, comment="UTC"),
        sa.Column("backups", sa.Integer(), nullable=False, comment="How many existed after the day's last look"),
        sa.Column("size_gigabytes", sa.Double(), nullable=False, comment="Their sum, as billed"),
        _at("oldest_backup_at", "UTC created_at of the oldest; NULL without backups", nullable=True),
        _at("newest_backup_at", "UTC created_at of the newest; NULL without backups", nullable=True),
        _at("first_look_at", "UTC stamp of the day's first look"),
        sa.CheckConstraint("size_gigabytes >= 0 AND size_gigabytes < 1e12", name=op.f("ck_droplet_days_size")),
        sa.ForeignKeyConstraint(["droplet_id"], ["droplets.id"], name="fk_droplet_days_droplet_id_droplets"),
        sa.PrimaryKeyConstraint("droplet_id", "day", name="pk_droplet_days"),
        comment="A Droplet's backups after the last look of each day; no row for a day without a look",
        # SQLite then keeps a Droplet's rows together, in the order of its days, as the views of trends read them.
        sqlite_with_rowid=False,
    )
    op.create_index("ix_droplet_days_by_day", "droplet_days", ["day", "droplet_id", "backups", "size_gigabytes"])


def _create_backups() -> None:
    op.create_table(
        "backups",
        sa.Column("id", _BIG_ID, autoincrement=False, nullable=False, comment="DigitalOcean's image id"),
        sa.Column("droplet_id", _BIG_ID, nullable=False, comment="The Droplet that it is of; never changes (R6)"),
        sa.Column("type", sa.Text(), nullable=False, comment="From the API; backup in every listing so far"),
        _at("created_at", "UTC, from the API"),
        sa.Column("name", sa.Text(), nullable=False, comment="From the API; not unique"),
        sa.Column("min_disk_size", sa.Integer(), nullable=False, comment="Gigabytes of disk a restore needs"),
        sa.Column("size_gigabytes", sa.Double(), nullable=False, comment="As billed; current, or last known"),
        _at("first_seen_at", "UTC stamp"),
        _at("gone_after_at", "UTC stamp of the last look that saw it; NULL while it exists", nullable=True),
        _at("gone_at", "UTC stamp of the first look without it; NULL while it exists", nullable=True),
        sa.Column(
            "gone_reason",
            sa.Text(),
            nullable=True,
            comment="droplet_destroyed, converted, expired, backups_disabled, unknown, unexplained; NULL if it exists",
        ),
        _at(
            "gone_reason_replaced_at",
            "UTC stamp of the later look that explained an unknown or unexplained end; NULL if none did",
            nullable=True,
        ),
        _at("missing_since", "UTC stamp; NULL unless the brake holds its end back (R7)", nullable=True),
        sa.CheckConstraint("gone_after_at < gone_at", name=op.f("ck_backups_gone")),
        sa.CheckConstraint(
            "(gone_at IS NULL) = (gone_after_at IS NULL) AND (gone_at IS NULL) = (gone_reason IS NULL)",
            name=op.f("ck_backups_gone_whole"),
        ),
        sa.CheckConstraint("gone_at IS NULL OR missing_since IS NULL", name=op.f("ck_backups_missing")),
        sa.CheckConstraint("size_gigabytes >= 0 AND size_gigabytes < 1e12", name=op.f("ck_backups_size")),
        sa.ForeignKeyConstraint(["droplet_id"], ["droplets.id"], name="fk_backups_droplet_id_droplets"),
        sa.PrimaryKeyConstraint("id", name="pk_backups"),
        comment="Every backup ever seen, as last known",
    )
    op.create_index(
        "ix_backups_by_droplet", "backups", ["droplet_id", "created_at", "size_gigabytes", "gone_at", "first_seen_at"]
    )
    op.create_index("ix_backups_first_seen_at", "backups", ["first_seen_at"])
    op.create_index("ix_backups_gone_at", "backups", ["gone_at"])
    op.create_index("ix_backups_live", "backups", ["droplet_id"], **_where("gone_at IS NULL"))


def _create_backup_versions() -> None:
    op.create_table(
        "backup_versions",
        sa.Column("backup_id", _BIG_ID, nullable=False, comment="Id of the backup"),
        *_interval(),
        sa.Column(
            "closed_by",
            sa.Text(),
            nullable=True,
            comment="change, or the reason of the end as first recorded; NULL while open",
        ),
        sa.Column("name", sa.Text(), nullable=False, comment="As it was"),
        sa.Column("type", sa.Text(), nullable=False, comment="As it was"),
        sa.Column("size_gigabytes", sa.Double(), nullable=False, comment="As billed"),
        sa.Column("min_disk_size", sa.Integer(), nullable=False, comment="Gigabytes"),
        sa.CheckConstraint("(valid_to IS NULL) = (closed_by IS NULL)", name=op.f("ck_backup_versions_closed")),
        sa.CheckConstraint("valid_from < valid_to", name=op.f("ck_backup_versions_interval")),
        sa.CheckConstraint("size_gigabytes >= 0 AND size_gigabytes < 1e12", name=op.f("ck_backup_versions_size")),
        sa.ForeignKeyConstraint(["backup_id"], ["backups.id"], name="fk_backup_versions_backup_id_backups"),
        sa.PrimaryKeyConstraint("backup_id", "valid_from", name="pk_backup_versions"),
        comment="A backup's attributes as they were; it existed exactly in these intervals",
    )
    op.create_index("ix_backup_versions_interval", "backup_versions", ["valid_to", "valid_from"])
    _one_open("backup_versions", "backup_id")


def _create_backup_regions() -> None:
    op.create_table(
        "backup_regions",
        sa.Column("backup_id", _BIG_ID, nullable=False, comment="Id of the backup"),
        sa.Column("region", sa.Text(), nullable=False, comment="Slug"),
        *_interval(),
        sa.CheckConstraint("valid_from < valid_to", name=op.f("ck_backup_regions_interval")),
        sa.ForeignKeyConstraint(["backup_id"], ["backups.id"], name="fk_backup_regions_backup_id_backups"),
        sa.PrimaryKeyConstraint("backup_id", "region", "valid_from", name="pk_backup_regions"),
        comment="Where a backup was kept, and when",
    )
    _one_open("backup_regions", "backup_id", "region")


def _create_backup_rates() -> None:
    rates = op.create_table(
        "backup_rates",
        sa.Column(
            "plan", sa.Text(), nullable=False, comment="As in backup_policies.plan; for other plans, see the source"
        ),
        sa.Column("valid_from", sa.Date(), nullable=False, comment="UTC; the first day it is taken to hold"),
        sa.Column(
            "valid_to", sa.Date(), nullable=True, comment="UTC; the first day it no longer holds; NULL while it does"
        ),
        sa.Column(
            "price_percent",
            sa.Double(),
            nullable=True,
            comment="Of the Droplet's monthly price, for all backups due in a month; NULL if billed by size",
        ),
        sa.Column(
            "gibibyte_month_usd",
            sa.Double(),
            nullable=True,
            comment="US dollars for a gibibyte kept for a month; NULL if billed by the Droplet's price",
        ),
        sa.Column("source", sa.Text(), nullable=False, comment="Where the rate comes from, with its date"),
        sa.CheckConstraint("valid_from < valid_to", name=op.f("ck_backup_rates_interval")),
        sa.CheckConstraint(
            "(price_percent IS NULL) <> (gibibyte_month_usd IS NULL)", name=op.f("ck_backup_rates_one_rate")
        ),
        sa.CheckConstraint("coalesce(price_percent, gibibyte_month_usd) >= 0", name=op.f("ck_backup_rates_rate")),
        sa.PrimaryKeyConstraint("plan", "valid_from", name="pk_backup_rates"),
        comment="What DigitalOcean charges for backups; you may edit it, no sync changes it",
    )
    _one_open("backup_rates", "plan")
    op.bulk_insert(
        rates,
        [
            *(_rate(plan, _PAGE, price_percent=percent) for plan, percent in _BASIC.items()),
            *(
                _rate(plan, f"{_PAGE}; the plan's name is ours", gibibyte_month_usd=usd)
                for plan, usd in _USAGE_BASED.items()
            ),
        ],
    )


def _create_sync_runs() -> None:
    op.create_table(
        "sync_runs",
        sa.Column("id", _BIG_ID, nullable=False, comment="Our id; later runs have higher ids"),
        sa.Column("account_id", sa.Integer(), nullable=False, comment="Id of the account that it syncs"),
        _at("started_at", "UTC"),
        _at("finished_at", "UTC; NULL while running", nullable=True),
        _at("heartbeat_at", "UTC, by the database's clock; after 90 s without a new one, another run may take over"),
        sa.Column("host", sa.Text(), nullable=False, comment="Name of the machine it runs on"),
        sa.Column("pid", sa.Integer(), nullable=False, comment="Its process on that machine"),
        sa.Column(
            "process", sa.Text(), nullable=True, comment="Boot, namespace and start of the process; NULL if unknown"
        ),
        sa.Column("trigger", sa.Text(), nullable=False, comment="command or daemon"),
        sa.Column(
            "mode",
            sa.Text(),
            nullable=False,
            comment="detection; listing, if all Droplets are listed; subset, if only some are selected",
        ),
        sa.Column(
            "overdue_after_seconds",
            sa.Integer(),
            nullable=False,
            comment="How long after a complete run the next is overdue, by this run's schedule; 26 h if it knew none",
        ),
        sa.Column(
            "status", sa.Text(), nullable=False, comment="running, complete, partial, held, failed or interrupted"
        ),
        sa.Column(
            "droplets_selected", sa.Integer(), nullable=True, comment="NULL if the run ended before it was known"
        ),
        _count("droplets_complete", "Looked at: listed completely, proven unchanged, or found gone"),
        _count("droplets_proven", "Of them, proven unchanged without a listing: requests saved"),
        _count("droplets_incomplete", "Listed, but not completely, or held by the brake"),
        _count("droplets_failed", "No usable listing"),
        _count("droplets_changed", "They or their backups had changed"),
        _count("backups_appeared", "First seen"),
        _count("backups_changed", "An attribute or region changed"),
        _count("backups_returned", "Had ended, and were listed again"),
        _count("backups_expired", "Ended in the ordinary course"),
        _count("backups_ended", "Ended for any reason, expired included"),
        _count("backups_held", "Missing, but not ended, because of the brake"),
        _count("requests", "Sent to DigitalOcean, retries included"),
        sa.Column(
            "rate_limit_remaining",
            sa.Integer(),
            nullable=True,
            comment="As DigitalOcean last announced; NULL if it did not",
        ),
        sa.Column("error", sa.Text(), nullable=True, comment="Why the run is not complete; NULL if it is"),
        sa.Column(
            "failure", sa.Text(), nullable=True, comment="Outcome of the request that ended the run; NULL if none did"
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_sync_runs_account_id_accounts"),
        sa.PrimaryKeyConstraint("id", name="pk_sync_runs"),
        comment="Every sync run; one that is running is also the lease of its account",
        sqlite_autoincrement=True,
    )
    op.create_index("ix_sync_runs_account", "sync_runs", ["account_id", "started_at"])
    op.create_index("uq_sync_runs_running", "sync_runs", ["account_id"], unique=True, **_where("status = 'running'"))


def _create_sync_listings() -> None:
    op.create_table(
        "sync_listings",
        sa.Column("run_id", _BIG_ID, nullable=False, comment="Id of the run"),
        sa.Column(
            "droplet_id", _BIG_ID, autoincrement=False, nullable=False, comment="Id of the Droplet, stored or not"
        ),
        _at("attempted_at", "UTC stamp of the attempt"),
        sa.Column(
            "outcome", sa.Text(), nullable=False, comment="complete, incomplete, held, not_found, or what failed"
        ),
        sa.Column(
            "http_status",
            sa.Integer(),
            nullable=True,
            comment="Of the answer that decided the outcome; NULL if none came",
        ),
        sa.Column("pages", sa.Integer(), nullable=True, comment="NULL if no listing came"),
        sa.Column("rows", sa.Integer(), nullable=True, comment="Items in its pages; NULL if no listing came"),
        sa.Column(
            "announced_total", sa.Integer(), nullable=True, comment="meta.total; NULL if it was missing or unusable"
        ),
        sa.Column(
            "duration_seconds",
            sa.Double(),
            nullable=False,
            comment="From first request to last answer, waiting included",
        ),
        sa.Column("error", sa.Text(), nullable=True, comment="NULL if the listing was complete"),
        sa.ForeignKeyConstraint(["run_id"], ["sync_runs.id"], name="fk_sync_listings_run_id_sync_runs"),
        sa.PrimaryKeyConstraint("run_id", "droplet_id", name="pk_sync_listings"),
        comment="Attempts that failed, were incomplete or changed something; the others are counted in sync_runs",
    )
