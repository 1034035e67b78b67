"""Every report as a page whose rows can be sorted, and the same rows as CSV and JSON."""

import io
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from inventory.errors import UsageError
from inventory.pages.reading import Page, Reading
from inventory.report import rows_html, rows_table, rows_text
from inventory.report.choosing import reports
from inventory.report.completeness import gap
from inventory.report.forms import RowsReport
from inventory.terminal.document import as_json
from inventory.views.catalog import View
from inventory.views.queries import Question

A_PAGE = 200
_MOST_SORTED = 10_000


def list_page(_reading: Reading) -> Page:
    """List the reports."""
    return Page("reports.html", "Reports", {"reports": list(reports().values())})


def report_page(reading: Reading, name: str, most: int | None = None) -> Page | None:
    """Read one part of a report; None if there is none of that name. CSV and JSON have at most so many rows."""
    view = reports().get(name)
    if view is None:
        return None
    report = _report(reading, view)
    begin = (reading.asked.page - 1) * A_PAGE
    rows = _rows(reading, report, begin)
    columns = rows_html.columns(view, rows)
    asked = reading.asked
    return Page(
        "report.html",
        rows_table.as_words(view.name).capitalize(),
        {
            "view": view,
            "most": most,
            "period": rows_text.period(view, report.question),
            "warning": report.warning,
            "columns": columns,
            "sorts": {each.name: _sort_by(each.name, asked.sort) for each in columns},
            "rows": [rows_html.cells(columns, row, reading.now) for row in rows[:A_PAGE]],
            "first": begin + 1,
            "has_more": len(rows) > A_PAGE,
        },
    )


def json_of(reading: Reading, name: str, most: int | None = None) -> str | None:
    """Give the document that `inventory report NAME --json --limit MOST` prints; None if there is no such report."""
    view = reports().get(name)
    return as_json(_report(reading, view, most).document()) if view else None


def csv_of(reading: Reading, name: str, most: int | None = None) -> str | None:
    """Give what `inventory report NAME --csv --limit MOST` prints; None if there is no such report."""
    view = reports().get(name)
    if view is None:
        return None
    text = io.StringIO(newline="")
    _report(reading, view, most).write_csv(text)
    return text.getvalue()


def _report(reading: Reading, view: View, most: int | None = None) -> RowsReport:
    # Of all that is stored, configured or not, unless somebody asks for less: as on the command line.
    question = replace(reading.question() if reading.asked.is_narrowed else Question(reading.now), limit=most)
    missing = gap(reading.connection, question, view, reading.today)
    return RowsReport(
        reading.connection,
        view,
        question,
        reading.database,
        reading.asked.narrowed,
        missing,
        reading.judging,
        reading.today,
    )


def _rows(reading: Reading, report: RowsReport, begin: int) -> Sequence[NamedTuple]:
    """Read the rows from `begin` on, one more than a page has."""
    wanted = begin + A_PAGE + 1
    asked = reading.asked.sort.removeprefix("-")
    if not asked:
        return report.rows(replace(report.question, limit=wanted))[begin:]
    if asked not in report.view.columns:
        raise UsageError(f'the report {report.view.name} has no column "{asked}"')
    every = report.rows(replace(report.question, limit=_MOST_SORTED + 1))
    if len(every) > _MOST_SORTED:
        raise UsageError(f"more than {_MOST_SORTED:,} rows cannot be sorted here: narrow the question, or take the CSV")
    known = [each for each in every if getattr(each, asked) is not None]
    known.sort(key=lambda each: getattr(each, asked), reverse=reading.asked.sort.startswith("-"))
    return [*known, *(each for each in every if getattr(each, asked) is None)][begin:wanted]


class Sort(NamedTuple):
    """How the rows are sorted by a column, as ARIA has it, and the parameter that a click on its header asks for."""

    now: str
    click: str


def _sort_by(column: str, asked: str) -> Sort:
    if asked == column:
        return Sort("ascending", f"-{column}")
    return Sort("descending" if asked == f"-{column}" else "none", column)
