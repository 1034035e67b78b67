"""The tables: what is stored, and what NULL means.

All times are UTC and of whole seconds. A stamp is the moment of an attempt, and at least one second later than any
stamp that its Droplet already has: intervals of one Droplet then never overlap, whatever the clock does (R5). An
interval begins with `valid_from` and ends before `valid_to`; `valid_to` NULL means that it has not ended.

The migrations create these tables; a test compares both.
"""

from datetime import datetime

import sqlalchemy as sa

from inventory.views.times import UtcDateTime

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


# INTEGER on SQLite, because it then refuses text in a key; 64 bits on both.
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _at(name: str, comment: str, *, nullable: bool = False, primary_key: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, UtcDateTime(), nullable=nullable, primary_key=primary_key, comment=comment)


def _interval() -> tuple[sa.Column[datetime], sa.Column[datetime], sa.CheckConstraint]:
    return (
        _at("valid_from", "UTC stamp of the look that found it", primary_key=True),
        _at("valid_to", "UTC stamp of the look that found it changed or gone; NULL while it holds", nullable=True),
        sa.CheckConstraint("valid_from < valid_to", name="interval"),
    )


def _one_open(table: sa.Table, *columns: str) -> None:
    """Allow at most one open interval for each key."""
    where = sa.text("valid_to IS NULL")
    sa.Index(
        f"uq_{table.name}_open",
        *(table.c[column] for column in columns),
        unique=True,
        sqlite_where=where,
        postgresql_where=where,
    )


# The upper bound also refuses infinity, and on PostgreSQL NaN, which there is larger than any number.
_SIZE_CHECK = "size_gigabytes >= 0 AND size_gigabytes < 1e12"

accounts = sa.Table(
    "accounts",
    metadata,
    sa.Column("id", sa.Integer(), primary_key=True, comment="Our id"),
    sa.Column("name", sa.Text(), nullable=False, unique=True, comment="Its name in the configuration"),
    sa.Column("uuid", sa.Text(), comment="From /v2/account, in lower case; NULL if no token could ever read it"),
    sa.Column("team_uuid", sa.Text(), comment="Of its team, as /v2/account last named one; NULL if it never did"),
    sa.Column("status", sa.Text(), comment="As /v2/account last said; NULL if no token could ever read it"),
    sa.Column(
        "claimed_uuid",
        sa.Text(),
        unique=True,
        index=True,
        comment="What no other account may be too: the uuid of its team, or its own where it has none; NULL if no "
        "token could ever read it, or since another name of it is configured in place of this one",
    ),
    _at(
        "pruned_before",
        "UTC; ended backups that were made before may have been pruned; NULL if nothing was",
        nullable=True,
    ),
    _at(
        "complete_since",
        "UTC; what was pruned may be missing as of an earlier moment; NULL if nothing was",
        nullable=True,
    ),
    sa.Column(
        "account_group",
        sa.Text(),
        comment="Whose it is, as the configuration last said; NULL if it says nothing, or no verdict was kept",
    ),
    _at("judged_at", "UTC; the verdict in current_findings; NULL if none was kept", nullable=True),
    _at(
        "next_due_at",
        "UTC; when the next run over the whole configuration is due; NULL if no such run ended since revision 0017",
        nullable=True,
    ),
    comment="One configured DigitalOcean account",
)

account_versions = sa.Table(
    "account_versions",
    metadata,
    sa.Column("account_id", sa.ForeignKey("accounts.id"), primary_key=True, comment="Id of the account"),
    _at("valid_from", "UTC; when /v2/account said so first", primary_key=True),
    _at("valid_to", "UTC; when it said otherwise; NULL while it holds", nullable=True),
    sa.CheckConstraint("valid_from < valid_to", name="interval"),
    sa.Column("status", sa.Text(), nullable=False, comment="As /v2/account said"),
    comment="An account's status as it was; no row if no token could ever read it",
)
_one_open(account_versions, "account_id")

