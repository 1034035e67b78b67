"""`inventory report`: one question, answered as a table, CSV, JSON or an HTML page; without a name, the summary."""

import json
import sys
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa
from rich.table import Table

from inventory.commands import moments
from inventory.commands.files import replacing
from inventory.errors import EXIT_COMPLETE, UsageError
from inventory.judging.evidence import read_evidence
from inventory.judging.findings import judge
from inventory.process.clock import utc_now
from inventory.report import (
    rows_export,
    rows_html,
    rows_table,
    rows_text,
    selecting,
    summary_html,
    summary_json,
    summary_text,
)
from inventory.report.summary import summarise
from inventory.settings.load import Settings, load
from inventory.store.engine import Database
from inventory.store.upgrade import require_readable
from inventory.terminal.console import print_line, print_screen, print_table, waiting
from inventory.views.catalog import View, views
from inventory.views.queries import Question, ask, stream
from inventory.views.rows import ROWS, SyncHealth

# A table is for eyes; what is longer is for a program.
_MOST_ROWS_SHOWN = 1000

# A page of so many is some megabytes: it can be mailed, and a browser shows it at once.
_MOST_ROWS_OF_A_PAGE = 10_000


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for; moments as they were written.

    Attributes:
        as_of: Answer as was known then; None is now.
        at: For restorable_backups: what could have been restored then, by all that is known today.
        limit: At most so many rows; None is all, but a thousand in a table, and ten thousand in a page.
        html: Where the page goes; None prints the answer.
    """

    as_of: str | None = None
    at: str | None = None
    since: str | None = None
    until: str | None = None
    accounts: Collection[str] = ()
    droplets: Collection[str] = ()
    tags: Collection[str] = ()
    limit: int | None = None
    as_json: bool = False
    as_csv: bool = False
    html: Path | None = None

    @property
    def narrowed(self) -> str:
        """Which Droplets alone are asked for, in words; empty if all are."""
        return rows_text.narrowed(self.accounts, self.droplets, self.tags)


def run(config_file: Path | None, name: str | None, options: Options, now: datetime | None = None) -> int:
    """Answer the question called `name`, or print the summary where it is None, as of `now`, or the true time if None.

    Raises:
        InventoryError: The question makes no sense, or the database is not usable.
    """
    view = find_view(name) if name else None
    question = _question(view, options, now or utc_now())
    settings = load(config_file, needs_token=False)
    with closing(Database(settings.database_url.get_secret_value())) as database:
        require_readable(database, settings.database_source)
        with database.reading() as connection, waiting():
            ids = selecting.find(connection, question, options.droplets, options.tags)
            question = replace(question, droplet_ids=ids)
            if view:
                _answer(connection, view, question, options, database.shown)
            else:
                _summarise(connection, question, settings, options, database.shown)
    return EXIT_COMPLETE


def list_reports() -> int:
    """List the reports by name, each with the question it answers."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column()
    for view in _reports():
        table.add_row(view.name, view.question)
    print_table(table)
    return EXIT_COMPLETE


def _reports() -> list[View]:
    return [view for view in views().values() if view.name in rows_table.SHOWN]


def find_view(name: str) -> View:
    """Give the view of that name, or the only one whose name begins so.

    Raises:
        UsageError: There is none, or there are several.
    """
    names = [view.name for view in _reports()]
    found = [each for each in names if each == name] or [each for each in names if each.startswith(name)]
    if len(found) == 1:
        return views()[found[0]]
    if found:
        raise UsageError(f'"{name}" may be {" or ".join(found)}. Write more of the name.')
    near = get_close_matches(name, names, n=1)
    meant = f"; did you mean {near[0]}?" if near else "."
    raise UsageError(f'there is no report "{name}"{meant} They are listed by: inventory report --list')


