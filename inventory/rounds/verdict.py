"""Judge what a round left, and keep the verdict for whoever asks later."""

from collections.abc import Collection, Sequence
from datetime import datetime

import structlog

from inventory.errors import EXIT_BUSY, InventoryError
from inventory.judging.evidence import in_parts, inspect
from inventory.judging.verdict import Verdict
from inventory.process.clock import utc_now
from inventory.settings.load import Settings
from inventory.store import verdicts
from inventory.store.engine import Database
from inventory.store.notices import undelivered
from inventory.sync.result import SyncReport
from inventory.views.queries import Question, ask
from inventory.views.rows import AccountOverview

_log: structlog.stdlib.BoundLogger = structlog.get_logger("inventory.verdict")


def is_news(reports: Sequence[SyncReport]) -> bool:
    """Tell whether a round may have left anything to judge.

    Where every account was busy, another process syncs and judges it, or the database is locked, for which whoever
    keeps a verdict waits once more.
    """
    return any(report.exit_code != EXIT_BUSY for report in reports)


def read(database: Database, settings: Settings, accounts: Collection[str] | None, now: datetime) -> Verdict:
    """Judge these accounts, all that were ever synced if that is None, and every channel."""
    rules, exemptions = settings.rules, settings.exemptions
    with database.reading_twice() as readers:
        channels = undelivered(readers.connection, settings.channels, now)
        return inspect(
            readers.connection,
            now,
            rules,
            exemptions,
            accounts=accounts,
            channels=channels,
            second=readers.second,
        )


def judged(database: Database, settings: Settings, accounts: Collection[str] | None) -> Verdict:
    """Read the verdict of now, and keep it.

    One that cannot be kept is logged and changes nothing else: the one before stays.
    """
    verdict = read(database, settings, accounts, utc_now().replace(microsecond=0))
    keep(database, settings, verdict)
    return verdict


def keep(database: Database, settings: Settings, verdict: Verdict) -> None:
    """Keep a verdict on whole accounts, and their figures; where that fails, it is logged, and those before stay.

    A single account has no figures kept: whoever asks adds them up as fast.
    """
    try:
        rows = figures(database, verdict) if len(settings.accounts) > 1 else ()
        verdicts.keep(database, verdict, settings.groups, rows)
    except InventoryError as error:
        _log.warning("verdict.dropped", error=str(error))


def figures(database: Database, verdict: Verdict) -> Sequence[AccountOverview]:
    """Add up the figures of each account that was judged, as of the verdict's moment."""
    with database.reading_twice() as readers:
        parts = in_parts(readers.connection, sorted(verdict.accounts))
        questions = [Question(verdict.now, accounts=part) for part in parts]
        answers = readers.of_each(questions, lambda reader, question: ask(reader, AccountOverview, question))
        return [row for rows in answers for row in rows]
