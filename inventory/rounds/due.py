"""When accounts are due, where several processes look at one database.

Each run that ends says in `accounts.next_due_at` when its account is due again. What another process has just looked at
is left alone, so that two daemons do the work of one.
"""

from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from inventory.errors import EXIT_BUSY, EXIT_COMPLETE, InventoryError
from inventory.process.clock import utc_now
from inventory.settings.load import Settings
from inventory.settings.schedule import Schedule
from inventory.store import runs
from inventory.store.engine import Database
from inventory.sync.result import SyncReport, exit_code_of
from inventory.vocabulary import RunStatus


def is_due(due: datetime | None, now: datetime, *, next_look: datetime, longest_gap: timedelta) -> bool:
    """Tell whether an account that is due at `due` is looked at now, or only when this process looks next. Pure.

    It is looked at where it is due nearer to now: the next look would come later than it must. A due time that lies
    further ahead than the schedule reaches says that a clock was wrong, or that the schedule was another one.
    """
    if due is None or due - now > longest_gap:
        return True
    return due - now < next_look - due


class Ticks:
    """What a process that looks at its own ticks leaves to others; it knows the due times that it gave itself."""

    def __init__(self) -> None:
        self._given: datetime | None = None
        self._before: datetime | None = None
        self._longest_gap = timedelta(0)

    def begin(self, next_look: datetime, longest_gap: timedelta) -> None:
        """Begin a round; what it syncs is due again at `next_look`, and always within the schedule's longest gap."""
        self._before, self._given = self._given, next_look.replace(microsecond=0)
        self._longest_gap = longest_gap

    def is_due(self, due: datetime | None, now: datetime) -> bool:
        """Tell whether an account's turn has come; what this process did last is due, whatever a clock did since."""
        if self._given is None or (due is not None and due == self._before):
            return True
        return is_due(due, self._tick(now, self._given), next_look=self._given, longest_gap=self._longest_gap)

    def _tick(self, now: datetime, next_look: datetime) -> datetime:
        """Give the time for which this round was meant: of two that look in turn, a late one must not look too."""
        meant = self._before
        return meant if meant and timedelta(0) <= now - meant < next_look - now else now


def exit_code_with_others(
    database: Database, settings: Settings, reports: Sequence[SyncReport], accounts: Collection[str]
) -> int:
    """Return the exit code that stands for all these accounts, also for those that others hold or have done.

    It is a success if somebody has looked at each of them within the interval of the schedule.
    """
    code = exit_code_of(reports)
    others = set(accounts) - {report.account for report in reports if report.status == RunStatus.COMPLETE}
    if code not in (EXIT_COMPLETE, EXIT_BUSY) or not others:
        return code
    since = utc_now() - Schedule(settings.schedule).longest_gap
    with suppress(InventoryError), database.reading() as connection:
        return EXIT_BUSY if runs.not_looked_at(connection, others, since) else EXIT_COMPLETE
    return code
