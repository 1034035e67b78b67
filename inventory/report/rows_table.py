"""The rows of a view as a table for people. Pure."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

from rich.table import Table

from inventory.terminal import table as layout
from inventory.terminal import words
from inventory.terminal.display import shown
from inventory.views.rows import Event

SHOWN: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "known_droplets": ("region", "size_slug", "status", "first_look_at", "last_observed_at", "gone_at"),
        "droplet_tag_list": ("tag",),
        "droplet_size_now": ("backups", "size_gigabytes", "oldest_backup_at", "newest_backup_at"),
        "live_backups": ("backup_id", "created_at", "age_hours", "size_gigabytes", "regions", "last_seen_at"),
        "backup_lifetimes": ("created_at", "size_gigabytes", "gone_at", "gone_reason", "lifetime_days"),
        "droplet_size_by_day": ("day", "backups", "size_gigabytes", "newest_backup_at"),
        "fleet_size_by_day": ("day", "backups", "size_gigabytes", "droplets_observed", "droplets_known"),
        "size_growth": (
            "size_30_days_ago_gigabytes",
            "size_gigabytes",
            "growth_per_day_gigabytes",
            "size_in_90_days_gigabytes",
        ),
        "size_anomalies": ("created_at", "size_gigabytes", "median_before_gigabytes", "verdict", "is_newest"),
        "announced_windows": ("plan", "window_starts_at", "window_ends_at"),
        "window_schedules": ("plan", "opens_after_hours", "weekday", "first_day", "last_day"),
        "due_windows": ("plan", "window_starts_at", "window_ends_at", "is_before_first_look"),
        "empty_windows": ("plan", "window_starts_at", "window_ends_at", "verdict", "is_before_first_look"),
        "missed_backups": ("plan", "window_starts_at", "window_ends_at", "verdict", "is_before_first_look"),
        "coverage_by_month": ("month", "windows_due", "windows_made", "windows_missed", "windows_not_looked"),
        "droplet_retention": (
            "plan",
            "backups",
            "expected_backups",
            "newest_backup_at",
            "recovery_window_hours",
            "verdict",
        ),
        "unprotected_droplets": ("reason", "unprotected_since", "last_backup_at"),
        "changes": ("learned_at", "event", "details"),
        "monthly_cost": ("month", "backups_made", "estimated_usd", "as_weekly_usd", "as_daily_usd", "days_observed"),
        "restorable_backups": ("backup_id", "created_at", "size_gigabytes", "certainty", "gone_at"),
        "sync_health": (
            "last_run_at",
            "last_run_status",
            "last_complete_at",
            "consecutive_failures",
            "droplets_overdue",
        ),
        "cost_now": ("plan", "price_monthly_usd", "size_gigabytes", "estimated_usd"),
        "account_overview": (
            "severity",
            "worst_finding",
            "account_group",
            "droplets_protected",
            "droplets",
            "backups",
            "size_gigabytes",
            "this_month_usd",
            "last_month_usd",
            "windows_made_percent",
            "last_complete_at",
        ),
        "account_overview_by_month": (
            "account_group",
            "month",
            "droplets",
            "backups_made",
            "estimated_usd",
            "droplets_of_unknown_cost",
            "windows_made_percent",
            "is_complete_month",
        ),
    }
)
"""View -> the columns that fit on a screen, after account and Droplet; CSV and JSON have all columns."""

_HEADERS = {
    "droplets_of_unknown_cost": "cost unknown",
    "size_30_days_ago_gigabytes": "30 days ago",
    "growth_per_day_gigabytes": "per day",
    "size_in_90_days_gigabytes": "in 90 days",
    "size_gigabytes": "size",
    "median_before_gigabytes": "those before",
    "window_starts_at": "window from",
    "window_ends_at": "to",
    "is_before_first_look": "before first look",
    "recovery_window_hours": "reaches back",
    "price_monthly_usd": "Droplet",
    "estimated_usd": "estimated",
    "gone_reason": "why",
    "droplets_protected": "protected",
    "windows_made_percent": "made",
    "account_group": "group",
    "this_month_usd": "this month",
    "last_month_usd": "last month",
    "worst_finding": "worst",
}
_ANSWERS = {
    "backup_id",
    "backups",
    "day",
    "details",
    "droplets_of_unknown_cost",
    "droplets_overdue",
    "estimated_usd",
    "event",
    "gone_reason",
    "growth_per_day_gigabytes",
    "last_observed_at",
    "month",
    "reason",
    "size_gigabytes",
    "tag",
    "verdict",
    "windows_missed",
    "droplets_protected",
    "severity",
    "this_month_usd",
    "worst_finding",
}
"""The columns without which a row answers little: on a narrow terminal they go after the others."""

_UNITS = ("_gigabytes", "_usd", "_hours", "_days", "_at")


def on_narrow_screens(name: str, rows: Sequence[NamedTuple]) -> Collection[str]:
    """Name the columns of a view that say most; the others may go where there is little room."""
    return {*_whose(rows), *SHOWN[name], *(_DETAILS if "details" in SHOWN[name] else ())}


def table(
    name: str, rows: Sequence[NamedTuple], now: datetime, *, says_whose: bool = True, has_several_accounts: bool = False
) -> Table:
    """Lay out the rows of a view; accounts and ids are shown only if names alone would be ambiguous.

    They are where `has_several_accounts`, although all rows may be of one of them.
    """
    whose = _whose(rows, has_several_accounts=has_several_accounts) if says_whose else ()
    columns = [*whose, *SHOWN[name]]
    answers = [column for column in SHOWN[name] if column in _ANSWERS] or SHOWN[name][:1]
    goes = {column: 1 if column in answers else 2 for column in columns} | dict.fromkeys([*whose, answers[0]], 0)
    return layout.table(
        [_column(column, [_value(row, column) for row in rows], goes[column]) for column in columns],
        ([cell(column, _value(row, column), now) for column in columns] for row in rows),
    )


def _column(name: str, values: Sequence[Any], goes: int) -> layout.Column:
    is_figure = any(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    may_fold = name != "droplet" and any(isinstance(value, str) for value in values)
    return layout.Column(_header(name), is_figure, may_fold, goes=goes)


def details(event: Event) -> str:
    """Describe an event: which backup, which attribute with its old and new value, and why."""
    backup = [] if event.backup_id is None else [str(event.backup_id)]
    values = (event.old_value, event.new_value)
    change = [f"{event.attribute}: {' -> '.join(value or '-' for value in values)}"] if event.attribute else []
    why = [words.reason(event.gone_reason)] if event.gone_reason else []
    return ", ".join([*backup, *change, *why])


_COMPUTED = {"details": details}
_DETAILS = ("backup_id", "attribute", "old_value", "new_value", "gone_reason")


def _value(row: Any, column: str) -> Any:  # noqa: ANN401 - whatever a view has
    return _COMPUTED[column](row) if column in _COMPUTED else getattr(row, column)


def _whose(rows: Sequence[NamedTuple], *, has_several_accounts: bool = False) -> Collection[str]:
    fields = rows[0]._fields if rows else ()
    wanted = []
    is_needed = "droplet" not in fields or has_several_accounts
    if "account" in fields and (is_needed or len({row.account for row in rows}) > 1):  # type: ignore[attr-defined]
        wanted.append("account")
    if "droplet" in fields:
        wanted.append("droplet")
        if len({(row.account, row.droplet) for row in rows}) < len({row.droplet_id for row in rows}):  # type: ignore[attr-defined]
            wanted.append("droplet_id")
    return wanted


def _header(column: str) -> str:
    return _HEADERS.get(column) or as_words(without_unit(column))


def as_words(column: str) -> str:
    """Write the name of a column as words."""
    return column.removeprefix("is_").replace("_", " ")


def without_unit(column: str) -> str:
    """Remove the unit from the name of a column whose cells name it."""
    unit = next((unit for unit in _UNITS if column.endswith(unit)), "")
    return column.removesuffix(unit)


def cell(column: str, value: Any, now: datetime) -> str:  # noqa: ANN401 - whatever a view has
    """Write one value for people, in the unit that the name of its column ends with."""
    if value is None:
        return "-"
    writers: dict[type, Callable[[], str]] = {
        bool: lambda: "yes" if value else "no",
        str: lambda: shown(words.reason(value) if column == "gone_reason" else value),
        datetime: lambda: words.instant(value, now),
        date: lambda: f"{value:%Y-%m}" if column == "month" else value.isoformat(),
        int: lambda: str(value) if column.endswith("_id") else f"{value:,}",
        float: lambda: _figure(column, value),
    }
    return writers[type(value)]()


def _figure(column: str, value: float) -> str:
    if column.endswith("_usd"):
        return words.money(value)
    if column.endswith("_percent"):
        return f"{value:.1f} %"
    if column.endswith("_hours"):
        return words.span(timedelta(hours=value))
    if column.endswith("_days"):
        return words.span(timedelta(days=value))
    return words.change(value) if column.startswith("growth") else words.size(value)
