"""The overview: who needs attention, what could be restored now, the calendar, and what is stored."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, NamedTuple

from inventory.judging.findings import Evidence, judge
from inventory.judging.rules import SEVERITIES
from inventory.judging.verdict import Verdict
from inventory.pages import calendar, grouping
from inventory.pages.reading import Page, Reading
from inventory.report import charts, check_text, rows_text, summary_text
from inventory.report.fleet_sizes import FleetSizes, read_sizes
from inventory.report.summary import Figures, Summary, read, summarise
from inventory.store.droplet_records import next_windows
from inventory.terminal import words
from inventory.views.queries import Question
from inventory.views.readers import TwoReaders
from inventory.views.rows import KnownDroplet

_MOST_ACCOUNTS = 50
_MOST_ROWS = 12
_MOST_WINDOWS = 6
_TREND = timedelta(days=90)


def page(reading: Reading) -> Page:
    """Read and lay out the overview of the Droplets that are asked for."""
    question = replace(reading.question(), accounts=reading.accounts)
    evidence, figures = read(TwoReaders(reading.connection), question)
    verdict = judge(evidence, reading.judging.rules, reading.judging.exemptions, reading.now)
    summary = summarise(reading.connection, question, evidence, figures)
    way = grouping.way(reading)
    droplets = _worst_first(evidence, verdict)
    accounts = _accounts(reading, summary, verdict) if len(summary.health) > 1 else []
    is_known = bool(summary.health or summary.incomplete_before)
    return Page(
        "overview.html",
        "Overview",
        {
            "remark": None if is_known else rows_text.nothing_known(question),
            "status": verdict.status,
            "attention": attention(verdict),
            "tiles": list(summary_text.figures(summary)),
            "looks": [] if accounts else list(summary_text.account_looks(summary)),
            "accounts": accounts[:_MOST_ACCOUNTS],
            "accounts_in_all": len(accounts),
            "findings": list(check_text.rows(verdict)),
            "rows": calendar.read(reading.connection, reading.now, droplets[:_MOST_ROWS]),
            "months": calendar.months(reading.now),
            "droplets": len(droplets),
            "way": way,
            "ways": grouping.ways(reading),
            "charts": _stored(reading, _sizes(reading, question, figures), way),
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


class AccountLine(NamedTuple):
    """How one account is: the severity of its worst finding, how many there are, and when it was looked at."""

    account: str
    group: str
    severity: str
    findings: int
    look: summary_text.Look


def _accounts(reading: Reading, summary: Summary, verdict: Verdict) -> list[AccountLine]:
    """Say how each account is, those that need attention first."""
    groups = reading.groups()
    found: dict[str, list[str]] = defaultdict(list)
    for finding in verdict.findings:
        found[finding.account].append(finding.severity)
    order = [*SEVERITIES, "ok"]
    lines = (
        AccountLine(
            look.account, groups.get(look.account) or "", min(its, key=order.index), len(found[look.account]), look
        )
        for look in summary_text.account_looks(summary)
        for its in (found[look.account] or ["ok"],)
    )
    return sorted(lines, key=lambda line: (order.index(line.severity), -line.findings, line.account))


def _sizes(reading: Reading, question: Question, figures: Figures) -> FleetSizes:
    return read_sizes(reading.connection, question, figures.droplets, figures.past_since.date())


def _stored(reading: Reading, fleet: FleetSizes, way: str) -> list[charts.Chart]:
    """Draw what each account, group or tag stored."""
    account_of = {each.droplet_id: each.account for each in fleet.droplets}
    days, found = fleet.by_group(grouping.names(reading, way, account_of), (reading.now - _TREND).date())
    if not days:
        return []
    series = {name: found[name] for name in grouping.in_order(found)}
    return [charts.stored(f"Gigabytes after each day, by {way}", days, series, overlap=way == "tag")]


def _windows(reading: Reading, evidence: Evidence) -> Sequence[Any]:
    """Give the windows that open next, as DigitalOcean announced them; of a moment in the past nobody asks."""
    if reading.now < reading.today:
        return ()
    return next_windows(reading.connection, evidence.droplet_ids, reading.now, _MOST_WINDOWS)
