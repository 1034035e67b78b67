"""What backups cost: month by month, by account, by group or by tag."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import NamedTuple

from inventory.pages import grouping
from inventory.pages.reading import Page, Reading
from inventory.report import charts
from inventory.terminal import words
from inventory.views.queries import ask
from inventory.views.rows import MonthlyCost

_MONTHS = 13
_MOST_NAMES = 50
Costs = Mapping[date, Mapping[str, float]]
"""Month -> group -> US dollars, an estimate; the oldest month first, every group in each."""


class Line(NamedTuple):
    """A month: its sum, the change to the month before, and each group's part, all in words."""

    month: date
    total: str
    change: str
    parts: Sequence[str]


def page(reading: Reading) -> Page:
    """Read what the backups that are asked for cost in the last thirteen months."""
    way = grouping.way(reading)
    question = replace(reading.question(), since=_months_back(reading.now, _MONTHS - 1))
    rows = ask(reading.connection, MonthlyCost, question)
    groups = grouping.names(reading, way, {row.droplet_id: row.account for row in rows})
    totals, costs = _added_up(rows, groups)
    names = list(next(iter(costs.values()), {}))
    series = {name: [parts[name] for parts in costs.values()] for name in names}
    return Page(
        "cost.html",
        "Cost",
        {
            "way": way,
            "ways": grouping.ways(reading),
            "names": names[:_MOST_NAMES],
            "left_out": len(names) - _MOST_NAMES,
            "lines": list(_lines(totals, costs))[::-1],
            "chart": charts.costs("US dollars by month", list(costs), series, overlap=way == "tag") if costs else None,
            "unknown": sum(row.estimated_usd is None for row in rows),
        },
    )


def _added_up(rows: Sequence[MonthlyCost], groups: Mapping[int, Collection[str]]) -> tuple[Mapping[date, float], Costs]:
    """Add the rows up by month, and by month and group; a Droplet counts in each of its groups."""
    totals: dict[date, float] = defaultdict(float)
    found: dict[date, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for row in sorted(rows, key=lambda each: each.month):
        usd = row.estimated_usd or 0.0
        totals[row.month] += usd
        for name in groups[row.droplet_id]:
            found[row.month][name] += usd
    names = grouping.in_order({name for parts in found.values() for name in parts})
    return totals, {month: {name: parts[name] for name in names} for month, parts in found.items()}


def _lines(totals: Mapping[date, float], costs: Costs) -> Iterator[Line]:
    before = None
    for month, parts in costs.items():
        total = totals[month]
        change = "" if before is None else f"{total - before:+,.2f} USD"
        yield Line(month, words.money(total), change, [words.money(usd) for usd in [*parts.values()][:_MOST_NAMES]])
        before = total


def _months_back(now: datetime, months: int) -> datetime:
    month = now.year * 12 + now.month - 1 - months
    return datetime(month // 12, month % 12 + 1, 1, tzinfo=now.tzinfo)