droplets = sa.Table(
    "droplets",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=False, comment="DigitalOcean's id"),
    sa.Column(
        "account_id",
        sa.ForeignKey("accounts.id"),
        nullable=False,
        index=True,
        comment="The account that owns it: the first that saw it, until it moves (R6)",
    ),
    sa.Column("name", sa.Text(), nullable=False, comment="From the API; not unique; its id if it never was readable"),
    sa.Column("region", sa.Text(), comment="Slug; NULL if it never was readable"),
    sa.Column("size_slug", sa.Text(), comment="Its size, such as s-1vcpu-1gb; NULL if it never was readable"),
    sa.Column("price_monthly_usd", sa.Double(), comment="US dollars a month; NULL if the API gave no price"),
    sa.Column("status", sa.Text(), comment="new, active, off or archive, from the API; NULL if it never was readable"),
    _at("created_at", "UTC; NULL if it never was readable", nullable=True),
    _at("next_window_starts_at", "UTC; NULL while backups are off", nullable=True),
    _at("next_window_ends_at", "UTC; NULL while backups are off", nullable=True),
    _at("unselected_since", "UTC; NULL while the configuration selects this Droplet", nullable=True),
    _at("first_seen_at", "UTC stamp"),
    _at("first_look_at", "UTC stamp of the first look (R1); NULL if there was none", nullable=True),
    _at("last_observed_at", "UTC stamp of the last look (R1); NULL if there was none", nullable=True),
    sa.Column(
        "looks",
        sa.Text(),
        comment="Stamps of the looks of last_observed_at's day: seconds of the UTC day, ascending, separated by "
        "commas; NULL if there was none",
    ),
    _at("last_listed_at", "UTC stamp of the last complete listing; NULL if there was none", nullable=True),
    _at("gone_at", "UTC stamp of the look that found it gone; NULL while it exists", nullable=True),
    _at("last_attempt_at", "UTC stamp of the last attempt to look, successful or not"),
    sa.Column("last_outcome", sa.Text(), nullable=False, comment="Outcome of the last attempt; complete is a look"),
    sa.Column("last_error", sa.Text(), comment="Why the last attempt was not a look; NULL if it was one"),
    comment="One Droplet, as last seen",
    # Every run updates the observation time of every row: with room on the page, that changes no index.
    postgresql_with={"fillfactor": 70},
)

droplet_versions = sa.Table(
    "droplet_versions",
    metadata,
    sa.Column("droplet_id", sa.ForeignKey("droplets.id"), primary_key=True, comment="Id of the Droplet"),
    *_interval(),
    sa.Column("name", sa.Text(), nullable=False, comment="As it was"),
    sa.Column("region", sa.Text(), comment="Slug; NULL if not readable until then"),
    sa.Column("size_slug", sa.Text(), comment="Its size then, such as s-1vcpu-1gb; NULL if not readable until then"),
    sa.Column("price_monthly_usd", sa.Double(), comment="US dollars a month; NULL if the API gave no price"),
    sa.Column(
        "status", sa.Text(), comment="new, active, off or archive, from the API; NULL if not readable until then"
    ),
    sa.Column("account_id", sa.ForeignKey("accounts.id"), nullable=False, comment="The account that owned it (R6)"),
    _at("unselected_since", "UTC stamp; NULL while the configuration selected this Droplet", nullable=True),
    comment="A Droplet's attributes, account and selection as they were",
)
_one_open(droplet_versions, "droplet_id")
sa.Index("ix_droplet_versions_account_id", droplet_versions.c.account_id, droplet_versions.c.droplet_id)
sa.Index("ix_droplet_versions_name", droplet_versions.c.name)

droplet_tags = sa.Table(
    "droplet_tags",
    metadata,
    sa.Column("droplet_id", sa.ForeignKey("droplets.id"), primary_key=True, comment="Id of the Droplet"),
    sa.Column("tag", sa.Text(), primary_key=True, comment="From the API"),
    *_interval(),
    comment="A Droplet's tags as they were",
)
_one_open(droplet_tags, "droplet_id", "tag")

