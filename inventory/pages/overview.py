"""The overview: who needs attention, what could be restored now, the calendar, and what is stored."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from inventory.judging.evidence import read_evidence
from inventory.judging.findings import Evidence, judge
from inventory.judging.verdict import Verdict
from inventory.pages import calendar
from inventory.pages.reading import Page, Reading
from inventory.report import charts, check_text, rows_text, summary_text
from inventory.report.fleet_sizes import FleetSizes, read_sizes
from inventory.report.summary import summarise
from inventory.store.droplet_records import next_windows
from inventory.terminal import words
from inventory.views.rows import KnownDroplet

_MOST_ROWS = 12
_MOST_WINDOWS = 6
_TREND = timedelta(days=90)


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
            "tiles": list(summary_text.figures(summary)),
            "looks": list(summary_text.account_looks(summary)),
            "findings": list(check_text.rows(verdict)),
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
