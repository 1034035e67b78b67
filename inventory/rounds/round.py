"""A round: every chosen account synced once, several at a time. `sync` makes one round, the daemon many.

    accounts | a lane for each, as many as are synced at once | reports, in the order of the configuration

Lanes share the database, which gives each its turn to write, and the pace of a token. All else is a lane's own, and is
let go with it.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import datetime, timedelta

import structlog

from inventory.digitalocean.client import Client
from inventory.digitalocean.pace import Paces
from inventory.errors import AuthenticationError, ConfigurationError, InventoryError, Kept
from inventory.judging.overdue import WITHOUT_SCHEDULE
from inventory.process.clock import utc_now
from inventory.process.cycles import collecting_seldom
from inventory.process.exhaustion import exhausted
from inventory.rounds.adding_up import add_up_after
from inventory.rounds.tokens import Tokens
from inventory.settings.accounts import AccountSettings
from inventory.settings.load import Settings
from inventory.settings.schedule import Schedule
from inventory.store.engine import Database, memory
from inventory.store.sqlite_file import sqlite_file_exists
from inventory.store.upgrade import require_current, upgrade
from inventory.sync.order import Job, Order
from inventory.sync.result import SyncReport, crashed, not_started
from inventory.sync.run import sync
from inventory.sync.watch import Listener
from inventory.vocabulary import RunStatus

_log: structlog.stdlib.BoundLogger = structlog.get_logger("inventory.sync")


@contextmanager
def opened(settings: Settings, *, is_dry_run: bool = False, known: Database | None = None) -> Iterator[Database]:
    """Open the database, created or upgraded where this round may do so; a dry run changes nothing.

    A database that was opened before, `known`, is not created again: if it is missing, its place may not be mounted.

    Raises:
        DatabaseError: It cannot be used, or is out of reach.
    """
    with closing(known or Database(settings.database_url.get_secret_value())) as database:
        if is_dry_run and database.path and not sqlite_file_exists(database.path):
            with closing(memory(instead_of=database.path)) as nothing:
                upgrade(nothing)
                yield nothing
            return
        if is_dry_run or known or not settings.auto_migrate:
            require_current(database, settings.database_source)
        else:
            upgrade(database)
        yield database


class Round:
    """Syncs accounts, several at once, each in a lane of its own."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        order: Order,
        tokens: Tokens,
        *,
        follow: Callable[[str], AbstractContextManager[Listener]],
        interrupted_by: Callable[[], int | None],
        next_due: Callable[[], datetime] | None = None,
        is_due: Callable[[str], bool] = lambda _account: True,
    ) -> None:
        """Prepare.

        Args:
            settings: How many accounts at once, and how each is asked.
            database: Open, and of the newest tables.
            order: What the user asks for.
            tokens: Those of the rounds before, too.
            follow: Gives the listener that follows the sync of the account of this name.
            interrupted_by: Gives the number of the signal that asked to stop, or None.
            next_due: Gives when an account that is synced now is due again; by default as the schedule says.
            is_due: Tells, when its turn has come, whether the account of this name is synced at all.
        """
        self._settings = settings
        self._database = database
        self._order = order
        self._tokens = tokens
        self._follow = follow
        self._interrupted_by = interrupted_by
        self._next_due = next_due or self._scheduled
        self._is_due = is_due
        self._paces = Paces(settings.requests_per_second, clock=utc_now)
        self._configured = frozenset(each.name for each in settings.accounts)

    def sync(self, accounts: Iterable[AccountSettings]) -> Iterator[SyncReport]:
        """Yield what each account's sync came to, in this order.

        A failure of one, or a bug in it, does not stop the others. A signal stops those under way, and no other begins;
        the first one always does, so that there is a report.
        """
        with _lanes(self._settings.accounts_at_once) as lanes, collecting_seldom():
            turns = deque(
                lanes.submit(self.turn, account, is_first=number == 0) for number, account in enumerate(accounts)
            )
            while turns:
                if report := turns.popleft().result():
                    yield report

    def turn(self, account: AccountSettings, *, is_first: bool) -> SyncReport | None:
        """Sync an account whose turn has come, and log it; None after a signal, and where it is not due.

        A token file is read now, and again if the token was rejected: it may just have been replaced.
        """
        if self._interrupted_by() and not is_first:
            return None
        if account.problem:
            return self._kept_out(account, account.problem)
        if not self._is_due(account.name):
            return None
        current = self._tokens.reread(account)
        report = _logged(self._sync(current))
        if report.failure == AuthenticationError.outcome and (newer := self._tokens.reread(current)) != current:
            _log.info("token.reread", account=account.name, token_file=account.token_file)
            report = _logged(self._sync(newer))
        if not self._interrupted_by():
            add_up_after(self._database, report)
        return report

    def _sync(self, account: AccountSettings) -> SyncReport:
        """Sync one account; what keeps it from starting, or a bug, is a report too, so that the others go on."""
        job = self._job(account)
        _log.debug("sync.started", account=job.account, trigger=self._order.trigger, mode=self._order.mode)
        try:
            with self._client(account) as client, self._follow(job.account) as listener:
                return sync(
                    self._database, client, job, clock=utc_now, listener=listener, interrupted_by=self._interrupted_by
                )
        except InventoryError as error:
            return not_started(job, self._database.shown, error, utc_now())
        except Exception as error:  # noqa: BLE001 - the others survive a bug
            if lack := exhausted(error):
                lacking = InventoryError(lack, kept=Kept.WRITTEN_STAYS)
                return not_started(job, self._database.shown, lacking, utc_now())
            return crashed(job, self._database.shown, error, utc_now())

    def _kept_out(self, account: AccountSettings, problem: str) -> SyncReport:
        """Report that the account's own file keeps it out; it is logged once, not in every round."""
        report = not_started(self._job(account), self._database.shown, ConfigurationError(problem), utc_now())
        return _logged(report) if self._tokens.is_new(account.name, problem) else report

    def _client(self, account: AccountSettings) -> Client:
        return Client(
            account.token,
            origin=self._settings.api_url,
            pace=self._paces.of(account.token),
            ca_file=self._settings.ca_file,
        )

    def _scheduled(self) -> datetime:
        return Schedule(self._settings.schedule).after(utc_now())

    def _job(self, account: AccountSettings) -> Job:
        return Job(
            account=account.name,
            selection=account.droplets,
            configured_accounts=self._configured,
            deadline=timedelta(minutes=self._settings.run_deadline_minutes),
            order=self._order,
            overdue_after=self._settings.rules.sync_overdue_after or WITHOUT_SCHEDULE,
            next_due_at=None if self._order.droplets else self._next_due(),
        )