backup_policies = sa.Table(
    "backup_policies",
    metadata,
    sa.Column("droplet_id", sa.ForeignKey("droplets.id"), primary_key=True, comment="Id of the Droplet"),
    *_interval(),
    sa.Column("is_enabled", sa.Boolean(), nullable=False, comment="Whether backups are on"),
    sa.Column("plan", sa.Text(), comment="Free text: daily and weekly are documented; NULL with backups off"),
    sa.Column("weekday", sa.Text(), comment="SUN to SAT; NULL for plans without one"),
    sa.Column("hour", sa.Integer(), comment="UTC hour at which the window opens; NULL with backups off"),
    sa.Column("window_length_hours", sa.Integer(), comment="NULL with backups off"),
    sa.Column("retention_days", sa.Integer(), comment="NULL if the API does not say"),
    comment="A Droplet's backup policies as they were; no row if none was ever read",
)
_one_open(backup_policies, "droplet_id")

droplet_windows = sa.Table(
    "droplet_windows",
    metadata,
    sa.Column("droplet_id", sa.ForeignKey("droplets.id"), primary_key=True, comment="Id of the Droplet"),
    _at("valid_from", "UTC stamp of the look that first showed it", primary_key=True),
    _at("valid_to", "UTC stamp of the first look that no longer did; NULL while it is shown", nullable=True),
    _at("starts_at", "UTC"),
    _at("ends_at", "UTC"),
    sa.CheckConstraint("valid_from < valid_to", name="interval"),
    comment="The next backup window as the API showed it, where the policy does not say when windows open",
)
_one_open(droplet_windows, "droplet_id")

backups = sa.Table(
    "backups",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=False, comment="DigitalOcean's image id"),
    sa.Column(
        "droplet_id",
        sa.ForeignKey("droplets.id"),
        nullable=False,
        comment="The Droplet that it is of; never changes (R6)",
    ),
    sa.Column("type", sa.Text(), nullable=False, comment="From the API; backup in every listing so far"),
    _at("created_at", "UTC, as the API first said"),
    _at(
        "latest_created_at",
        "UTC; the latest time that the API gave in its place, at most 1 h after first_seen_at; NULL if none",
        nullable=True,
    ),
    sa.Column("name", sa.Text(), nullable=False, comment="From the API; not unique"),
    sa.Column("min_disk_size", sa.Integer(), nullable=False, comment="Gigabytes of disk a restore needs"),
    sa.Column("size_gigabytes", sa.Double(), nullable=False, comment="As billed; current, or last known"),
    _at("first_seen_at", "UTC stamp"),
    _at(
        "changed_at",
        "UTC stamp of the last listing that showed it changed, or again after its end; NULL if none did",
        nullable=True,
    ),
    _at("gone_after_at", "UTC stamp of the last look that saw it; NULL while it exists", nullable=True),
    _at("gone_at", "UTC stamp of the first look without it; NULL while it exists", nullable=True),
    sa.Column(
        "gone_reason",
        sa.Text(),
        comment="droplet_destroyed, converted, expired, backups_disabled, unknown, unexplained; NULL if it exists",
    ),
    _at(
        "gone_reason_replaced_at",
        "UTC stamp of the later look that explained an unknown or unexplained end; NULL if none did",
        nullable=True,
    ),
    _at(
        "missing_since",
        "UTC stamp; NULL unless its end is held by the brake or put off (R7)",
        nullable=True,
    ),
    sa.CheckConstraint(_SIZE_CHECK, name="size"),
    sa.CheckConstraint("gone_after_at < gone_at", name="gone"),
    sa.CheckConstraint(
        "(gone_at IS NULL) = (gone_after_at IS NULL) AND (gone_at IS NULL) = (gone_reason IS NULL)", name="gone_whole"
    ),
    sa.CheckConstraint("gone_at IS NULL OR missing_since IS NULL", name="missing"),
    comment="Every backup ever seen, as last known",
)
sa.Index(
    "ix_backups_by_droplet",
    backups.c.droplet_id,
    backups.c.created_at,
    # What the views ask of all backups of a Droplet, so that they need not read its rows one by one.
    backups.c.size_gigabytes,
    backups.c.gone_at,
    backups.c.first_seen_at,
    backups.c.changed_at,
)
sa.Index("ix_backups_gone_at", backups.c.gone_at)
sa.Index("ix_backups_first_seen_at", backups.c.first_seen_at)
sa.Index(
    "ix_backups_changed_at",
    backups.c.changed_at,
    sqlite_where=sa.text("changed_at IS NOT NULL"),
    postgresql_where=sa.text("changed_at IS NOT NULL"),
)
sa.Index(
    "ix_backups_live",
    # Always NULL: SQLite takes an index by what it can look up in it, and its columns for all that is read.
    backups.c.gone_at,
    backups.c.droplet_id,
    backups.c.created_at,
    backups.c.size_gigabytes,
    sqlite_where=sa.text("gone_at IS NULL"),
    postgresql_where=sa.text("gone_at IS NULL"),
)

