"""The rows of the views: their columns, in order, and the types they have on both databases.

The header of a view's file, `inventory/views/NN_name.sql`, says what each column means.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple


class ReportClock(NamedTuple):
    """The moment that all other views speak of."""

    now: datetime
    since: datetime


class KnownDroplet(NamedTuple):
    """A Droplet ever seen."""

    account: str
    droplet_id: int
    droplet: str
    region: str | None
    size_slug: str | None
    price_monthly_usd: float | None
    status: str | None
    created_at: datetime | None
    first_seen_at: datetime
    first_look_at: datetime | None
    last_observed_at: datetime | None
    unselected_since: datetime | None
    gone_at: datetime | None
    pruned_before: datetime | None
    is_current: bool


class DropletTag(NamedTuple):
    """A tag of a Droplet."""

    account: str
    droplet_id: int
    droplet: str
    tag: str


class DropletSize(NamedTuple):
    """How many backups a Droplet has, and their size together."""

    account: str
    droplet_id: int
    droplet: str
    backups: int
    size_gigabytes: float
    oldest_backup_at: datetime | None
    newest_backup_at: datetime | None


class DropletSizeAtLastLook(NamedTuple):
    """How many backups a Droplet's last look showed, and their size together."""

    account: str
    droplet_id: int
    droplet: str
    backups: int
    size_gigabytes: float
    oldest_backup_at: datetime | None
    newest_backup_at: datetime | None


class LiveBackup(NamedTuple):
    """A backup that exists."""

    account: str
    droplet_id: int
    droplet: str
    backup_id: int
    name: str
    type: str
    created_at: datetime
    age_hours: float
    size_gigabytes: float
    min_disk_size_gigabytes: int
    regions: str
    first_seen_at: datetime
    last_seen_at: datetime


class BackupLifetime(NamedTuple):
    """A backup ever seen."""

    account: str
    droplet_id: int
    droplet: str
    backup_id: int
    created_at: datetime
    size_gigabytes: float
    first_seen_at: datetime
    last_seen_at: datetime
    gone_at: datetime | None
    gone_reason: str | None
    lifetime_days: float
    early_by_days: float | None


class DropletSizeOnDay(NamedTuple):
    """How many backups a Droplet had after a day, and their size together."""

    account: str
    droplet_id: int
    droplet: str
    day: date
    backups: int
    size_gigabytes: float
    oldest_backup_at: datetime | None
    newest_backup_at: datetime | None


class FleetSizeOnDay(NamedTuple):
    """How many backups an account had after a day, and their size together."""

    account: str
    day: date
    backups: int
    size_gigabytes: float
    droplets_observed: int
    droplets_known: int


class SizeGrowth(NamedTuple):
    """How fast a Droplet's backups grow."""

    account: str
    droplet_id: int
    droplet: str
    backups: int
    size_gigabytes: float
    size_7_days_ago_gigabytes: float | None
    size_30_days_ago_gigabytes: float | None
    size_90_days_ago_gigabytes: float | None
    fitted_backups: int
    growth_per_day_gigabytes: float | None
    size_in_90_days_gigabytes: float | None


class SizeAnomaly(NamedTuple):
    """A backup much larger or smaller than those before it."""

    account: str
    droplet_id: int
    droplet: str
    backup_id: int
    created_at: datetime
    size_gigabytes: float
    compared_backups: int
    median_before_gigabytes: float
    verdict: str
    is_newest: bool


class WindowSchedule(NamedTuple):
    """Days on which windows open in which a backup is due, and when on them."""

    account: str
    droplet_id: int
    droplet: str
    plan: str
    retention_days: int | None
    opens_after_hours: float
    length_hours: float
    weekday: str | None
    first_day: date
    last_day: date
    last_followed_day: date | None
    first_look_at: datetime
    last_observed_at: datetime | None


class DueWindow(NamedTuple):
    """A window in which a backup was due."""

    account: str
    droplet_id: int
    droplet: str
    plan: str
    retention_days: int | None
    month: date
    day: date
    window_starts_at: datetime
    window_ends_at: datetime
    awaited_until_at: datetime
    expires_at: datetime | None
    age_days: int
    age_hours: float
    is_recent: bool
    is_before_first_look: bool
    last_observed_at: datetime | None


class AnnouncedWindow(DueWindow):
    """A window in which a backup was due because the API announced it."""

    __slots__ = ()


class EmptyWindow(NamedTuple):
    """A due window without a backup."""

    account: str
    droplet_id: int
    droplet: str
    plan: str
    month: date
    window_starts_at: datetime
    window_ends_at: datetime
    verdict: str
    is_recent: bool
    is_before_first_look: bool
    age_days: int


class MissedBackup(NamedTuple):
    """A recent due window without a backup, of a Droplet that exists."""

    account: str
    droplet_id: int
    droplet: str
    plan: str
    window_starts_at: datetime
    window_ends_at: datetime
    verdict: str
    is_before_first_look: bool


