"""A round: every chosen account synced once, one after the other. `sync` makes one round, the daemon many."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta

import structlog

from inventory.digitalocean.client import Client
from inventory.errors import AuthenticationError, InventoryError
from inventory.judging.overdue import WITHOUT_SCHEDULE
from inventory.process.clock import utc_now
from inventory.settings.load import AccountSettings, Settings
from inventory.store.engine import Database, memory
from inventory.store.sqlite_file import sqlite_file_exists
from inventory.store.upgrade import require_current, upgrade
from inventory.sync.order import Job, Order
from inventory.sync.result import SyncReport, not_started
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


@dataclass(frozen=True, slots=True)
class Round:
    """Syncs accounts in turn.

    Attributes:
        order: What the user asks for.
        follow: Gives the listener that follows one account's sync.
        interrupted_by: Gives the number of the signal that asked to stop, or None.
    """

    settings: Settings
    database: Database
    order: Order
    follow: Callable[[], AbstractContextManager[Listener]]
    interrupted_by: Callable[[], int | None]

    def sync(self, accounts: Iterable[AccountSettings]) -> Iterator[SyncReport]:
        """Yield what each account's sync came to; a failure of one does not stop the others, a signal does.

        A token file is read when its account's turn comes, and again if the token was rejected: it may just have been
        replaced.
        """
        for account in accounts:
            current = account.reread()
            report = _logged(self._sync(current))
            if report.failure == AuthenticationError.outcome and (newer := current.reread()) != current:
                _log.info("token.reread", account=account.name, token_file=account.token_file)
                report = _logged(self._sync(newer))
            yield report
            if self.interrupted_by():
                return

    def _sync(self, account: AccountSettings) -> SyncReport:
        """Sync one account; an error that keeps it from starting is a report too, so that the others get their turn."""
        job = self._job(account)
        _log.debug("sync.started", account=job.account, trigger=self.order.trigger, mode=self.order.mode)
        try:
            with self._client(account) as client, self.follow() as listener:
                return sync(
                    self.database, client, job, clock=utc_now, listener=listener, interrupted_by=self.interrupted_by
                )
        except InventoryError as error:
            return not_started(job, self.database.shown, error, utc_now())

    def _client(self, account: AccountSettings) -> Client:
        return Client(
            account.token,
            origin=self.settings.api_url,
            requests_per_second=self.settings.requests_per_second,
            ca_file=self.settings.ca_file,
        )

    def _job(self, account: AccountSettings) -> Job:
        return Job(
            account=account.name,
            selection=account.droplets,
            configured_accounts=frozenset(each.name for each in self.settings.accounts),
            deadline=timedelta(minutes=self.settings.run_deadline_minutes),
            order=self.order,
            overdue_after=self.settings.rules.sync_overdue_after or WITHOUT_SCHEDULE,
        )


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
    level = "info" if report.status in (RunStatus.COMPLETE, RunStatus.INTERRUPTED) else "warning"
    getattr(_log, level)(
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
