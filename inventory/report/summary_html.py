"""The summary as one HTML page, with every finding."""

from collections.abc import Iterator

from inventory.judging.verdict import Verdict
from inventory.report import check_text, rows_text, summary_text
from inventory.report.page import render
from inventory.report.summary import Summary
from inventory.views.queries import Question


def page(summary: Summary, verdict: Verdict, question: Question, *, database: str, narrowed: str) -> Iterator[str]:
    """Write the page in pieces.

    Args:
        summary: What there is.
        verdict: What needs attention.
        question: What was asked.
        database: Its name as it may be shown.
        narrowed: Which accounts, Droplets and tags were asked for, in words; empty if all were.
    """
    # Loading it takes time that only a page is worth.
    from inventory.report import charts  # noqa: PLC0415

    is_known = bool(summary.health or summary.incomplete_before)
    return render(
        "summary.html",
        title=summary_text.title(summary) if is_known else "Backups",
        database=database,
        now=summary.now,
        narrowed=narrowed,
        looks=list(summary_text.looks(summary)),
        remark=None if is_known else rows_text.nothing_known(question),
        figures=list(summary_text.figures(summary)),
        attention=summary_text.attention(summary, verdict),
        findings=list(check_text.rows(verdict)),
        charts=[
            charts.stored(
                "Gigabytes after each day",
                [each.day for each in summary.size_by_day],
                {"stored": [each.size_gigabytes for each in summary.size_by_day]},
            )
        ]
        if summary.size_by_day
        else [],
        lately=summary_text.lately(summary),
        largest=[summary_text.large_cells(each, summary) for each in summary.largest],
        has_several_accounts=len(summary.health) > 1,
    )
