"""Keep the windows of plans that nobody documents, and the rates of plans by the names that the API gives them.

Of Droplets whose policy does not say when its windows open, the window that was shown last is the first one kept. Rates
are added where there is none of that name yet.
"""

from datetime import date, datetime

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_PAGE = "DigitalOcean, Backups Pricing, page of 2026-03-09"
_AS_SEEN = f"{_PAGE}; the plan's name as the API was seen to give it"
_BY_ANALOGY = f"{_PAGE}; the plan's name by analogy with intra_daily_4h"
_RATES = {
    "intra_daily_4h": (0.01, _AS_SEEN),
    "intra_daily_6h": (0.015, _BY_ANALOGY),
    "intra_daily_12h": (0.02, _BY_ANALOGY),
    "intra_daily_24h": (0.03, _BY_ANALOGY),
}
_BACKUP_RATES = sa.table(
    "backup_rates",
    sa.column("plan", sa.Text()),
    sa.column("valid_from", sa.Date()),
    sa.column("gibibyte_month_usd", sa.Double()),
    sa.column("source", sa.Text()),
)

_FILL = """
INSERT INTO droplet_windows (droplet_id, valid_from, starts_at, ends_at)
SELECT d.id, d.last_attempt_at, d.next_window_starts_at, d.next_window_ends_at
FROM droplets AS d
INNER JOIN backup_policies AS p ON p.droplet_id = d.id AND p.valid_to IS NULL AND p.is_enabled
WHERE
    d.next_window_starts_at < d.next_window_ends_at
    AND (
        p.hour IS NULL
        OR coalesce(p.plan, '') NOT IN (
            'daily',
            CASE WHEN p.weekday IN ('SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT') THEN 'weekly' ELSE 'daily' END,
            'intra_daily_1h',
            'intra_daily_2h',
            'intra_daily_3h',
            'intra_daily_4h',
            'intra_daily_6h',
            'intra_daily_8h',
            'intra_daily_12h',
            'intra_daily_24h'
        )
    )
"""


def upgrade() -> None:
    """Create the table, and fill it and `backup_rates`."""
    op.create_table(
        "droplet_windows",
        sa.Column("droplet_id", _BIG_ID, nullable=False, comment="Id of the Droplet"),
        _at("valid_from", "UTC stamp of the look that first showed it"),
        _at("valid_to", "UTC stamp of the first look that no longer did; NULL while it is shown", nullable=True),
        _at("starts_at", "UTC"),
        _at("ends_at", "UTC"),
        sa.CheckConstraint("valid_from < valid_to", name=op.f("ck_droplet_windows_interval")),
        sa.ForeignKeyConstraint(["droplet_id"], ["droplets.id"], name="fk_droplet_windows_droplet_id_droplets"),
        sa.PrimaryKeyConstraint("droplet_id", "valid_from", name="pk_droplet_windows"),
        comment="The next backup window as the API showed it, where the policy does not say when windows open",
    )
    is_open = sa.text("valid_to IS NULL")
    op.create_index(
        "uq_droplet_windows_open",
        "droplet_windows",
        ["droplet_id"],
        unique=True,
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
    op.execute(_FILL)
    known = set(op.get_bind().scalars(sa.select(_BACKUP_RATES.c.plan)))
    for plan, (usd, source) in _RATES.items():
        if plan not in known:
            row = {"plan": plan, "valid_from": date(2000, 1, 1), "gibibyte_month_usd": usd, "source": source}
            op.execute(sa.insert(_BACKUP_RATES).values(row))


def downgrade() -> None:
    """Remove the table, and the rates that nobody edited."""
    for plan, (usd, source) in _RATES.items():
        is_ours = sa.and_(_BACKUP_RATES.c.plan == plan, _BACKUP_RATES.c.source == source)
        op.execute(sa.delete(_BACKUP_RATES).where(is_ours, _BACKUP_RATES.c.gibibyte_month_usd == usd))
    op.drop_table("droplet_windows")


def _at(name: str, comment: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable, comment=comment)
