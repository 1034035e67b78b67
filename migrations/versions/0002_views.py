"""What the views need beside what 0001 made: what backups cost, when a day's first look was, and why a run failed.

Revision: 0002, after 0001.
"""

from datetime import date
from typing import Any

import sqlalchemy as sa
from alembic import op

from inventory.views.times import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# DigitalOcean does not date its prices: taken to have held for as long as anybody has had backups.
_EVER = date(2000, 1, 1)
_PAGE = "DigitalOcean, Backups Pricing, page of 2026-03-09"
_BASIC = {"weekly": 20.0, "daily": 30.0}
# The API has no names for these plans yet; these are ours.
_USAGE_BASED = {
    "usage-weekly": 0.04,
    "usage-daily": 0.03,
    "usage-12-hourly": 0.02,
    "usage-6-hourly": 0.015,
    "usage-4-hourly": 0.01,
}

_BY_DROPLET = ["droplet_id", "created_at", "size_gigabytes", "gone_at"]

# Which second it was nobody kept: the day's last, or the Droplet's last look where that was before.
_BACKFILL = {
    "sqlite": """
        UPDATE droplet_days SET first_look_at = coalesce(
            min(day || ' 23:59:59', (SELECT last_observed_at FROM droplets WHERE id = droplet_id)), day || ' 23:59:59')
    """,
    "postgresql": """
        UPDATE droplet_days SET first_look_at = least(
            (day + time '23:59:59') AT TIME ZONE 'UTC', (SELECT last_observed_at FROM droplets WHERE id = droplet_id))
    """,
}


def upgrade() -> None:
    """Create `backup_rates` and fill it; give `droplet_days` the time of each day's first look."""
    rates = op.create_table(
        "backup_rates",
        sa.Column("plan", sa.Text(), nullable=False, comment="As backup_policies.plan; for others see the source"),
        sa.Column("valid_from", sa.Date(), nullable=False, comment="UTC; the first day it is taken to hold"),
        sa.Column(
            "valid_to", sa.Date(), nullable=True, comment="UTC; the first day it no longer holds; NULL while it does"
        ),
        sa.Column(
            "price_percent",
            sa.Double(),
            nullable=True,
            comment="Of the Droplet's monthly price, for all backups due in a month; NULL where it goes by size",
        ),
        sa.Column(
            "gibibyte_month_usd",
            sa.Double(),
            nullable=True,
            comment="US dollars for a gibibyte kept a month; NULL where it goes by the Droplet's price",
        ),
        sa.Column("source", sa.Text(), nullable=False, comment="Where the rate is from, and of which date"),
        sa.CheckConstraint(
            "(price_percent IS NULL) <> (gibibyte_month_usd IS NULL)", name=op.f("ck_backup_rates_one_rate")
        ),
        sa.CheckConstraint("coalesce(price_percent, gibibyte_month_usd) >= 0", name=op.f("ck_backup_rates_rate")),
        sa.CheckConstraint("valid_from < valid_to", name=op.f("ck_backup_rates_interval")),
        sa.PrimaryKeyConstraint("plan", "valid_from", name="pk_backup_rates"),
        comment="What DigitalOcean takes for backups; yours to edit, no sync touches it",
    )
    op.create_index(
        "uq_backup_rates_open",
        "backup_rates",
        ["plan"],
        unique=True,
        sqlite_where=sa.text("valid_to IS NULL"),
        postgresql_where=sa.text("valid_to IS NULL"),
    )
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
    comment = "UTC stamp of the day's first look"
    with op.batch_alter_table("droplet_days") as batch:
        batch.add_column(sa.Column("first_look_at", UtcDateTime(), nullable=True, comment=comment))
    op.execute(_BACKFILL[op.get_bind().dialect.name])
    # SQLite then keeps a Droplet's rows together, in the order of its days, as whoever asks for a trend reads them.
    with op.batch_alter_table("droplet_days", table_kwargs={"sqlite_with_rowid": False}) as batch:
        batch.alter_column(
            "first_look_at",
            existing_type=UtcDateTime(),
            existing_comment=comment,
            existing_nullable=True,
            nullable=False,
        )
    op.drop_index("ix_backups_by_droplet", "backups")
    op.create_index("ix_backups_by_droplet", "backups", [*_BY_DROPLET, "first_seen_at"])
    failure = "Outcome of the request that ended the run; NULL where none did"
    with op.batch_alter_table("sync_runs", **_anew(sqlite_autoincrement=True)) as batch:
        batch.add_column(sa.Column("failure", sa.Text(), nullable=True, comment=failure))


def downgrade() -> None:
    """Remove both, and the rates with them, edited or not."""
    with op.batch_alter_table("sync_runs", **_anew(sqlite_autoincrement=True)) as batch:
        batch.drop_column("failure")
    op.drop_index("ix_backups_by_droplet", "backups")
    op.create_index("ix_backups_by_droplet", "backups", _BY_DROPLET)
    with op.batch_alter_table("droplet_days", **_anew(sqlite_with_rowid=True)) as batch:
        batch.drop_column("first_look_at")
    op.drop_table("backup_rates")


def _anew(**options: bool) -> dict[str, Any]:
    """Let SQLite copy the table into a new one with these options; PostgreSQL alters it where it is."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    return {"recreate": "always" if is_sqlite else "never", "table_kwargs": options}


def _rate(plan: str, source: str, **rate: float) -> dict[str, object]:
    rates = {"price_percent": None, "gibibyte_month_usd": None, **rate}
    return {"plan": plan, "valid_from": _EVER, "valid_to": None, "source": source, **rates}
