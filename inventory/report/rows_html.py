"""The rows of a view as one HTML page, with every column."""

from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple, get_args, get_type_hints

from inventory.report import rows_table, rows_text
from inventory.report.overview import OVERVIEW, AccountLine
from inventory.report.page import render
from inventory.terminal import words
from inventory.terminal.document import iso
from inventory.views.catalog import View
from inventory.views.queries import Question
from inventory.views.rows import ROWS


class Column(NamedTuple):
    """A column of the page: its name in the view, its header, its meaning, and whether it holds figures.

    Secondary ones are left out on a narrow screen. `classes` are those of the cells.
    """

    name: str
    header: str
    meaning: str
    is_figure: bool
    is_secondary: bool
    classes: str


class Cell(NamedTuple):
    """A value as text; `at` is a time or day in ISO 8601, None for other values."""

    text: str
    at: str | None


def columns(view: View, rows: Sequence[NamedTuple]) -> list[Column]:
    """Give all columns of a view."""
    important = rows_table.on_narrow_screens(view.name, rows)
    kinds = {name: set(get_args(hint) or (hint,)) for name, hint in get_type_hints(_row_type(view)).items()}
    return [
        _column(name, meaning, kinds[name], is_secondary=name not in important)
        for name, meaning in view.columns.items()
    ]


def _row_type(view: View) -> type[Any]:
    return AccountLine if view.name == OVERVIEW else ROWS[view.name]


def _column(name: str, meaning: str, kinds: Collection[type], *, is_secondary: bool) -> Column:
    is_figure = not name.endswith("_id") and (int in kinds or float in kinds)
    return Column(
        name=name,
        # Cells name the unit of their value, but not cells with whole numbers.
        header=rows_table.as_words(name if int in kinds else rows_table.without_unit(name)),
        meaning=meaning,
        is_figure=is_figure,
        is_secondary=is_secondary,
        classes=" ".join(each for each, is_so in (("figure", is_figure), ("more", is_secondary)) if is_so),
    )


def page(
    view: View,
    question: Question,
    rows: Sequence[NamedTuple],
    *,
    database: str,
    narrowed: str,
    remark: str | None,
) -> Iterator[str]:
    """Write the page in pieces.

    Args:
        view: The view.
        question: What was asked of it.
        rows: The answer.
        database: Its name as it may be shown.
        narrowed: Which accounts, Droplets and tags were asked for, in words; empty if all were.
        remark: Why there are no rows, or that there are more; None if these are all.
    """
    laid_out = columns(view, rows)
    return render(
        "rows.html",
        title=view.question,
        database=database,
        now=question.now,
        narrowed=narrowed,
        view=view,
        period=rows_text.period(view, question),
        remark=remark,
        columns=laid_out,
        has_rows=bool(rows),
        count=words.count(len(rows), "row"),
        rows=(cells(laid_out, each, question.now) for each in rows),
    )


def cells(laid_out: Sequence[Column], row: NamedTuple, now: datetime) -> list[tuple[Column, Cell]]:
    """Write the cells of a row, each beside its column."""
    return [(column, _cell(column.name, value, now)) for column, value in zip(laid_out, row, strict=True)]


def _cell(column: str, value: Any, now: datetime) -> Cell:  # noqa: ANN401 - whatever a view has
    at = iso(value) if isinstance(value, date) else None
    return Cell(rows_table.cell(column, value, now), at)