backup_regions = sa.Table(
    "backup_regions",
    metadata,
    sa.Column("backup_id", sa.ForeignKey("backups.id"), primary_key=True, comment="Id of the backup"),
    sa.Column("region", sa.Text(), primary_key=True, comment="Slug"),
    *_interval(),
    comment="Where a backup was kept, and when",
)
_one_open(backup_regions, "backup_id", "region")

backup_versions = sa.Table(
    "backup_versions",
    metadata,
    sa.Column("backup_id", sa.ForeignKey("backups.id"), primary_key=True, comment="Id of the backup"),
    *_interval(),
    sa.Column("closed_by", sa.Text(), comment="change, or the reason of the end as first recorded; NULL while open"),
    sa.Column("name", sa.Text(), nullable=False, comment="As it was"),
    sa.Column("type", sa.Text(), nullable=False, comment="As it was"),
    _at("created_at", "UTC, as the API then said; NULL if that is created_at of its backup", nullable=True),
    sa.Column("size_gigabytes", sa.Double(), nullable=False, comment="As billed"),
    sa.Column("min_disk_size", sa.Integer(), nullable=False, comment="Gigabytes"),
    sa.CheckConstraint(_SIZE_CHECK, name="size"),
    sa.Column("replaced_by", sa.Text(), comment="The reason that replaced closed_by; NULL if none did"),
    _at("replaced_at", "UTC stamp of the look that replaced it; NULL if none did", nullable=True),
    sa.CheckConstraint("(valid_to IS NULL) = (closed_by IS NULL)", name="closed"),
    sa.CheckConstraint("(replaced_at IS NULL) = (replaced_by IS NULL)", name="replaced"),
    comment="A backup's attributes as they were; it existed exactly in these intervals",
)
_one_open(backup_versions, "backup_id")
sa.Index("ix_backup_versions_interval", backup_versions.c.valid_to, backup_versions.c.valid_from)

droplet_days = sa.Table(
    "droplet_days",
    metadata,
    sa.Column("droplet_id", sa.ForeignKey("droplets.id"), primary_key=True, comment="Id of the Droplet"),
    sa.Column("day", sa.Date(), primary_key=True, comment="UTC"),
    sa.Column("backups", sa.Integer(), nullable=False, comment="How many existed after the day's last look"),
    sa.Column("size_gigabytes", sa.Double(), nullable=False, comment="Their sum, as billed"),
    _at("oldest_backup_at", "UTC created_at of the oldest; NULL without backups", nullable=True),
    _at("newest_backup_at", "UTC created_at of the newest; NULL without backups", nullable=True),
    _at("first_look_at", "UTC stamp of the day's first look"),
    sa.Column(
        "looks",
        sa.Text(),
        comment="Stamps of the day's looks, as in droplets.looks; NULL while they stand there, or if only the first is "
        "known",
    ),
    sa.CheckConstraint(_SIZE_CHECK, name="size"),
    comment="A Droplet's backups after the last look of each day; no row for a day without a look",
    # SQLite then keeps a Droplet's rows together, in the order of its days, as the views of trends read them.
    sqlite_with_rowid=False,
)
sa.Index(
    "ix_droplet_days_by_day",
    droplet_days.c.day,
    droplet_days.c.droplet_id,
    droplet_days.c.backups,
    droplet_days.c.size_gigabytes,
)

