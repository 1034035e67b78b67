"""The summary as one screen: what there is, what needs attention, and what is merely large. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from rich.table import Table

from inventory.display import shown
from inventory.findings import Verdict
from inventory.report import check_text, words
from inventory.report.rows_text import moment
from inventory.summary import Large, Summary

_MOST_FINDINGS = 6
_TREND_POINTS = 12
_TREND_POINTS_A_DROPLET = 8


def screen(summary: Summary, verdict: Verdict, database: str) -> Iterator[str | Table]:
    """Give the whole summary: what needs attention comes before what is merely large."""
    yield from heading(summary, database)
    yield ""
    yield figures(summary)
    yield f"\nNeeds attention: {len(verdict.findings) or 'nothing'}"
    yield check_text.lines(verdict, most=_MOST_FINDINGS)
    yield f"\n{lately(summary)}"
    if summary.largest:
        yield ""
        yield largest(summary.largest, summary.now)


def heading(summary: Summary, database: str) -> Iterator[str]:
    """Say whose backups these are, from where, of which moment, and how far looking went."""
    names = ", ".join(f'"{shown(row.account)}"' for row in summary.health)
    accounts = "account" if len(summary.health) == 1 else "accounts"
    yield f"Backups of {accounts} {names}, {words.count(summary.droplets, 'Droplet')}"
    yield f"{database}, as of {moment(summary.now)}"
    for row in summary.health:
        whose = f'"{shown(row.account)}": ' if len(summary.health) > 1 else ""
        if row.last_complete_at is None:
            yield f"{whose}No sync was complete yet; the last one was {row.last_run_status}."
            continue
        ago = words.age(summary.now - row.last_complete_at)
        looked = (
            f"all {words.count(row.droplets, 'Droplet')} looked at"
            if not row.droplets_overdue
            else f"{row.droplets_overdue} of {words.count(row.droplets, 'Droplet')} not looked at for 26 h"
        )
        yield f"{whose}Last complete sync {ago} ago; {looked}."


def figures(summary: Summary) -> Table:
    """Lay out what there is: protected Droplets, backups, gigabytes, dollars."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 3, 0, 0))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("  Protected", *_protected(summary))
    table.add_row("  Live backups", f"{summary.backups:,}", _ages(summary))
    table.add_row("  Stored", words.size(summary.size_gigabytes), _growth(summary))
    without = f" ({words.count(summary.without_rate, 'Droplet')}: no rate or price)" if summary.without_rate else ""
    table.add_row("  Cost", words.money(summary.cost_usd), f"a month, estimated{without}")
    return table


def _protected(summary: Summary) -> tuple[str, str]:
    unprotected = summary.disabled + summary.never_protected
    told = [
        f"{number} {what}"
        for number, what in ((summary.disabled, "with backups off"), (summary.never_protected, "without any yet"))
        if number
    ]
    return f"{summary.droplets - unprotected} of {summary.droplets}", ", ".join(told)


def _ages(summary: Summary) -> str:
    if summary.oldest_backup_at is None or summary.newest_backup_at is None:
        return ""
    oldest, newest = (words.age(summary.now - at) for at in (summary.oldest_backup_at, summary.newest_backup_at))
    return f"oldest {oldest}, newest {newest}"


def _growth(summary: Summary) -> str:
    before = summary.size_before_gigabytes
    if before is None:
        return words.trend(points(summary.sizes, _TREND_POINTS))
    difference = summary.size_gigabytes - before
    percent = f" ({difference / before:+.1%})" if before else ""
    return f"{words.change(difference)} in 7 days{percent}  {words.trend(points(summary.sizes, _TREND_POINTS))}"


def points(sizes: Sequence[float], most: int) -> list[float]:
    """Pick at most so many values, evenly, the last one always."""
    step = max(1, -(-len(sizes) // most))
    return list(sizes[::-1][::step][::-1])


def next_steps(verdict: Verdict) -> str:
    """Name the commands that tell more."""
    about = next((each.subject for each in verdict.findings if each.droplet_id), "NAME")
    return f"Next: inventory check | inventory show {about} | inventory report --list"


def lately(summary: Summary) -> str:
    """Count what happened in the last seven days; what should be none is said even then."""
    counts = summary.lately
    told = {
        "appeared": counts.get("backup_appeared", 0),
        "expired": counts.get("backup_ended expired", 0),
        "backups disabled": counts.get("backup_ended backups_disabled", 0),
        "unexplained": counts.get("backup_ended unexplained", 0),
    }
    return "Last 7 days   " + "   ".join(f"{what} {number:,}" for what, number in told.items())


def largest(rows: Sequence[Large], now: datetime) -> Table:
    """Lay out the Droplets whose backups are largest."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("Largest", overflow="fold")
    table.add_column("plan", overflow="fold")
    for header in ("kept", "should", "newest", "stored"):
        table.add_column(header, justify="right", no_wrap=True)
    table.add_column("30 days", no_wrap=True)
    table.add_column("per day", justify="right", no_wrap=True)
    for row in rows:
        growth, retention = row.growth, row.retention
        should = "-" if retention.expected_backups is None else str(retention.expected_backups)
        newest = f"{words.age(now - retention.newest_backup_at)} ago" if retention.newest_backup_at else "-"
        per_day = growth.growth_per_day_gigabytes
        table.add_row(
            f"  {shown(growth.droplet)}",
            shown(retention.plan or "off"),
            str(growth.backups),
            should,
            newest,
            words.size(growth.size_gigabytes),
            words.trend(points(row.sizes, _TREND_POINTS_A_DROPLET)),
            "-" if per_day is None else words.change(per_day),
        )
    return table
