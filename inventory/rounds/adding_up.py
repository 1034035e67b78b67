"""Add up the days and months that are over of an account that was just synced."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from traceback import format_exception

import structlog

from inventory.errors import InventoryError
from inventory.store import account_days, account_months
from inventory.store.engine import Database
from inventory.sync.result import SyncReport
from inventory.views.queries import Question, ask
from inventory.views.rows import FleetSizeOnDay, KnownDroplet, MonthCoverage, MonthlyCost

# All windows since a month a year ago are laid out: of so many Droplets that takes seconds.
_DROPLETS_AT_ONCE = 2_000

_log: structlog.stdlib.BoundLogger = structlog.get_logger("inventory.days")


def add_up_after(database: Database, report: SyncReport) -> None:
    """Keep what the account came to, as of the beginning of its run: before it, all that was learned is stored.

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
    """Keep what the account's days and months came to, as far as they are over and were not added up yet.

    Raises:
        DatabaseError: A kind of it; what was already added up is kept.
    """
    _add_up_days(database, account, as_of)
    _add_up_months(database, account, as_of)


def _add_up_days(database: Database, account: str, as_of: datetime) -> None:
    with database.reading() as connection:
        days = account_days.find_open(connection, account, as_of)
        if days is None:
            return
        since, until = _midnight(days.first), _midnight(days.last + timedelta(days=1))
        rows = ask(connection, FleetSizeOnDay, Question(as_of, since=since, until=until, accounts=[account]))
    with database.writing() as connection:
        account_days.keep(connection, days, rows, as_of)


def _add_up_months(database: Database, account: str, as_of: datetime) -> None:
    with database.reading() as connection:
        months = account_months.find_open(connection, account, as_of)
        if months is None:
            return
        of_all = Question(as_of, accounts=[account])
        in_months = replace(of_all, since=_midnight(months.first), until=_midnight(months.next))
        ids = [each.droplet_id for each in ask(connection, KnownDroplet, of_all)]
        costs: list[MonthlyCost] = []
        coverage: list[MonthCoverage] = []
        for begin in range(0, len(ids), _DROPLETS_AT_ONCE):
            some = replace(in_months, droplet_ids=ids[begin : begin + _DROPLETS_AT_ONCE])
            costs += ask(connection, MonthlyCost, some)
            coverage += ask(connection, MonthCoverage, some)
    with database.writing() as connection:
        account_months.keep(connection, months, costs, coverage, as_of)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