backup_rates = sa.Table(
    "backup_rates",
    metadata,
    sa.Column(
        "plan", sa.Text(), primary_key=True, comment="As in backup_policies.plan; for other plans, see the source"
    ),
    sa.Column("valid_from", sa.Date(), primary_key=True, comment="UTC; the first day it is taken to hold"),
    sa.Column("valid_to", sa.Date(), comment="UTC; the first day it no longer holds; NULL while it does"),
    sa.Column(
        "price_percent",
        sa.Double(),
        comment="Of the Droplet's monthly price, for all backups due in a month; NULL if billed by size",
    ),
    sa.Column(
        "gibibyte_month_usd",
        sa.Double(),
        comment="US dollars for a gibibyte kept for a month; NULL if billed by the Droplet's price",
    ),
    sa.Column("source", sa.Text(), nullable=False, comment="Where the rate comes from, with its date"),
    sa.CheckConstraint("(price_percent IS NULL) <> (gibibyte_month_usd IS NULL)", name="one_rate"),
    sa.CheckConstraint("coalesce(price_percent, gibibyte_month_usd) >= 0", name="rate"),
    sa.CheckConstraint("valid_from < valid_to", name="interval"),
    comment="What DigitalOcean charges for backups; you may edit it, no sync changes it",
)
_one_open(backup_rates, "plan")

sync_runs = sa.Table(
    "sync_runs",
    metadata,
    sa.Column("id", BigId, primary_key=True, comment="Our id; later runs have higher ids"),
    sa.Column("account_id", sa.ForeignKey("accounts.id"), nullable=False, comment="Id of the account that it syncs"),
    _at("started_at", "UTC"),
    _at("finished_at", "UTC; NULL while running", nullable=True),
    _at("heartbeat_at", "UTC, by the database's clock; after 90 s without a new one, another run may take over"),
    sa.Column("host", sa.Text(), nullable=False, comment="Name of the machine it runs on"),
    sa.Column("pid", sa.Integer(), nullable=False, comment="Its process on that machine"),
    sa.Column("process", sa.Text(), comment="Boot, namespace and start of the process; NULL if unknown"),
    sa.Column("trigger", sa.Text(), nullable=False, comment="command, daemon or worker"),
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
    sa.Column("status", sa.Text(), nullable=False, comment="running, complete, partial, held, failed or interrupted"),
    sa.Column("droplets_selected", sa.Integer(), comment="NULL if the run ended before it was known"),
    *(
        sa.Column(name, sa.Integer(), nullable=False, server_default=sa.text("0"), comment=comment)
        for name, comment in (
            ("droplets_complete", "Looked at: listed completely, proven unchanged, or found gone"),
            ("droplets_proven", "Of them, proven unchanged without a listing: requests saved"),
            ("droplets_incomplete", "Listed, but not completely, or held by the brake"),
            ("droplets_failed", "No usable listing"),
            ("droplets_changed", "They or their backups had changed"),
            ("backups_appeared", "First seen"),
            ("backups_changed", "An attribute or region changed"),
            ("backups_returned", "Had ended, and were listed again"),
            ("backups_expired", "Ended in the ordinary course"),
            ("backups_ended", "Ended for any reason, expired included"),
            ("backups_held", "Missing, but not ended, because of the brake"),
            ("requests", "Sent to DigitalOcean, retries included"),
        )
    ),
    sa.Column("rate_limit_remaining", sa.Integer(), comment="As DigitalOcean last announced; NULL if it did not"),
    sa.Column("error", sa.Text(), comment="Why the run is not complete; NULL if it is"),
    sa.Column("failure", sa.Text(), comment="Outcome of the request that ended the run; NULL if none did"),
    comment="Every sync run; one that is running is also the lease of its account",
    sqlite_autoincrement=True,
)
sa.Index("ix_sync_runs_account", sync_runs.c.account_id, sync_runs.c.started_at)
sa.Index(
    "uq_sync_runs_running",
    sync_runs.c.account_id,
    unique=True,
    sqlite_where=sa.text("status = 'running'"),
    postgresql_where=sa.text("status = 'running'"),
)