def _question(view: View | None, options: Options, now: datetime) -> Question:
    """Read what is asked.

    Raises:
        UsageError: An option says nothing sensible, or nothing of this view.
    """
    as_of, at, since, until = (
        moments.read(option, text, now)
        for option, text in (
            ("--as-of", options.as_of),
            ("--at", options.at),
            ("--since", options.since),
            ("--until", options.until),
        )
    )
    if at and not (view and view.name == "restorable_backups"):
        raise UsageError("--at belongs to restorable_backups. What was known at a moment, any report tells: --as-of.")
    if at and as_of:
        raise UsageError("--at asks by all that is known today, --as-of by what was known then: give one of them.")
    if (since or until) and not (view and view.time):
        what = view.name if view else "the summary"
        raise UsageError(f"{what} is of one moment: --since and --until say nothing of it, --as-of does.")
    if since and until and until <= since:
        raise UsageError("--until must be later than --since.")
    ways = {"--csv": options.as_csv, "--json": options.as_json, "--html": options.html is not None}
    if sum(ways.values()) > 1:
        raise UsageError(f"{' and '.join(way for way in ways if ways[way])} exclude each other.")
    if options.html == Path("-"):
        raise UsageError("--html takes the name of a file; to stdout go --csv and --json.")
    if options.as_csv and not view:
        raise UsageError("the summary has no rows for --csv.")
    return Question(
        now=at or as_of or now, since=since, until=until, accounts=options.accounts or None, limit=options.limit
    )


def _answer(connection: sa.Connection, view: View, question: Question, options: Options, database: str) -> None:
    row = ROWS[view.name]
    if options.as_csv:
        rows_export.write_csv(sys.stdout, list(view.columns), stream(connection, row, question))
    elif options.as_json:
        document = _document(view, question, database, ask(connection, row, question))
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
    elif options.html:
        rows, remark = _rows(connection, view, question, _MOST_ROWS_OF_A_PAGE)
        with replacing(options.html) as file:
            file.writelines(
                rows_html.page(view, question, rows, database=database, narrowed=options.narrowed, remark=remark)
            )
    else:
        _print(connection, view, question, database)


def _document(view: View, question: Question, database: str, rows: Sequence[NamedTuple]) -> dict[str, Any]:
    moments = {"as_of": question.now, "since": question.since, "until": question.until}
    return {
        "report": view.name,
        "database": database,
        **{name: rows_export.plain(moment) for name, moment in moments.items()},
        "rows": rows_export.as_documents(rows),
    }


def _print(connection: sa.Connection, view: View, question: Question, database: str) -> None:
    rows, remark = _rows(connection, view, question, _MOST_ROWS_SHOWN)
    print_line(rows_text.heading(view, question, database))
    if rows:
        print_table(rows_table.table(view.name, rows, question.now))
    if remark:
        print_line(remark)


def _rows(
    connection: sa.Connection, view: View, question: Question, most: int
) -> tuple[Sequence[NamedTuple], str | None]:
    """Read what a person is shown, at most so many rows unless they said how many; say why there are none, or more."""
    most = question.limit or most
    rows = ask(connection, ROWS[view.name], replace(question, limit=most + 1))
    if not rows:
        is_anything_known = bool(ask(connection, SyncHealth, Question(now=question.now)))
        return rows, rows_text.nothing(view, question, is_anything_known=is_anything_known)
    return rows[:most], rows_text.more(most) if len(rows) > most else None


def _summarise(
    connection: sa.Connection, question: Question, settings: Settings, options: Options, database: str
) -> None:
    evidence = read_evidence(connection, question.now, question.accounts, question.droplet_ids)
    verdict = judge(evidence, settings.rules, settings.exemptions, question.now)
    found = summarise(connection, question, evidence)
    if options.as_json:
        sys.stdout.write(json.dumps(summary_json.document(found, verdict, database), indent=2) + "\n")
        return
    if options.html:
        with replacing(options.html) as file:
            file.writelines(summary_html.page(found, verdict, question, database=database, narrowed=options.narrowed))
        return
    if not found.health:
        print_line(rows_text.nothing_known(question))
        return
    print_screen(summary_text.screen(found, verdict, database))
    print_line(f"\n{summary_text.next_steps(verdict)}")