class MonthCoverage(NamedTuple):
    """A Droplet's due windows of a month."""

    account: str
    droplet_id: int
    droplet: str
    month: date
    windows_due: int
    windows_made: int
    windows_missed: int
    windows_not_looked: int


class DropletRetention(NamedTuple):
    """Whether a Droplet keeps as many backups as it should."""

    account: str
    droplet_id: int
    droplet: str
    plan: str | None
    retention_days: int | None
    backups: int | None
    expected_backups: int | None
    oldest_backup_at: datetime | None
    newest_backup_at: datetime | None
    recovery_window_hours: float | None
    verdict: str


class UnprotectedDroplet(NamedTuple):
    """An active Droplet with backups off, or that never had one."""

    account: str
    droplet_id: int
    droplet: str
    reason: str
    unprotected_since: datetime
    is_formerly_protected: bool
    last_backup_at: datetime | None


class Event(NamedTuple):
    """Something that happened."""

    account: str
    droplet_id: int
    droplet: str
    learned_at: datetime
    event: str
    backup_id: int | None
    attribute: str | None
    old_value: str | None
    new_value: str | None
    gone_reason: str | None


class MonthlyCost(NamedTuple):
    """What a Droplet's backups cost in a month."""

    account: str
    droplet_id: int
    droplet: str
    month: date
    backups_made: int
    backups_without_rate: int
    mean_size_gigabytes: float | None
    estimated_usd: float | None
    as_weekly_usd: float | None
    as_daily_usd: float | None
    as_usage_weekly_usd: float | None
    as_usage_daily_usd: float | None
    days_observed: int
    is_complete_month: bool


class RestorableBackup(NamedTuple):
    """A backup that could have been restored."""

    account: str
    droplet_id: int
    droplet: str
    backup_id: int
    created_at: datetime
    size_gigabytes: float
    last_seen_at: datetime
    gone_at: datetime | None
    certainty: str


class SyncHealth(NamedTuple):
    """How an account's syncs went, and which Droplets they no longer see."""

    account: str
    account_status: str | None
    last_run_at: datetime
    last_run_status: str
    last_run_error: str | None
    last_complete_at: datetime | None
    consecutive_failures: int
    droplets: int
    droplets_overdue: int
    oldest_observed_at: datetime | None
    held_since: datetime | None
    token_rejected_since: datetime | None
    overdue_after_hours: float

    @property
    def overdue_after(self) -> timedelta:
        """The same to the second, which the hours have too: they are rounded to a third of one."""
        return timedelta(seconds=round(self.overdue_after_hours * 3600))


class CostNow(NamedTuple):
    """What a Droplet's backups cost a month, as things are now."""

    account: str
    droplet_id: int
    droplet: str
    plan: str | None
    price_monthly_usd: float | None
    size_gigabytes: float | None
    estimated_usd: float | None


class AccountOverview(NamedTuple):
    """How an account is doing, in figures."""

    account: str
    account_group: str | None
    droplets: int
    droplets_protected: int
    backups: int | None
    size_gigabytes: float | None
    this_month_usd: float | None
    last_month_usd: float | None
    windows_due: int
    windows_made: int
    windows_made_percent: float | None
    oldest_observed_at: datetime | None
    last_complete_at: datetime | None


class AccountMonth(NamedTuple):
    """What an account came to in a month."""

    account: str
    account_group: str | None
    month: date
    droplets: int
    backups_made: int
    estimated_usd: float | None
    droplets_of_unknown_cost: int
    windows_due: int
    windows_made: int
    windows_made_percent: float | None
    is_complete_month: bool
    added_up_at: datetime


ROWS: Mapping[str, type[Any]] = MappingProxyType(
    {
        "report_clock": ReportClock,
        "known_droplets": KnownDroplet,
        "droplet_tag_list": DropletTag,
        "droplet_size_at_last_look": DropletSizeAtLastLook,
        "droplet_size_now": DropletSize,
        "live_backups": LiveBackup,
        "backup_lifetimes": BackupLifetime,
        "droplet_size_by_day": DropletSizeOnDay,
        "fleet_size_by_day": FleetSizeOnDay,
        "size_growth": SizeGrowth,
        "announced_windows": AnnouncedWindow,
        "size_anomalies": SizeAnomaly,
        "window_schedules": WindowSchedule,
        "due_windows": DueWindow,
        "empty_windows": EmptyWindow,
        "missed_backups": MissedBackup,
        "coverage_by_month": MonthCoverage,
        "droplet_retention": DropletRetention,
        "unprotected_droplets": UnprotectedDroplet,
        "changes": Event,
        "monthly_cost": MonthlyCost,
        "restorable_backups": RestorableBackup,
        "sync_health": SyncHealth,
        "cost_now": CostNow,
        "account_overview": AccountOverview,
        "account_overview_by_month": AccountMonth,
    }
)
"""View -> the type of its rows."""

VIEWS: Mapping[type[Any], str] = MappingProxyType({row: name for name, row in ROWS.items()})
"""The type of its rows -> view."""
