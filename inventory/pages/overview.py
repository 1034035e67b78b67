"""The overview: who needs attention, what could be restored now, the calendar, and what is stored."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, NamedTuple

from inventory.judging.evidence import read_evidence
from inventory.judging.findings import Evidence, Verdict, judge
from inventory.pages import calendar, charts
from inventory.pages.reading import Page, Reading
from inventory.report import rows_text
from inventory.report.fleet_sizes import FleetSizes, read_sizes
from inventory.report.summary import Summary, summarise
from inventory.store.droplet_records import next_windows
from inventory.terminal import words
from inventory.views.rows import KnownDroplet

_MOST_ROWS = 12
_MOST_WINDOWS = 6
_TREND = timedelta(days=90)


class Tile(NamedTuple):
    """One figure that a reader sees first; `severity` is empty where it is as it should be."""

    what: str
    figure: str
    note: str
    severity: str = ""


def page(reading: Reading) -> Page:
    """Read and lay out the overview of the Droplets that are asked for."""
    question = reading.question()
    evidence = read_evidence(reading.connection, reading.now, reading.accounts, question.droplet_ids)
    verdict = judge(evidence, reading.judging.rules, reading.judging.exemptions, reading.now)
    question = replace(question, accounts=reading.accounts)
    summary = summarise(reading.connection, question, evidence)
    sizes = read_sizes(reading.connection, question, (reading.now - _TREND).date(), evidence.health)
    droplets = _worst_first(evidence, verdict)
    is_known = bool(summary.health or summary.incomplete_before)
    return Page(
        "overview.html",
        "Overview",
        {
            "remark": None if is_known else rows_text.nothing_known(question),
            "status": verdict.status,
            "attention": attention(verdict),
            "tiles": list(_tiles(summary)),
            "looks": list(_looks(summary)),
            "findings": verdict.findings,
            "exempted": verdict.exempted,
            "rows": calendar.read(reading.connection, reading.now, droplets[:_MOST_ROWS]),
            "months": calendar.months(reading.now),
            "droplets": len(droplets),
            "charts": [_stored(sizes)] if sizes.looks else [],
            "windows": _windows(reading, evidence),
        },
    )


def attention(verdict: Verdict) -> str:
    """Say in a few words how many findings there are."""
    if not verdict.findings:
        return "Nothing needs attention"
    return f"{words.count(len(verdict.findings), 'finding')} to look at"


def _worst_first(evidence: Evidence, verdict: Verdict) -> list[KnownDroplet]:
    """Order the judged Droplets by what was found, those of the worst finding first."""
    places: dict[int, int] = {}
    for place, finding in enumerate((*verdict.findings, *verdict.counted)):
        if finding.droplet_id is not None:
            places.setdefault(finding.droplet_id, place)
    judged = [each for each in evidence.droplets if each.droplet_id in evidence.droplet_ids]
    return sorted(judged, key=lambda each: places.get(each.droplet_id, len(places) + len(judged)))


def _tiles(summary: Summary) -> Iterator[Tile]:
    unprotected = {
        "with backups off": summary.disabled,
        "without any yet": summary.never_protected,
        "with none left": summary.none_left,
    }
    bare = sum(unprotected.values())
    notes = ", ".join(f"{number} {what}" for what, number in unprotected.items() if number)
    severity = "warning" if bare else ""
    yield Tile("Protected", f"{summary.droplets - bare} of {summary.droplets}", notes or "Droplets", severity)
    now, newest, oldest = summary.now, summary.newest_backup_at, summary.oldest_backup_at
    ages = f"newest {words.age(now - newest)} old, oldest {words.age(now - oldest)}" if newest and oldest else ""
    yield Tile(
        "Can be restored", "unknown" if summary.backups is None else words.count(summary.backups, "backup"), ages
    )
    stored = "unknown" if summary.size_gigabytes is None else words.size(summary.size_gigabytes)
    yield Tile("Stored", stored, _growth(summary))
    cost = "unknown" if summary.cost_usd is None else words.money(summary.cost_usd)
    without = f"; {words.count(summary.without_rate, 'Droplet')} without rate or price" if summary.without_rate else ""
    yield Tile("Cost a month", cost, f"an estimate, not an invoice{without}")


def _growth(summary: Summary) -> str:
    if summary.size_gigabytes is None or summary.size_before_gigabytes is None:
        return ""
    return f"{words.change(summary.size_gigabytes - summary.size_before_gigabytes)} in 7 days"


class Look(NamedTuple):
    """How fresh is what is known of one account."""

    account: str
    words: str
    is_late: bool


def _looks(summary: Summary) -> Iterator[Look]:
    for row in summary.health:
        if row.last_complete_at is None:
            yield Look(row.account, f"no sync was complete yet; the last one was {row.last_run_status}", is_late=True)
            continue
        ago = summary.now - row.last_complete_at
        behind = f"; {words.count(row.droplets_overdue, 'Droplet')} not looked at since" if row.droplets_overdue else ""
        is_late = ago > timedelta(hours=row.overdue_after_hours) or row.droplets_overdue > 0
        yield Look(row.account, f"last complete sync {words.age(ago)} ago{behind}", is_late)


def _stored(sizes: FleetSizes) -> charts.Chart:
    """Draw what each account stored."""
    by_account = defaultdict(list)
    for droplet in sizes.droplets:
        by_account[droplet.account].append(droplet)
    series = {
        account: [total.size_gigabytes for _, total in replace(sizes, droplets=of_account).totals()]
        for account, of_account in sorted(by_account.items())
    }
    return charts.stored("Gigabytes after each day", list(sizes.looks), series)


def _windows(reading: Reading, evidence: Evidence) -> Sequence[Any]:
    """Give the windows that open next, as DigitalOcean announced them; of a moment in the past nobody asks."""
    if reading.now < reading.today:
        return ()
    return next_windows(reading.connection, evidence.droplet_ids, reading.now, _MOST_WINDOWS)
