"""Add up the days that are over of an account that was just synced."""

from datetime import UTC, date, datetime, time, timedelta
from traceback import format_exception

import structlog

from inventory.errors import InventoryError
from inventory.store import account_days
from inventory.store.engine import Database
from inventory.sync.result import SyncReport
from inventory.views.queries import Question, ask
from inventory.views.rows import FleetSizeOnDay

_log: structlog.stdlib.BoundLogger = structlog.get_logger("inventory.days")


def add_up_after(database: Database, report: SyncReport) -> None:
    """Keep what the account's days came to, as of the beginning of its run: before it, all that was learned is stored.

    Where that fails, by a bug too, it is logged: whoever asks adds up more.
    """
    if report.is_dry_run or not report.has_begun:
        return
    try:
        add_up(database, report.account, report.started_at)
    except InventoryError as error:
        _log.warning("days.dropped", account=report.account, error=str(error))
    except Exception as bug:  # noqa: BLE001 - the reports of other accounts survive a bug
        _log.error("days.crashed", account=report.account, exception="".join(format_exception(bug)))


def add_up(database: Database, account: str, as_of: datetime) -> None:
    """Keep what the account's days came to, as far as they are over and were not added up yet.

    Raises:
        DatabaseError: A kind of it; nothing was kept.
    """
    with database.reading() as connection:
        days = account_days.find_open(connection, account, as_of)
        if days is None:
            return
        since, until = _midnight(days.first), _midnight(days.last + timedelta(days=1))
        rows = ask(connection, FleetSizeOnDay, Question(as_of, since=since, until=until, accounts=[account]))
    with database.writing() as connection:
        account_days.keep(connection, days, rows, as_of)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
