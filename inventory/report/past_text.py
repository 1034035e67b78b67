"""The past of a fleet, below the figures of the summary: how it grew, and what disappeared. Pure."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime

from rich.console import RenderableType
from rich.table import Table

from inventory.report.disappeared import Disappeared
from inventory.report.summary import Summary
from inventory.terminal import words
from inventory.terminal.chart import Chart
from inventory.terminal.display import shown
from inventory.terminal.table import Column, table

_MOST_ENDS = 10


def past(summary: Summary) -> Iterator[RenderableType]:
    """Draw how the fleet grew, where two days are known, and list the last of what disappeared."""
    days = summary.size_by_day
    begin = days[0].day if days else summary.past_since.date()
    if len(days) > 1:
        yield f"\nStored in total, GB, {_span(begin, summary.now)}\n"
        yield Chart([each.day for each in days], [each.size_gigabytes for each in days])
    if summary.disappeared:
        told_since = max(begin, summary.disappeared_since.date())
        yield f"\nWhat disappeared without having expired, {_span(told_since, summary.now)}\n"
        yield _ends(summary.disappeared[-_MOST_ENDS:])
    if earlier := len(summary.disappeared[:-_MOST_ENDS]):
        yield f"Earlier ones, {earlier:,} more: inventory report backup_lifetimes"


def _span(begin: date, now: datetime) -> str:
    return f"over {(now.date() - begin).days + 1} days"


def _ends(latest: Sequence[Disappeared]) -> Table:
    columns = (
        Column("Droplet"),
        Column("why", may_fold=True, goes=1),
        Column("day", goes=2),
        Column("backups", is_figure=True, goes=2),
        Column("size", is_figure=True, goes=2),
    )
    cells = (
        (
            shown(each.droplet),
            words.reason(each.gone_reason),
            f"{each.day}",
            f"{each.backups:,}",
            words.size(each.size_gigabytes),
        )
        for each in latest
    )
    return table(columns, cells)
