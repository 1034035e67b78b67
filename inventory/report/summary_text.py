"""The summary as one screen: what there is, what needs attention, and what is merely large. Pure."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from rich.console import RenderableType
from rich.table import Table

from inventory.judging.verdict import Verdict
from inventory.report import accounts_text, check_text
from inventory.report.fleet_sizes import add_up
from inventory.report.past_text import past
from inventory.report.rows_text import moment, pruned
from inventory.report.summary import Large, Summary
from inventory.terminal import words
from inventory.terminal.display import shown
from inventory.terminal.table import LABEL, TEXT, WORD, Column, table
from inventory.vocabulary import GoneReason

_MOST_FINDINGS = 6
_TREND_POINTS = 12
_TREND_POINTS_A_DROPLET = 8


def screen(summary: Summary, verdict: Verdict, database: str) -> Iterator[RenderableType]:
    """Give the whole summary, from top to bottom."""
    yield from heading(summary, database)
    yield ""
    yield _figures(summary)
    yield f"\nNeeds attention: {attention(summary, verdict)}"
    yield accounts_text.lines(verdict) if are_many(summary) else check_text.lines(verdict, most=_MOST_FINDINGS)
    yield f"\n{_lately(summary)}"
    if summary.largest:
        yield ""
        yield _largest(summary)
    yield from past(summary)


def heading(summary: Summary, database: str) -> Iterator[str]:
    """Name the accounts, the database and the moment, and say how complete the last look at each account is."""
    yield title(summary)
    yield f"{database}, as of {moment(summary.now)}"
    yield from looks(summary)


def title(summary: Summary) -> str:
    """Name the accounts, and count their Droplets."""
    droplets = words.count(summary.droplets, "Droplet")
    if not summary.health:
        return f"Backups, {droplets}"
    if are_many(summary):
        return f"Backups of {words.count(len(summary.health), 'account')}, {droplets}"
    names = ", ".join(f'"{shown(row.account)}"' for row in summary.health)
    accounts = "account" if len(summary.health) == 1 else "accounts"
    return f"Backups of {accounts} {names}, {droplets}"


def are_many(summary: Summary) -> bool:
    """Tell whether there are so many accounts that only those are named that need attention."""
    return len(summary.health) > accounts_text.FEW


def attention(summary: Summary, verdict: Verdict) -> str:
    """Count what needs attention: findings, of many accounts those first."""
    if not verdict.findings:
        return "nothing"
    findings = f"{len(verdict.findings):,}"
    return f"{accounts_text.with_findings(verdict)} ({findings} findings)" if are_many(summary) else findings


def looks(summary: Summary) -> Iterator[str]:
    """Say of each account when its last complete sync was, and how many Droplets have had no look lately."""
    if summary.incomplete_before:
        yield pruned(summary.incomplete_before)
    if are_many(summary):
        yield accounts_text.looks(summary.health, summary.now)
        yield from no_longer_configured(summary)
        return
    for look in account_looks(summary):
        whose = f'"{shown(look.account)}": ' if len(summary.health) > 1 else ""
        yield f"{whose}{look.words}"
    yield from no_longer_configured(summary)


class Look(NamedTuple):
    """How fresh is what is known of one account; late is what `sync_health` counts as overdue."""

    account: str
    words: str
    is_late: bool


def account_looks(summary: Summary) -> Iterator[Look]:
    """Say the same of each account that was looked at."""
    for row in summary.health:
        if row.last_complete_at is None:
            never = f"No sync was complete yet; the last one was {row.last_run_status}."
            yield Look(row.account, never, is_late=True)
            continue
        ago, droplets = summary.now - row.last_complete_at, words.count(row.droplets, "Droplet")
        looked = (
            f"all {droplets} looked at"
            if not row.droplets_overdue
            else f"{row.droplets_overdue} of {droplets} not looked at for {words.age(row.overdue_after)}"
        )
        is_late = ago > row.overdue_after or row.droplets_overdue > 0
        yield Look(row.account, f"Last complete sync {words.age(ago)} ago; {looked}.", is_late)


def no_longer_configured(summary: Summary) -> Iterator[str]:
    """Say of each account that it was taken out of the configuration, and how to see what is left of it."""
    if len(summary.no_longer_configured) > accounts_text.FEW:
        yield accounts_text.no_longer_configured(summary.no_longer_configured)
        return
    for account in summary.no_longer_configured:
        yield (
            f'Account "{shown(account)}" is no longer configured, and not counted here; its history stays. '
            "To see it, name it with --account; to delete it: inventory db forget-account"
        )


class Figure(NamedTuple):
    """One figure: its name, its value, a note, a drawn trend, and whether it is not as it should be."""

    what: str
    figure: str
    note: str
    trend: str = ""
    is_amiss: bool = False


def figures(summary: Summary) -> Iterator[Figure]:
    """Give the figures of protected Droplets, backups, gigabytes and dollars."""
    without = f" ({words.count(summary.without_rate, 'Droplet')}: no rate or price)" if summary.without_rate else ""
    protected, unprotected = _protected(summary)
    yield Figure("Protected", protected, unprotected, is_amiss=bool(unprotected))
    yield Figure("Live backups", "unknown" if summary.backups is None else f"{summary.backups:,}", _ages(summary))
    trend = words.trend(summary.sizes, _TREND_POINTS)
    stored = "unknown" if summary.size_gigabytes is None else words.size(summary.size_gigabytes)
    yield Figure("Stored", stored, _growth(summary), trend)
    if summary.size_not_fresh_gigabytes:
        yield Figure("Not fresh", words.size(summary.size_not_fresh_gigabytes), "of it, by a look that is overdue")
    if summary.never_looked_at:
        yield Figure("Unknown", str(summary.never_looked_at), "not looked at yet, and not counted in the above")
    cost = "unknown" if summary.cost_usd is None else words.money(summary.cost_usd)
    yield Figure("Cost", cost, f"a month, estimated{without}")


def _figures(summary: Summary) -> Table:
    rows = ((f"  {each.what}", each.figure, f"{each.note}  {each.trend}".strip()) for each in figures(summary))
    return table((LABEL, Column(is_figure=True), TEXT), rows)


def _protected(summary: Summary) -> tuple[str, str]:
    unprotected = {
        "with backups off": summary.disabled,
        "without any yet": summary.never_protected,
        "with none left": summary.none_left,
    }
    notes = [f"{number} {what}" for what, number in unprotected.items() if number]
    return f"{summary.droplets - sum(unprotected.values())} of {summary.droplets}", ", ".join(notes)


def _ages(summary: Summary) -> str:
    if summary.oldest_backup_at is None or summary.newest_backup_at is None:
        return ""
    oldest, newest = (words.age(summary.now - at) for at in (summary.oldest_backup_at, summary.newest_backup_at))
    return f"oldest {oldest}, newest {newest}"


def _growth(summary: Summary) -> str:
    now, before, unknown = summary.size_gigabytes, summary.size_before_gigabytes, summary.size_unknown_before_gigabytes
    if now is None or before is None:
        return ""
    difference = add_up((now, -unknown, -before))
    percent = f" ({difference / before:+.1%})" if before else ""
    more = " or more" if summary.size_before_not_fresh_gigabytes else ""
    since = f", {words.size(unknown)} first seen since" if unknown else ""
    return f"{words.change(difference)} in 7 days{more}{percent}{since}"


def next_steps(summary: Summary, verdict: Verdict) -> Table:
    """Name the commands that show more, one a line."""
    about = next((each.subject for each in verdict.findings if each.droplet_id), "NAME")
    unprotected = [("  inventory report unprotected", "Droplets with backups off, or without any")]
    overview = [("  inventory report account_overview", "a line an account, the worst first")]
    rows = [
        *(overview if len(summary.health) > 1 else ()),
        *(unprotected if summary.disabled or summary.never_protected else ()),
        ("  inventory check", "all that needs attention"),
        (f"  inventory show {shown(about)}", "one Droplet"),
        ("  inventory report --list", "every other question"),
    ]
    return table((WORD, TEXT), rows)


def lately(summary: Summary) -> Mapping[str, str]:
    """Count the events of the last seven days that the summary names, zeros included unless some may be pruned."""
    counts = summary.lately
    numbers = {
        "appeared": counts.get("backup_appeared", 0),
        "expired": counts.get(f"backup_ended {GoneReason.EXPIRED}", 0),
        "backups disabled": counts.get(f"backup_ended {GoneReason.BACKUPS_DISABLED}", 0),
        "unexplained": counts.get(f"backup_ended {GoneReason.UNEXPLAINED}", 0),
    }
    unknown = "unknown" if summary.incomplete_before else "0"
    return {what: f"{number:,}" if number else unknown for what, number in numbers.items()}


def _lately(summary: Summary) -> str:
    return "Last 7 days   " + "   ".join(f"{what} {number}" for what, number in lately(summary).items())


class LargeCells(NamedTuple):
    """The cells of one of the Droplets with the largest backups; `account` is empty where there is only one."""

    account: str
    droplet: str
    plan: str
    kept: str
    expected: str
    newest: str
    stored: str
    trend: str
    per_day: str


def large_cells(row: Large, summary: Summary) -> LargeCells:
    """Write the cells of one of the largest."""
    growth, retention, now = row.growth, row.retention, summary.now
    per_day = growth.growth_per_day_gigabytes
    return LargeCells(
        account=shown(growth.account) if len(summary.health) > 1 else "",
        droplet=shown(growth.droplet),
        plan=shown(retention.plan or "off"),
        kept=str(growth.backups),
        expected="-" if retention.expected_backups is None else str(retention.expected_backups),
        newest=f"{words.age(now - retention.newest_backup_at)} ago" if retention.newest_backup_at else "-",
        stored=words.size(growth.size_gigabytes),
        trend=words.trend(row.sizes, _TREND_POINTS_A_DROPLET),
        per_day="-" if per_day is None else words.change(per_day),
    )


def _largest(summary: Summary) -> Table:
    columns = (
        Column("Largest"),
        Column("account", may_fold=True),
        Column("plan", may_fold=True, goes=2),
        *(Column(header, is_figure=True, goes=1) for header in ("kept", "expected", "newest")),
        Column("stored", is_figure=True),
        Column("30 days", goes=2),
        Column("per day", is_figure=True, goes=2),
    )
    cells = [
        (f"  {row.droplet}", row.account, *row[2:]) for row in (large_cells(each, summary) for each in summary.largest)
    ]
    if not any(row[1] for row in cells):
        return table((columns[0], *columns[2:]), [(row[0], *row[2:]) for row in cells])
    return table(columns, cells)
