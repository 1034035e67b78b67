"""Everything about one Droplet or backup, on one screen. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from rich.table import Table

from inventory.judging.verdict import Verdict
from inventory.report import check_text, rows_table, rows_text
from inventory.report.details import BackupDetails, DropletDetails
from inventory.store.droplet_records import PolicyRecord, VersionRecord
from inventory.terminal import words
from inventory.terminal.display import shown
from inventory.terminal.table import LABEL, TEXT, table
from inventory.views.rows import BackupLifetime

_TREND_POINTS = 20


def droplet_screen(
    details: DropletDetails, verdict: Verdict, database: str, *, most: int | None
) -> Iterator[str | Table]:
    """Give everything about a Droplet: facts, findings, then lists of at most `most` rows, None for all."""
    now = verdict.now
    yield _heading(database, now)
    yield f'{shown(details.droplet.droplet)} (Droplet {details.droplet_id}, account "{shown(details.droplet.account)}")'
    facts = ((each.what, f"{each.trend}  {each.words}".strip()) for each in droplet_facts(details, now))
    yield table((LABEL, TEXT), facts)
    if verdict.findings or verdict.exempted:
        yield ""
        yield check_text.lines(verdict)
    for what, view, rows in _sections(details):
        if rows:
            shown_rows = rows[:most]
            yield f"\n{_section_heading(what, len(rows), len(shown_rows))}\n"
            yield rows_table.table(view, shown_rows, now, says_whose=False)


def backup_screen(details: BackupDetails, now: datetime, database: str) -> Iterator[str | Table]:
    """Give everything about a backup."""
    yield _heading(database, now)
    yield table((LABEL, TEXT), _backup_facts(details, now))


def _heading(database: str, now: datetime) -> str:
    return f"{database}, as of {rows_text.moment(now)}\n"


class Fact(NamedTuple):
    """A line of what is known of a Droplet; `what` is empty where the line before it goes on."""

    what: str
    words: str
    trend: str = ""


def droplet_facts(details: DropletDetails, now: datetime) -> Iterator[Fact]:
    """Describe a Droplet, its policy, its backups, and the looks at it."""
    yield Fact("Droplet", _droplet(details, now))
    yield Fact("Policy", _policies(details.policies, now))
    yield Fact("Backups", _backups(details, now))
    if details.growth and details.growth.growth_per_day_gigabytes is not None:
        grows = words.change(details.growth.growth_per_day_gigabytes)
        in_90_days = words.size(details.growth.size_in_90_days_gigabytes or 0)
        trend = words.trend([row.size_gigabytes for row in details.days], _TREND_POINTS)
        yield Fact("Growth", f"{grows} a day, {in_90_days} in 90 days", trend)
    if details.cost and details.cost.estimated_usd is not None:
        yield Fact("Cost", f"{words.money(details.cost.estimated_usd)} a month, estimated")
    yield Fact("Looked at", _looked_at(details, now))
    for attempt in details.attempts[:3]:
        yield Fact("", f"{words.instant(attempt.attempted_at, now)} {attempt.outcome}: {shown(attempt.error or '')}")


def _droplet(details: DropletDetails, now: datetime) -> str:
    droplet = details.droplet
    price = f", {words.money(droplet.price_monthly_usd)} a month" if droplet.price_monthly_usd is not None else ""
    tags = f"; tags {', '.join(map(shown, details.tags))}" if details.tags else ""
    status, region, size = (
        shown(word or f"unknown {what}")
        for word, what in ((droplet.status, "status"), (droplet.region, "region"), (droplet.size_slug, "size"))
    )
    state = f"{status} in {region}, {size}{price}{tags}"
    if droplet.gone_at:
        return f"GONE, noticed {words.instant(droplet.gone_at, now)}; it was {state}"
    if droplet.unselected_since:
        return f"no longer selected since {words.instant(droplet.unselected_since, now)}; {state}"
    return state


def _policies(policies: Sequence[PolicyRecord], now: datetime) -> str:
    if not policies:
        return "never read"
    first, *older = policies
    before = f"; before that {policy_words(older[0])}" if older else ""
    return f"{policy_words(first)}, since {words.instant(first.valid_from, now)}{before}"


def version_words(version: VersionRecord) -> str:
    """Describe what a Droplet was, its price included."""
    price = f", {words.money(version.price_monthly_usd)} a month" if version.price_monthly_usd is not None else ""
    region, size, status = (
        shown(word or f"unknown {what}")
        for word, what in ((version.region, "region"), (version.size_slug, "size"), (version.status, "status"))
    )
    selected = ", not selected" if version.unselected_since else ""
    return f"{shown(version.name)}: {size}{price}, {region}, {status}{selected}"


def policy_words(policy: PolicyRecord) -> str:
    """Describe what a policy says."""
    if not policy.is_enabled:
        return "backups OFF"
    weekday = f" on {policy.weekday}" if policy.weekday else ""
    window = f", window from {policy.hour:02}:00Z" if policy.hour is not None else ""
    length = f" for {policy.window_length_hours} h" if window and policy.window_length_hours else ""
    kept = f", kept {policy.retention_days} days" if policy.retention_days else ""
    return f"{shown(policy.plan or 'on')}{weekday}{window}{length}{kept}"


def _backups(details: DropletDetails, now: datetime) -> str:
    live, retention = details.live, details.retention
    gone = f"; {len(details.past):,} are gone" if details.past else ""
    if not live:
        return f"none exist{gone}"
    due = retention.expected_backups if retention and retention.plan else None
    should = f", at least {due} due" if due is not None else ""
    newest, oldest = (words.age(now - each.created_at) for each in (live[0], live[-1]))
    size = words.size(sum(each.size_gigabytes for each in live))
    ages = f"{newest} old" if len(live) == 1 else f"{newest} to {oldest} old"
    return f"{len(live)}{should}, {size}, {ages}{gone}"


def _looked_at(details: DropletDetails, now: datetime) -> str:
    look, observed_at = details.look, details.droplet.last_observed_at
    is_of_today = look.last_attempt_at <= now
    if observed_at is None:
        last = f"; last attempt {words.instant(look.last_attempt_at, now)}: {look.last_outcome}" if is_of_today else ""
        return f"never completely{last}"
    listed = f", listed {words.age(now - look.last_listed_at)} ago" if look.last_listed_at and is_of_today else ""
    first = f"; first {words.instant(details.droplet.first_look_at, now)}" if details.droplet.first_look_at else ""
    failing = "" if look.last_error is None or not is_of_today else f"; last attempt {look.last_outcome}"
    return f"{words.age(now - observed_at)} ago{listed}{first}{failing}"


def _sections(details: DropletDetails) -> Iterator[tuple[str, str, Sequence[NamedTuple]]]:
    """Give each list below the facts: its title, the view of its rows, and the rows, the newest first."""
    yield "Live backups", "live_backups", details.live
    yield "Windows without a backup in the last 90 days", "missed_backups", details.missed
    yield "Out of the ordinary in the last 90 days", "changes", details.events
    yield "Past backups", "backup_lifetimes", details.past


def _section_heading(what: str, rows: int, shown_rows: int) -> str:
    return f"{what}: {rows:,}" if rows == shown_rows else f"{what}: {rows:,}, the newest {shown_rows}"


def _backup_facts(details: BackupDetails, now: datetime) -> Iterator[tuple[str, str]]:
    """Describe a backup: its size and place, when it was seen, and how it ended if it did."""
    lifetime, live = details.lifetime, details.live
    yield "Backup", f"{lifetime.backup_id} of {shown(lifetime.droplet)} (Droplet {lifetime.droplet_id})"
    yield "Made", f"{words.instant(lifetime.created_at, now)}, {words.age(now - lifetime.created_at)} ago"
    disk = f", restores to a disk of {live.min_disk_size_gigabytes} GB or more" if live else ""
    yield "Size", f"{words.size(lifetime.size_gigabytes)}{disk}"
    if live:
        yield "Kept in", shown(live.regions)
    seen = f"first {words.instant(lifetime.first_seen_at, now)}, last {words.instant(lifetime.last_seen_at, now)}"
    yield "Seen", seen
    yield "Now", _state(lifetime, now)


def _state(lifetime: BackupLifetime, now: datetime) -> str:
    if lifetime.gone_at is None:
        return "exists"
    between = f"{words.instant(lifetime.last_seen_at, now)} and {words.instant(lifetime.gone_at, now)}"
    early = lifetime.early_by_days
    how_early = f", at least {words.span(timedelta(days=early))} early" if early is not None else ""
    lived = words.span(timedelta(days=lifetime.lifetime_days))
    return f"GONE, between {between}: {words.reason(lifetime.gone_reason or '')}, after {lived}{how_early}"
