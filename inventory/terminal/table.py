"""Tables as every answer shows them: without lines, two blanks between columns, headers in bold."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from rich.table import Table
from rich.text import Text


class Column(NamedTuple):
    """How the cells of one column are shown.

    Attributes:
        header: A table in which no column has one begins with its first row.
        is_figure: Whether the cells are aligned to the right.
        may_fold: Whether a cell continues on the next line where the terminal is too narrow; others are cut off.
        most_columns: The greatest width in characters; None for no limit.
        style: Of the cells on a terminal, as Rich names it.
    """

    header: str = ""
    is_figure: bool = False
    may_fold: bool = False
    most_columns: int | None = None
    style: str = ""


WORD = Column()
LABEL = Column(style="bold")
TEXT = Column(may_fold=True)


def table(columns: Sequence[Column], rows: Iterable[Sequence[str | Text]]) -> Table:
    """Lay out rows that have one cell for each column."""
    laid_out = Table(
        box=None,
        pad_edge=False,
        padding=(0, 2, 0, 0),
        show_header=any(column.header for column in columns),
        header_style="bold",
    )
    for column in columns:
        laid_out.add_column(
            column.header,
            justify="right" if column.is_figure else "left",
            no_wrap=not column.may_fold,
            overflow="fold" if column.may_fold else "ellipsis",
            max_width=column.most_columns,
            style=column.style,
        )
    for row in rows:
        laid_out.add_row(*row)
    return laid_out


def row_counts(rows: Mapping[str, int]) -> Table:
    """Lay out how many rows of each database table something concerns."""
    columns = (Column("table"), Column("rows", is_figure=True))
    return table(columns, ((name, f"{number:,}") for name, number in rows.items()))