sync_listings = sa.Table(
    "sync_listings",
    metadata,
    sa.Column("run_id", sa.ForeignKey("sync_runs.id"), primary_key=True, comment="Id of the run"),
    # No foreign key: an attempt on a configured id that never existed is recorded too.
    sa.Column("droplet_id", BigId, primary_key=True, autoincrement=False, comment="Id of the Droplet, stored or not"),
    _at("attempted_at", "UTC stamp of the attempt"),
    sa.Column("outcome", sa.Text(), nullable=False, comment="complete, incomplete, held, not_found, or what failed"),
    sa.Column("http_status", sa.Integer(), comment="Of the answer that decided the outcome; NULL if none came"),
    sa.Column("pages", sa.Integer(), comment="NULL if no listing came"),
    sa.Column("rows", sa.Integer(), comment="Items in its pages; NULL if no listing came"),
    sa.Column("announced_total", sa.Integer(), comment="meta.total; NULL if it was missing or unusable"),
    sa.Column(
        "duration_seconds",
        sa.Double(),
        nullable=False,
        comment="From first request to last answer, waiting included",
    ),
    sa.Column("error", sa.Text(), comment="NULL if the listing was complete"),
    comment="Attempts that failed, were incomplete or changed something; the others are counted in sync_runs",
)

current_findings = sa.Table(
    "current_findings",
    metadata,
    sa.Column("account_id", sa.ForeignKey("accounts.id"), primary_key=True, comment="Id of the account"),
    sa.Column(
        "droplet_id",
        BigId,
        primary_key=True,
        autoincrement=False,
        comment="Id of the Droplet; 0 where it concerns the account",
    ),
    sa.Column("finding", sa.Text(), primary_key=True, comment="Its name, as inventory check has it"),
    sa.Column("severity", sa.Text(), nullable=False, comment="critical, unknown, warning or counted"),
    sa.Column("is_exempt", sa.Boolean(), nullable=False, comment="Whether an exemption of the settings covers it"),
    sa.Column("droplet", sa.Text(), comment="Name of the Droplet; NULL where it concerns the account"),
    sa.Column("subject", sa.Text(), nullable=False, comment="What it concerns, as inventory check writes it"),
    _at("began_at", "UTC; when it began or was learned; NULL if that is not known", nullable=True),
    sa.Column("what", sa.Text(), nullable=False, comment="What was found, in a clause"),
    comment="What was wrong with each account when it was last judged; no history, each verdict replaces the last",
)

account_figures = sa.Table(
    "account_figures",
    metadata,
    sa.Column("account_id", sa.ForeignKey("accounts.id"), primary_key=True, comment="Id of the account"),
    sa.Column("droplets", sa.Integer(), nullable=False, comment="Selected Droplets that exist"),
    sa.Column("droplets_protected", sa.Integer(), nullable=False, comment="Of these, as in the view account_overview"),
    sa.Column("backups", sa.Integer(), comment="How many of theirs exist; NULL while none was looked at"),
    sa.Column("size_gigabytes", sa.Double(), comment="Of these backups, as billed; NULL as backups"),
    sa.Column("this_month_usd", sa.Double(), comment="US dollars, of the UTC month of judged_at; NULL if unknown"),
    sa.Column("last_month_usd", sa.Double(), comment="US dollars, of the UTC month before; NULL if unknown"),
    sa.Column("windows_due", sa.Integer(), nullable=False, comment="In which a backup was due in 30 UTC days"),
    sa.Column("windows_made", sa.Integer(), nullable=False, comment="Of these, with a backup"),
    sa.Column("windows_made_percent", sa.Double(), comment="Of windows_due; NULL if none was due"),
    sa.CheckConstraint(_SIZE_CHECK, name="size"),
    comment="What the view account_overview said at accounts.judged_at; no history, each verdict brings its own",
)

