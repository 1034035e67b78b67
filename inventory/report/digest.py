"""The summary as a message: its page for a medium that shows HTML, its screen as plain text beside it."""

from collections.abc import Collection, Sequence
from datetime import datetime

from inventory.judging.findings import judge
from inventory.judging.rules import Exemption, Rules
from inventory.notifying.letter import Letter, digest
from inventory.report import check_text, summary_html, summary_text
from inventory.report.summary import read, summarise
from inventory.store.engine import Database
from inventory.terminal.console import plain
from inventory.views.queries import Question
from inventory.views.readers import TwoReaders

_COLUMNS = 80


def read_digest(
    database: Database, rules: Rules, exemptions: Sequence[Exemption], now: datetime, accounts: Collection[str]
) -> Letter:
    """Sum up what is known of these accounts."""
    question = Question(now, accounts=accounts)
    with database.reading() as connection:
        evidence, figures = read(TwoReaders(connection), question)
        verdict = judge(evidence, rules, exemptions, now)
        summary = summarise(connection, question, evidence, figures)
    text = "".join(plain(part, columns=_COLUMNS) for part in summary_text.screen(summary, verdict, database.shown))
    page = summary_html.page(summary, verdict, question, database=database.shown, narrowed="")
    return digest(check_text.headline(verdict), text, "".join(page))
