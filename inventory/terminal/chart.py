"""A line over some days, drawn with letters."""

import re
from collections.abc import Sequence
from datetime import date

import plotext
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

_MOST_COLUMNS = 78
_LINES = 10
_MOST_LABELS = 5
_COLUMNS_OF_A_LABEL = 12


class Chart:
    """Values by day, as wide as the terminal, but no wider than prose."""

    def __init__(self, days: Sequence[date], values: Sequence[float]) -> None:
        """Take at least two days, the oldest first, and the value of each."""
        self._days = days
        self._values = values

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render it; days without a value are drawn as if they were not there."""
        columns = min(options.max_width, _MOST_COLUMNS)
        for line in self._drawn(columns).splitlines():
            yield Text(line.rstrip(), no_wrap=True, overflow="ignore")

    def _drawn(self, columns: int) -> str:
        labels = min(_MOST_LABELS, columns // _COLUMNS_OF_A_LABEL)
        last = len(self._days) - 1
        labelled = sorted({round(part * last / (labels - 1)) for part in range(labels)}) if labels > 1 else [last]
        plotext.clear_figure()
        plotext.theme("clear")
        plotext.frame(False)  # noqa: FBT003 - plotext has no other way
        plotext.plotsize(columns, _LINES)
        plotext.plot(range(len(self._days)), self._values, marker="braille")
        plotext.xticks(labelled, [f"{self._days[each].day} {self._days[each]:%b}" for each in labelled])
        # plotext writes escape sequences even without colours.
        return re.sub(r"\x1b\[[0-9;]*m", "", plotext.build())