account_days = sa.Table(
    "account_days",
    metadata,
    sa.Column("account_id", sa.ForeignKey("accounts.id"), primary_key=True, comment="Id of the account"),
    sa.Column("day", sa.Date(), primary_key=True, comment="UTC"),
    sa.Column("backups", sa.BigInteger(), nullable=False, comment="As in the view fleet_size_by_day"),
    sa.Column("size_gigabytes", sa.Double(), nullable=False, comment="As there"),
    sa.Column("droplets_observed", sa.Integer(), nullable=False, comment="As there; 0: that view has no such day"),
    sa.Column("droplets_known", sa.Integer(), nullable=False, comment="As there"),
    _at("added_up_at", "UTC; the moment whose knowledge it is; the view tells whether it still holds"),
    sa.CheckConstraint(_SIZE_CHECK, name="size"),
    comment="Days that are over, added up once for the view fleet_size_by_day; no history, it can be made again",
    sqlite_with_rowid=False,
)

account_months = sa.Table(
    "account_months",
    metadata,
    sa.Column("account_id", sa.ForeignKey("accounts.id"), primary_key=True, comment="Id of the account"),
    sa.Column("month", sa.Date(), primary_key=True, comment="UTC, its first day"),
    sa.Column("droplets", sa.Integer(), nullable=False, comment="As in the view account_overview_by_month"),
    sa.Column("backups_made", sa.BigInteger(), nullable=False, comment="As there"),
    sa.Column("estimated_usd", sa.Double(), comment="As there; NULL if no Droplet's cost is known"),
    sa.Column("droplets_of_unknown_cost", sa.Integer(), nullable=False, comment="As there"),
    sa.Column("windows_due", sa.BigInteger(), nullable=False, comment="As there"),
    sa.Column("windows_made", sa.BigInteger(), nullable=False, comment="As there"),
    sa.Column("is_complete_month", sa.Boolean(), nullable=False, comment="As there"),
    _at("added_up_at", "UTC; the moment whose knowledge it is; it is never added up again"),
    comment="Months that are over, added up once an account for the view account_overview_by_month",
    sqlite_with_rowid=False,
)

notice_channels = sa.Table(
    "notice_channels",
    metadata,
    sa.Column("name", sa.Text(), primary_key=True, comment="As in the settings; print, for inventory notify --print"),
    _at(
        "judged_at",
        "UTC; the latest verdict that was compared with what it was told; NULL before the first",
        nullable=True,
    ),
    sa.Column("claimed_by", sa.Text(), comment="Host and process that tells it now; NULL if none does"),
    _at("claim_ends_at", "UTC; from then on another process may take over; NULL if none tells it", nullable=True),
    sa.Column("scope", sa.Text(), comment="What it was last told of; NULL before its first"),
    _at("digests_since", "UTC; digests due before are not sent; NULL without digests", nullable=True),
    comment="A way to tell people of findings",
)

