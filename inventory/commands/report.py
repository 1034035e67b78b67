"""`inventory report`: one question, answered as a table, CSV, JSON or an HTML page; without a name, the summary."""

import sys
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from inventory.errors import EXIT_COMPLETE
from inventory.judging.findings import judge
from inventory.process.clock import utc_now
from inventory.process.cycles import collecting_seldom
from inventory.report import selecting
from inventory.report.asking import Asked
from inventory.report.choosing import choose, reports
from inventory.report.completeness import gap
from inventory.report.forms import Form, RowsReport, SummaryReport
from inventory.report.overview import Judging
from inventory.report.replacing import replacing
from inventory.report.summary import read, summarise
from inventory.settings.load import Settings, load
from inventory.store import opening
from inventory.terminal.console import complain, print_document, print_screen, print_table, waiting
from inventory.terminal.table import TEXT, WORD, table
from inventory.views.queries import Question
from inventory.views.readers import TwoReaders


def run(config_file: Path | None, name: str | None, asked: Asked, form: Form, now: datetime | None = None) -> int:
    """Answer the report called `name`, or print the summary if it is None, as of `now`, or the true time if None.

    Raises:
        InventoryError: The question makes no sense, or the database is not usable.
    """
    view = choose(name) if name else None
    now = now or utc_now()
    question = asked.question(view, now)
    form.check(name)
    settings = load(config_file, needs_token=False)
    with opening.to_read(settings.database_url.get_secret_value(), settings.database_source) as database:
        if view:
            with database.reading() as connection:
                named, question = _narrowed(connection, question, asked, settings, now)
                missing = gap(connection, question, view, now)
                judging = Judging(settings.rules, settings.exemptions, settings.judged_accounts, settings.groups)
                rows = RowsReport(connection, view, question, database.shown, asked.narrowed, missing, judging, now)
                _write(rows, form)
        else:
            with database.reading_twice() as readers:
                named, question = _narrowed(readers.connection, question, asked, settings, now)
                judged = selecting.accounts_to_judge(named, asked.droplets, settings.judged_accounts)
                question = replace(question, accounts=judged)
                _write(_summary(readers, question, settings, database.shown, asked.narrowed), form)
    return EXIT_COMPLETE


def list_reports() -> int:
    """List the reports by name, each with the question it answers."""
    print_table(table((WORD, TEXT), ((name, view.question) for name, view in reports().items())))
    return EXIT_COMPLETE


def _narrowed(
    connection: sa.Connection, question: Question, asked: Asked, settings: Settings, now: datetime
) -> tuple[Collection[str], Question]:
    """Give the accounts that are asked for by name, and the question of these and of the Droplets asked for."""
    named = selecting.accounts_asked(connection, asked.accounts, asked.groups, settings.groups)
    question = replace(question, accounts=named or None)
    find = selecting.find_then_or_now if asked.at else selecting.find
    ids = find(connection, question, asked.droplets, asked.tags, now, accounts=set(asked.accounts) & set(named))
    return named, replace(question, droplet_ids=ids, accounts=None if asked.at else question.accounts)


def _summary(
    readers: TwoReaders, question: Question, settings: Settings, database: str, narrowed: str
) -> SummaryReport:
    with waiting(), collecting_seldom():
        evidence, figures = read(readers, question)
        verdict = judge(evidence, settings.rules, settings.exemptions, question.now)
        others = selecting.not_judged(readers.connection, question, settings.judged_accounts)
        summary = summarise(readers.connection, question, evidence, figures)
        summary = replace(summary, no_longer_configured=others)
    return SummaryReport(summary, verdict, question, database, narrowed)


def _write(report: RowsReport | SummaryReport, form: Form) -> None:
    if form.as_csv:
        report.write_csv(sys.stdout)
        if isinstance(report, RowsReport) and report.warning:
            complain(report.warning)
    elif form.as_json:
        with waiting():
            document = report.document()
        print_document(document)
    elif form.html:
        with waiting(), replacing(form.html) as file:
            file.writelines(report.page())
    else:
        with waiting():
            screen = [*report.screen()]
        print_screen(screen)
