"""Judge what a round left, and keep the verdict for whoever asks later."""

from collections.abc import Collection

import structlog

from inventory.errors import InventoryError
from inventory.judging.evidence import inspect
from inventory.judging.verdict import Verdict
from inventory.process.clock import utc_now
from inventory.settings.load import Settings
from inventory.store import verdicts
from inventory.store.engine import Database
from inventory.store.notices import undelivered

_log: structlog.stdlib.BoundLogger = structlog.get_logger("inventory.verdict")


def judged(database: Database, settings: Settings, accounts: Collection[str] | None) -> Verdict:
    """Judge these accounts, all that were ever synced if that is None, and keep the verdict.

    One that cannot be kept is logged and changes nothing else: the one before stays.
    """
    now = utc_now().replace(microsecond=0)
    with database.reading() as connection:
        channels = undelivered(connection, settings.channels, now)
        verdict = inspect(connection, now, settings.rules, settings.exemptions, accounts=accounts, channels=channels)
    keep(database, settings, verdict)
    return verdict


def keep(database: Database, settings: Settings, verdict: Verdict) -> None:
    """Keep a verdict on whole accounts; one that cannot be kept is logged, and the one before stays."""
    try:
        verdicts.keep(database, verdict, settings.groups)
    except InventoryError as error:
        _log.warning("verdict.dropped", error=str(error))
