"""Tables as every answer shows them: without lines, two blanks between columns, headers in bold.

A table that is wider than the terminal folds what may be folded, then leaves out secondary columns and says which.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

_BETWEEN_COLUMNS = 2
_LEAST_FOLDED_COLUMNS = 16


class Column(NamedTuple):
    """How the cells of one column are shown.

    Attributes:
        header: A table in which no column has one begins with its first row.
        is_figure: Whether the cells are aligned to the right.
        may_fold: Whether a cell continues on the next line where the terminal is too narrow; others are shown whole.
        most_columns: The greatest width in characters; None for no limit.
        style: Of the cells on a terminal, as Rich names it.
        goes: Which columns a terminal that is too narrow does without: those with the greatest number first, of equals
            the last; one with 0 stays. Columns that may go have a header, by which the caption names them.
    """

    header: str = ""
    is_figure: bool = False
    may_fold: bool = False
    most_columns: int | None = None
    style: str = ""
    goes: int = 0


WORD = Column()
LABEL = Column(style="bold")
TEXT = Column(may_fold=True)


class FittingTable(Table):
    """A table that leaves out secondary columns where the terminal is too narrow, and names them below."""

    def __init__(self, columns: Sequence[Column], rows: Iterable[Sequence[str | Text]]) -> None:
        """Lay out rows that have one cell for each column."""
        super().__init__(
            box=None,
            pad_edge=False,
            padding=(0, _BETWEEN_COLUMNS, 0, 0),
            show_header=any(column.header for column in columns),
            header_style="bold",
        )
        self._laid_out = columns
        self._cells = [tuple(row) for row in rows]
        self._least = [
            _least_columns(column, [row[index] for row in self._cells]) for index, column in enumerate(columns)
        ]
        for column, least in zip(columns, self._least, strict=True):
            self.add_column(
                column.header,
                justify="right" if column.is_figure else "left",
                no_wrap=not column.may_fold,
                overflow="fold" if column.may_fold else "ellipsis",
                min_width=least,
                max_width=column.most_columns,
                style=column.style,
            )
        for row in self._cells:
            self.add_row(*row)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render the columns that fit; those that stay are shown whole, if need be wider than the terminal."""
        kept = self._kept(options.max_width)
        if len(kept) < len(self._laid_out):
            yield FittingTable([self._laid_out[at] for at in kept], ([row[at] for at in kept] for row in self._cells))
            gone = (column.header for at, column in enumerate(self._laid_out) if at not in kept)
            yield Text(f"Left out at {options.max_width} columns: {', '.join(gone)}.", style="dim")
        else:
            yield from super().__rich_console__(
                console, options.update(max_width=max(options.max_width, self._needed(kept)))
            )

    def _kept(self, columns: int) -> Sequence[int]:
        """Tell which columns to show in a width of so many characters, by their places from 0."""
        kept = list(range(len(self._laid_out)))
        while self._needed(kept) > columns and any(self._laid_out[at].goes for at in kept):
            kept.remove(max(kept, key=lambda at: (self._laid_out[at].goes, at)))
        return kept

    def _needed(self, places: Sequence[int]) -> int:
        """Give the width in characters that columns need at least."""
        return sum(self._least[at] for at in places) + _BETWEEN_COLUMNS * max(len(places) - 1, 0)


def _least_columns(column: Column, cells: Iterable[str | Text]) -> int:
    """Give the width in characters below which a column is not to be folded."""
    texts = (column.header, *map(str, cells))
    widest = max((cell_len(line) for text in texts for line in text.splitlines()), default=0)
    limits = (_LEAST_FOLDED_COLUMNS if column.may_fold else None, column.most_columns)
    return min(widest, *(limit for limit in limits if limit is not None), widest)


def table(columns: Sequence[Column], rows: Iterable[Sequence[str | Text]]) -> Table:
    """Lay out rows that have one cell for each column."""
    return FittingTable(columns, rows)


def row_counts(rows: Mapping[str, int]) -> Table:
    """Lay out how many rows of each database table something concerns."""
    columns = (Column("table"), Column("rows", is_figure=True))
    return table(columns, ((name, f"{number:,}") for name, number in rows.items()))