@contextmanager
def _lanes(number: int) -> Iterator[ThreadPoolExecutor]:
    """Give so many threads; at the end of the block what they have begun is finished, and nothing else."""
    executor = ThreadPoolExecutor(number, thread_name_prefix="lane")
    try:
        yield executor
    finally:
        executor.shutdown(cancel_futures=True)


def _logged(report: SyncReport) -> SyncReport:
    """Log what a sync came to: one record for the whole, one for each Droplet that has a problem."""
    for droplet in report.droplets:
        if droplet.error:
            _log.warning(
                "droplet.failed",
                account=report.account,
                droplet_id=droplet.droplet_id,
                droplet=droplet.name,
                outcome=droplet.outcome,
                error=droplet.error,
            )
    if report.traceback:
        _log.error("sync.crashed", account=report.account, exception=report.traceback)
    is_well = report.status in (RunStatus.COMPLETE, RunStatus.BUSY, RunStatus.INTERRUPTED)
    getattr(_log, "info" if is_well else "warning")(
        "sync.finished",
        account=report.account,
        run_id=report.run_id,
        status=report.status,
        exit_code=report.exit_code,
        droplets=report.droplets_selected,
        appeared=report.counts["backups_appeared"],
        ended=report.counts["backups_ended"],
        held=report.counts["backups_held"],
        failed=report.counts["droplets_failed"] + report.counts["droplets_incomplete"],
        requests=report.requests,
        seconds=round((report.finished_at - report.started_at).total_seconds(), 3),
        error=report.error,
        notes=report.notes,
    )
    return report