notices = sa.Table(
    "notices",
    metadata,
    sa.Column("id", BigId, primary_key=True, comment="Our id"),
    sa.Column(
        "channel", sa.ForeignKey("notice_channels.name"), nullable=False, comment="Name of the channel that was told"
    ),
    sa.Column("account", sa.Text(), nullable=False, comment="Name of the account, in the configuration"),
    sa.Column("droplet_id", BigId, nullable=False, comment="Id of the Droplet; 0 where it concerns the account"),
    sa.Column("finding", sa.Text(), nullable=False, comment="Its name, as inventory check has it"),
    sa.Column("severity", sa.Text(), nullable=False, comment="As last told, or lower if it has eased since"),
    sa.Column("droplet", sa.Text(), comment="Name of the Droplet; NULL where it concerns the account"),
    sa.Column("subject", sa.Text(), nullable=False, comment="What it concerns, as inventory check writes it"),
    _at("began_at", "UTC; when it began or was learned; NULL if that is not known", nullable=True),
    sa.Column("what", sa.Text(), nullable=False, comment="What was found, in a clause"),
    sa.Column(
        "lost_backup_ids", sa.Text(), nullable=False, comment="Backups of an unexplained-loss, by commas; else empty"
    ),
    _at("told_at", "UTC; the verdict of the last message about it"),
    _at(
        "ended_at",
        "UTC; the verdict that showed it solved, or over without a message; NULL while it lasts",
        nullable=True,
    ),
    _at("found_at", "UTC; the latest verdict that found it; NULL if that was not kept", nullable=True),
    comment="What each channel was told of each finding",
    sqlite_autoincrement=True,
)
sa.Index(
    "uq_notices_open",
    notices.c.channel,
    notices.c.account,
    notices.c.droplet_id,
    notices.c.finding,
    unique=True,
    sqlite_where=sa.text("ended_at IS NULL"),
    postgresql_where=sa.text("ended_at IS NULL"),
)

notice_digests = sa.Table(
    "notice_digests",
    metadata,
    sa.Column("channel", sa.ForeignKey("notice_channels.name"), primary_key=True, comment="Name of the channel"),
    sa.Column("due_local", sa.Text(), primary_key=True, comment="YYYY-MM-DD HH:MM by the clocks of its zone"),
    _at("due_at", "UTC; the same moment"),
    _at("sent_at", "UTC; NULL if it was not delivered yet, or never was", nullable=True),
    sa.Column("unanswered", sa.Integer(), nullable=False, comment="How often it was sent and no answer came in time"),
    comment="Digests that were due and tried",
)

notice_attempts = sa.Table(
    "notice_attempts",
    metadata,
    sa.Column("id", BigId, primary_key=True, comment="Our id"),
    sa.Column("channel", sa.ForeignKey("notice_channels.name"), nullable=False, comment="Name of the channel"),
    sa.Column("account", sa.Text(), nullable=False, comment="Name of the account, in the configuration"),
    sa.Column("droplet_id", BigId, nullable=False, comment="Id of the Droplet; 0 where it concerns the account"),
    sa.Column("finding", sa.Text(), nullable=False, comment="Its name, as inventory check has it"),
    sa.Column("change", sa.Text(), nullable=False, comment="What the message says of it: new, worse or solved"),
    sa.Column("severity", sa.Text(), nullable=False, comment="As the message has it"),
    sa.Column(
        "lost_backup_ids", sa.Text(), nullable=False, comment="Backups of an unexplained-loss, by commas; else empty"
    ),
    _at("first_tried_at", "UTC; after 7 days it is given up"),
    sa.Column("unanswered", sa.Integer(), nullable=False, comment="How often it was sent and no answer came in time"),
    _at(
        "ended_at",
        "UTC; the channel took a message, or this one was no longer due; NULL while it lasts",
        nullable=True,
    ),
    comment="Messages that a channel did not take",
    sqlite_autoincrement=True,
)
sa.Index(
    "uq_notice_attempts_open",
    notice_attempts.c.channel,
    notice_attempts.c.account,
    notice_attempts.c.droplet_id,
    notice_attempts.c.finding,
    unique=True,
    sqlite_where=sa.text("ended_at IS NULL"),
    postgresql_where=sa.text("ended_at IS NULL"),
)

PRIVATE = (notice_channels, notices, notice_digests)
"""Tables that a role made by `db grant-reader` does not read; `check` reads what channels did not take."""
