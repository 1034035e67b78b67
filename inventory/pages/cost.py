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
from inventory.views.queries import Question, ask
from inventory.views.rows import AccountMonth, MonthlyCost

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


class _Amount(NamedTuple):
    """What a Droplet, or a whole account, cost in a month; in which groups it counts, and how many are unknown."""

    month: date
    usd: float | None
    names: Collection[str]
    unknown: int


def page(reading: Reading) -> Page:
    """Read what the backups that are asked for cost in the last thirteen months."""
    way = grouping.way(reading)
    amounts = list(_amounts(reading, way))
    totals, costs = _added_up(amounts)
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
            "unknown": sum(each.unknown for each in amounts),
        },
    )


def _amounts(reading: Reading, way: str) -> list[_Amount]:
    """Read months as they were added up, where whole accounts are asked for; the others are added up from Droplets."""
    question = replace(reading.question(), since=_month(reading.now, _MONTHS - 1))
    of_accounts = way != "tag" and question.droplet_ids is None
    kept = ask(reading.connection, AccountMonth, question) if of_accounts else []
    told = {(row.account, row.month) for row in kept}
    asked = (ask(reading.connection, MonthlyCost, part) for part in _not_kept(reading, question, kept))
    rows = [row for part in asked for row in part if (row.account, row.month) not in told]
    groups = grouping.of_accounts(reading, way, {row.account for row in kept})
    names = grouping.names(reading, way, {row.droplet_id: row.account for row in rows})
    return [
        *(_Amount(row.month, row.estimated_usd, groups[row.account], row.droplets_of_unknown_cost) for row in kept),
        *(_Amount(row.month, row.estimated_usd, names[row.droplet_id], row.estimated_usd is None) for row in rows),
    ]


def _not_kept(reading: Reading, question: Question, kept: Sequence[AccountMonth]) -> Iterator[Question]:
    """Ask for the months of which not every account's is kept: the last two of all, the others of few accounts."""
    last_kept: dict[str, date] = {}
    for row in kept:
        last_kept[row.account] = max(row.month, last_kept.get(row.account, row.month))
    last_months = _month(reading.now, 1)
    lagging = {name for name in _accounts(reading) if last_kept.get(name, date.min) < _month(reading.now, 2).date()}
    if last_kept.keys() <= lagging:
        yield question
        return
    yield replace(question, since=last_months)
    if lagging:
        yield replace(question, until=last_months, accounts=lagging)


def _accounts(reading: Reading) -> Collection[str]:
    names = reading.accounts
    return list(reading.groups()) if names is None else names


def _added_up(amounts: Sequence[_Amount]) -> tuple[Mapping[date, float], Costs]:
    """Add amounts up by month, and by month and group; one counts in each of its groups."""
    totals: dict[date, float] = defaultdict(float)
    found: dict[date, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for each in sorted(amounts, key=lambda amount: amount.month):
        usd = each.usd or 0.0
        totals[each.month] += usd
        for name in each.names:
            found[each.month][name] += usd
    names = grouping.in_order({name for parts in found.values() for name in parts})
    return totals, {month: {name: parts[name] for name in names} for month, parts in found.items()}


def _lines(totals: Mapping[date, float], costs: Costs) -> Iterator[Line]:
    before = None
    for month, parts in costs.items():
        total = totals[month]
        change = "" if before is None else f"{total - before:+,.2f} USD"
        yield Line(month, words.money(total), change, [words.money(usd) for usd in [*parts.values()][:_MOST_NAMES]])
        before = total


def _month(now: datetime, months_back: int) -> datetime:
    month = now.year * 12 + now.month - 1 - months_back
    return datetime(month // 12, month % 12 + 1, 1, tzinfo=now.tzinfo)
