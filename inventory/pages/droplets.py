"""The calendar of many Droplets, and all about one."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from inventory.errors import UsageError
from inventory.judging.evidence import inspect
from inventory.pages import calendar, charts
from inventory.pages.reading import Page, Reading
from inventory.report import details
from inventory.report.details import DropletDetails
from inventory.store.droplet_records import PolicyRecord, policies_since
from inventory.terminal import words
from inventory.views.queries import Question, ask
from inventory.views.rows import BackupLifetime, DropletTag, KnownDroplet

A_PAGE = 50
"""How many Droplets a page of the calendar has."""

_MOST_BACKUPS = 120


def calendar_page(reading: Reading) -> Page:
    """Read one part of the calendar of the Droplets that are asked for."""
    every = [each for each in reading.known() if _is_of_calendar(each, reading)]
    parts = max(-(-len(every) // A_PAGE), 1)
    if reading.asked.page > parts:
        raise UsageError(f"there is no page {reading.asked.page}: the calendar has {words.count(parts, 'page')}")
    begin = (reading.asked.page - 1) * A_PAGE
    return Page(
        "calendar.html",
        "Calendar",
        {
            "rows": calendar.read(reading.connection, reading.now, every[begin : begin + A_PAGE]),
            "months": calendar.months(reading.now),
            "first": begin + 1,
            "last": min(begin + A_PAGE, len(every)),
            "droplets": len(every),
            "pages": parts,
            "accounts": sorted({each.account for each in every}),
            "tags": sorted({row.tag for row in ask(reading.connection, DropletTag, Question(reading.now))}),
            "plans": sorted(set(reading.plans().values())),
        },
    )


def _is_of_calendar(droplet: KnownDroplet, reading: Reading) -> bool:
    """Tell whether a Droplet was there on one of the days."""
    ends = [at for at in (droplet.gone_at, droplet.unselected_since) if at]
    return not ends or min(ends).date() >= calendar.days_until(reading.now)[0]


class Fact(NamedTuple):
    """A line of what is known of a Droplet."""

    what: str
    words: str


class Policy(NamedTuple):
    """A policy, and when it was in force as far as is known."""

    words: str
    record: PolicyRecord


def droplet_page(reading: Reading, droplet_id: int) -> Page | None:
    """Read all about one Droplet; None if it was not known at the moment that is asked for."""
    question = Question(reading.now, droplet_ids=frozenset({droplet_id}))
    if not ask(reading.connection, KnownDroplet, question):
        return None
    found = details.of_droplet(reading.connection, question)
    judging = reading.judging
    verdict = inspect(
        reading.connection, reading.now, judging.rules, judging.exemptions, droplet_ids=question.droplet_ids
    )
    newest_first = ask(reading.connection, BackupLifetime, replace(question, limit=_MOST_BACKUPS + 1))
    backups = newest_first[:_MOST_BACKUPS]
    (row,) = calendar.read(reading.connection, reading.now, [found.droplet])
    policies = policies_since(reading.connection, question.droplet_ids or (), found.droplet.first_seen_at, reading.now)
    return Page(
        "droplet.html",
        found.droplet.droplet,
        {
            "droplet": found.droplet,
            "facts": list(_facts(found)),
            "findings": verdict.findings,
            "rows": [row],
            "months": calendar.months(reading.now),
            "charts": [*_charts(found, backups)],
            "backups": backups,
            "has_more": len(newest_first) > _MOST_BACKUPS,
            "expires": _expiries(found),
            "live": {each.backup_id: each for each in found.live},
            "policies": [Policy(_policy(record), record) for _, record in reversed(policies)],
            "events": found.events,
            "reason": words.reason,
            "size": words.size,
        },
    )


def _facts(found: DropletDetails) -> Iterator[Fact]:
    droplet = found.droplet
    yield Fact("Account", droplet.account)
    yield Fact("Droplet", f"{droplet.droplet_id}, {droplet.status or 'status unknown'}")
    yield Fact("Region and size", f"{droplet.region or 'unknown'}, {droplet.size_slug or 'unknown'}")
    yield from _money(found)
    if found.retention:
        expected = found.retention.expected_backups
        due = f" of at least {expected} due" if expected is not None else ""
        yield Fact("Can be restored", f"{words.count(found.retention.backups or 0, 'backup')}{due}")
    if found.tags:
        yield Fact("Tags", ", ".join(found.tags))
    moments = {
        "Created": droplet.created_at,
        "Last look": droplet.last_observed_at,
        "Found gone": droplet.gone_at,
        "No longer selected since": droplet.unselected_since,
    }
    yield from (Fact(what, f"{at:%Y-%m-%d %H:%MZ}") for what, at in moments.items() if at)


def _money(found: DropletDetails) -> Iterator[Fact]:
    price = found.droplet.price_monthly_usd
    if price is not None:
        yield Fact("Price", f"{words.money(price)} a month")
    if found.cost and found.cost.estimated_usd is not None:
        yield Fact("Backups cost", f"{words.money(found.cost.estimated_usd)} a month, an estimate, not an invoice")


def _charts(found: DropletDetails, backups: Sequence[BackupLifetime]) -> Iterator[charts.Chart]:
    if found.days:
        sizes = [row.size_gigabytes for row in found.days]
        yield charts.stored("Stored after each day", [row.day for row in found.days], {"stored": sizes})
    if backups:
        groups: dict[str, list[tuple[datetime, float]]] = defaultdict(list)
        for backup in backups:
            state = words.reason(backup.gone_reason) if backup.gone_reason else "can be restored"
            groups[state].append((backup.created_at, backup.size_gigabytes))
        yield charts.restore_points("Restore points, by when they were made", groups)


def _expiries(found: DropletDetails) -> Mapping[int, datetime]:
    """Give when each backup that exists will expire by the policy in force, by its id."""
    days = found.retention.retention_days if found.retention else None
    return {each.backup_id: each.created_at + timedelta(days=days) for each in found.live} if days else {}


def _policy(policy: PolicyRecord) -> str:
    if not policy.is_enabled:
        return "backups off"
    weekday = f" on {policy.weekday.capitalize()}" if policy.weekday else ""
    window = f", window from {policy.hour:02}:00Z" if policy.hour is not None else ""
    length = f" for {policy.window_length_hours} h" if window and policy.window_length_hours else ""
    kept = f", kept {policy.retention_days} days" if policy.retention_days else ""
    return f"{policy.plan or 'on'}{weekday}{window}{length}{kept}"
