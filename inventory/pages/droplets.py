"""The calendar of many Droplets, and all about one."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from inventory.errors import UsageError
from inventory.judging.evidence import inspect
from inventory.judging.verdict import Finding, Verdict
from inventory.pages import calendar
from inventory.pages.reading import Page, Reading
from inventory.report import charts, check_text, details, details_text, rows_table
from inventory.report.details import DropletDetails
from inventory.report.details_text import Fact
from inventory.store.droplet_records import versions
from inventory.terminal import words
from inventory.views.queries import Question, ask
from inventory.views.rows import BackupLifetime, KnownDroplet

A_PAGE = 50
"""How many Droplets a page of the calendar has."""

_MOST_BACKUPS = 120
_MOST_MISSED = 30
_MOST_VERSIONS = 50
_EARLIER = (timedelta(days=1), timedelta(days=7), timedelta(days=30), timedelta(days=90))


def calendar_page(reading: Reading) -> Page:
    """Read one part of the calendar of the Droplets that are asked for."""
    every = of_calendar(reading)
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
            "groups": sorted({group for group in reading.groups().values() if group}),
            "tags": reading.tags_in_use(),
            "plans": reading.plans_in_use(),
        },
    )


def of_calendar(reading: Reading) -> list[KnownDroplet]:
    """Read the Droplets that are asked for and that the calendar's days have to do with, those that exist first."""
    return [each for each in reading.known() if _is_of_calendar(each, reading)]


def _is_of_calendar(droplet: KnownDroplet, reading: Reading) -> bool:
    """Tell whether a Droplet was there on one of the days."""
    ends = [at for at in (droplet.gone_at, droplet.unselected_since) if at]
    return not ends or min(ends).date() >= calendar.days_until(reading.now)[0]


def droplet_page(reading: Reading, droplet_id: int) -> Page | None:
    """Read all about one Droplet; None if it was not known at the moment that is asked for."""
    return droplet_pages(reading, [droplet_id]).get(droplet_id)


def droplet_pages(reading: Reading, droplet_ids: Collection[int]) -> dict[int, Page]:
    """Read all about some Droplets together; those that were not known at that moment are left out."""
    question = Question(reading.now, droplet_ids=frozenset(droplet_ids))
    lifetimes = ask(reading.connection, BackupLifetime, question)
    every = details.of_droplets(reading.connection, question, lifetimes)
    if not every:
        return {}
    judging = reading.judging
    verdict = inspect(
        reading.connection, reading.now, judging.rules, judging.exemptions, droplet_ids=question.droplet_ids
    )
    rows = calendar.read(reading.connection, reading.now, [each.droplet for each in every])
    backups = details.by_droplet(lifetimes)
    return {
        found.droplet_id: _page(reading, found, _narrowed(verdict, found.droplet), row, backups[found.droplet_id])
        for found, row in zip(every, rows, strict=True)
    }


def _narrowed(verdict: Verdict, droplet: KnownDroplet) -> Verdict:
    """Leave of a verdict what concerns one Droplet, or its account."""

    def concerns(finding: Finding) -> bool:
        return finding.droplet_id == droplet.droplet_id or (
            finding.droplet_id is None and finding.account == droplet.account
        )

    return replace(
        verdict,
        findings=tuple(filter(concerns, verdict.findings)),
        exempted=tuple(each for each in verdict.exempted if concerns(each[0])),
        accounts=frozenset({droplet.account}),
    )


def _page(
    reading: Reading,
    found: DropletDetails,
    verdict: Verdict,
    row: calendar.Row,
    newest_first: Sequence[BackupLifetime],
) -> Page:
    backups = newest_first[:_MOST_BACKUPS]
    return Page(
        "droplet.html",
        found.droplet.droplet,
        {
            "droplet": found.droplet,
            "facts": [Fact("Account", found.droplet.account), *details_text.droplet_facts(found, reading.now)],
            "findings": list(check_text.rows(verdict)),
            "rows": [row],
            "months": calendar.months(reading.now),
            "charts": [*_charts(found, backups)],
            "backups": backups,
            "has_more": len(newest_first) > _MOST_BACKUPS,
            "expires": _expiries(found),
            "live": {each.backup_id: each for each in found.live},
            "policies": found.policies,
            "policy": details_text.policy_words,
            "missed": found.missed[:_MOST_MISSED],
            "missed_in_all": len(found.missed),
            "earlier": [
                (words.span(ago) + " ago", f"{reading.now - ago:%Y-%m-%dT%H:%M:%SZ}")
                for ago in _EARLIER
                if reading.now - ago >= found.droplet.first_seen_at
            ],
            "versions": versions(reading.connection, found.droplet_id, reading.now, _MOST_VERSIONS),
            "version": details_text.version_words,
            "events": found.events,
            "details": rows_table.details,
            "reason": words.reason,
            "size": words.size,
        },
    )


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
