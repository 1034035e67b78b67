"""The forms of a report: a screen, a JSON document, an HTML page, and CSV if it has rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import sqlalchemy as sa
from rich.console import RenderableType

from inventory.errors import UsageError
from inventory.judging.verdict import Verdict
from inventory.report import rows_export, rows_html, rows_table, rows_text, summary_html, summary_json, summary_text
from inventory.report.completeness import Gap
from inventory.report.overview import OVERVIEW, Judging, read_lines
from inventory.report.summary import Summary
from inventory.store.runs import accounts_synced
from inventory.views.catalog import View
from inventory.views.queries import Question, ask, stream
from inventory.views.rows import ROWS

# A table is for eyes; what is longer is for a program.
_MOST_ROWS_SHOWN = 1000

# Such a page has some megabytes: it can be mailed, and a browser shows it at once.
_MOST_ROWS_OF_A_PAGE = 10_000


@dataclass(frozen=True, slots=True)
class Form:
    """The form in which an answer is wanted: at most one of these, otherwise a screen.

    Attributes:
        html: The file that the page replaces.
        html_dir: The directory for every page.
    """

    as_json: bool = False
    as_csv: bool = False
    html: Path | None = None
    html_dir: Path | None = None

    def check(self, name: str | None) -> None:
        """Refuse a combination that makes no sense; `name` is that of the report, None for the summary.

        Raises:
            UsageError: More than one form is wanted, or the page has no file.
        """
        options = {"--csv": self.as_csv, "--json": self.as_json, "--html": self.html is not None}
        options["--html-dir"] = self.html_dir is not None
        if sum(options.values()) > 1:
            raise UsageError(f"{' and '.join(each for each in options if options[each])} exclude each other.")
        if self.html_dir and name:
            raise UsageError("--html-dir writes every report: it takes no NAME.")
        if self.html == Path("-"):
            raise UsageError("--html takes the name of a file; --csv and --json go to stdout.")


@dataclass(frozen=True, slots=True)
class RowsReport:
    """The answer of one view. Each form reads the rows that it needs.

    Attributes:
        judging: What is said beside the figures of account_overview.
        today: The moment at which it is asked.
        database: Its name as it may be shown.
        narrowed: Which accounts, Droplets and tags were asked for, in words; empty if all were.
        gap: Of which time rows may be missing; None if none can be.
    """

    connection: sa.Connection
    view: View
    question: Question
    database: str
    narrowed: str
    gap: Gap | None
    judging: Judging
    today: datetime

    @property
    def warning(self) -> str | None:
        """What must be said beside the rows, where they may not be all."""
        if self.gap:
            return (
                rows_text.pruned(self.gap.before) if self.gap.is_pruned else rows_text.not_looked_yet(self.gap.before)
            )
        return None if self._is_anything_known() else rows_text.nothing_known(self.question)

    def screen(self) -> Iterator[RenderableType]:
        """Give lines and tables, one below the other; at most a thousand rows where the question sets no limit."""
        rows, remark = self._read(_MOST_ROWS_SHOWN)
        yield rows_text.heading(self.view, self.question, self.database)
        if rows:
            several = len(self.judging.accounts or ()) > 1
            yield rows_table.table(self.view.name, rows, self.question.now, has_several_accounts=several)
        if remark:
            yield remark

    def page(self) -> Iterator[str]:
        """Write the HTML page in pieces; at most ten thousand rows where the question sets no limit."""
        rows, remark = self._read(_MOST_ROWS_OF_A_PAGE)
        return rows_html.page(
            self.view, self.question, rows, database=self.database, narrowed=self.narrowed, remark=remark
        )

    def document(self) -> dict[str, Any]:
        """Give the JSON document, with every row; its keys are stable."""
        return {
            "report": self.view.name,
            "database": self.database,
            "as_of": self.question.now,
            "since": self.question.since,
            "until": self.question.until,
            "incomplete_before": self.gap.before if self.gap else None,
            "rows": rows_export.as_documents(self.rows(self.question)),
        }

    def write_csv(self, file: TextIO) -> None:
        """Write every row as CSV, as they are read."""
        is_judged = self.view.name == OVERVIEW
        rows = self.rows(self.question) if is_judged else stream(self.connection, ROWS[self.view.name], self.question)
        rows_export.write_csv(file, list(self.view.columns), rows)

    def rows(self, question: Question) -> Sequence[NamedTuple]:
        """Read the rows that a question has."""
        if self.view.name == OVERVIEW:
            return read_lines(self.connection, question, self.judging, today=self.today)
        found: list[NamedTuple] = ask(self.connection, ROWS[self.view.name], question)
        return found

    def _read(self, most: int) -> tuple[Sequence[NamedTuple], str | None]:
        """Read what a person is shown, and the remark that there are none, or may be more; None if these are all."""
        most = self.question.limit or most
        rows = self.rows(replace(self.question, limit=most + 1))
        warning = self.warning
        if not rows:
            return rows, warning or rows_text.nothing(self.view, self.question)
        remarks = [rows_text.more(most)] if len(rows) > most else []
        return rows[:most], " ".join([*remarks, *([warning] if warning else [])]) or None

    def _is_anything_known(self) -> bool:
        synced, asked_about = accounts_synced(self.connection, self.question.now), self.question.accounts
        return bool(synced if asked_about is None else synced.intersection(asked_about))


@dataclass(frozen=True, slots=True)
class SummaryReport:
    """The summary, with what needs attention; `database` and `narrowed` as in `RowsReport`."""

    summary: Summary
    verdict: Verdict
    question: Question
    database: str
    narrowed: str

    def screen(self) -> Iterator[RenderableType]:
        """Give lines and tables, one below the other."""
        if not self.summary.health and not self.summary.incomplete_before:
            yield rows_text.nothing_known(self.question)
            yield from summary_text.no_longer_configured(self.summary)
            return
        yield from summary_text.screen(self.summary, self.verdict, self.database)
        yield "\nNext:"
        yield summary_text.next_steps(self.summary, self.verdict)

    def page(self) -> Iterator[str]:
        """Write the HTML page in pieces."""
        return summary_html.page(
            self.summary, self.verdict, self.question, database=self.database, narrowed=self.narrowed
        )

    def document(self) -> dict[str, Any]:
        """Give the JSON document; its keys are stable."""
        return summary_json.document(self.summary, self.verdict, self.database)

    def write_csv(self, _file: TextIO) -> None:
        """Refuse: there are no rows.

        Raises:
            UsageError: Always.
        """
        raise UsageError("the summary has no rows for --csv.")
