"""One sync of one account, from the token to the report.

    account.read_account            whose token is it, and can this machine's clock be trusted?
    | ledger.begin                  the lease; from here on the run has a record
    | discovery.discover            which Droplets, and what the API says of them
    | fetcher.each(attempts.listed) a few at a time, their backups; attempts.proven where nothing can have changed
    | intake.take                   ledger.enter: load, reconcile, apply, one transaction for many attempts
    | intake.settle                 when all were looked at: the ends that had to wait, written or held back
    | ledger.finish                 the run's record, made from the report

Every foreseen failure of one Droplet is a value in the report (R10); one that concerns the whole run ends it, and what
was written before is kept. Killed at any instruction and run again, it ends in the same state (R4).
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from inventory.digitalocean.client import Client
from inventory.errors import (
    EXIT_BUG,
    EXIT_COMPLETE,
    EXIT_FAILED,
    EXIT_HELD,
    EXIT_NEEDS_CHANGE,
    EXIT_PARTIAL,
    ApiError,
    AuthenticationError,
    ClockError,
    InventoryError,
    Kept,
    PermissionDeniedError,
    RequestTimeoutError,
    TransientError,
)
from inventory.history.detection import Remembered, proven_unchanged
from inventory.model import Account, Attempt, Failed
from inventory.process.clock import CLOCK_TOLERANCE
from inventory.store.engine import Database
from inventory.store.remembered import KnownDroplet
from inventory.sync.account import are_telling, check_token, read_account
from inventory.sync.attempts import Attempts
from inventory.sync.discovery import Discovery, discover
from inventory.sync.fetching import Fetcher, threads_to_fetch
from inventory.sync.intake import Intake
from inventory.sync.ledger import Ledger
from inventory.sync.order import Job
from inventory.sync.result import Ending, SyncReport, ending_after, why_crashed
from inventory.sync.watch import CutShortError, Listener, Watch
from inventory.vocabulary import Outcome, RunMode, RunStatus

# After so many Droplets in a row without an answer the account is left for the next run.
_FAILURES_IN_A_ROW = 20
_UNANSWERED = (TransientError.outcome, RequestTimeoutError.outcome)


def sync(
    database: Database,
    client: Client,
    job: Job,
    *,
    clock: Callable[[], datetime],
    listener: Listener,
    interrupted_by: Callable[[], int | None] = lambda: None,
    threads: int = 4,
    seconds: Callable[[], float] = time.monotonic,
) -> SyncReport:
    """Look at the Droplets of one account and keep what was seen.

    `client` is stopped at the end. `interrupted_by` gives the number of the signal that asked to stop, or None;
    `seconds` is a monotonic clock.

    Raises:
        SyncRunningError: Another sync holds the account; nothing was done.
        ClockError: This machine's clock is wrong.
        InterruptedSyncError: A signal came before the run had begun.
    """
    started_at = clock()
    watch = Watch(client, listener, interrupted_by, job.deadline, seconds)
    with threads_to_fetch(threads, stop=client.stop) as executor:
        found = Fetcher(executor, watch.check).one(partial(read_account, client))
        _check_clock(client)
        ledger = Ledger.begin(database, job, clock=clock, seconds=seconds)
        intake = Intake(
            ledger,
            before_writing=partial(_check_clock, client),
            accepting=listener.accepting if job.order.accept_gone else None,
            is_verbose=job.order.is_verbose,
            seconds=seconds,
        )
        run = _Run(
            job=job,
            client=client,
            clock=clock,
            listener=listener,
            watch=watch,
            fetcher=Fetcher(executor, partial(_tick, watch, ledger)),
            ledger=ledger,
            intake=intake,
            started_at=started_at,
        )
        return run.complete(found)


def _tick(watch: Watch, ledger: Ledger) -> None:
    watch.check()
    ledger.keep_lease()


def _check_clock(client: Client) -> None:
    """Refuse a clock by which stamps would be wrong (R5).

    Raises:
        ClockError: This machine's clock is too far from the API's.
    """
    skew = client.clock_skew
    if skew is not None and abs(skew) > CLOCK_TOLERANCE:
        way = "ahead of" if skew > timedelta(0) else "behind"
        raise ClockError(
            f"this machine's clock is {abs(skew)} {way} DigitalOcean's",
            kept=Kept.NOTHING_CHANGED,
            to_do="set the clock.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """A run that holds the lease.

    Attributes:
        started_at: Before the first question.
    """

    job: Job
    client: Client
    clock: Callable[[], datetime]
    listener: Listener
    watch: Watch
    fetcher: Fetcher
    ledger: Ledger
    intake: Intake
    started_at: datetime

    def complete(self, found: Account | ApiError) -> SyncReport:
        """Do the work, close the run's record whatever happens, and report both.

        `found` is what `/v2/account` answered.
        """
        try:
            ending = self._work(found)
        except InventoryError as error:
            ending = self._ending_after(error)
        except BaseException as error:
            self._close(Ending(RunStatus.FAILED, EXIT_BUG, why_crashed(error)))
            raise
        finally:
            self.client.stop()
        return self._close(ending)

    def _ending_after(self, error: InventoryError) -> Ending:
        return ending_after(error, has_written=self.ledger.has_written)

    def _close(self, ending: Ending) -> SyncReport:
        """Close the run's record; where that fails, the report still says what was written."""
        report = self._report(ending)
        try:
            self.ledger.finish(report)
        except InventoryError as error:
            is_ended_by_another = ending.status in (RunStatus.FAILED, RunStatus.INTERRUPTED)
            return report if is_ended_by_another else self._report(self._ending_after(error))
        return report

    def _report(self, ending: Ending) -> SyncReport:
        return SyncReport(
            account=self.job.account,
            database=self.ledger.database.shown,
            run_id=self.ledger.run_id,
            status=ending.status,
            exit_code=ending.exit_code,
            mode=self.job.order.mode,
            is_dry_run=self.job.order.is_dry_run,
            started_at=self.started_at,
            finished_at=self.clock(),
            droplets_selected=self.watch.selected,
            counts=self.intake.counts,
            requests=self.client.requests,
            rate_limit_remaining=self.client.rate_limit_remaining,
            droplets=tuple(self.intake.droplets),
            notes=tuple(self.intake.notes),
            error=ending.error,
            failure=ending.failure,
            last_complete_at=self.ledger.last_complete_at,
            kept=ending.kept,
        )

    def _work(self, found: Account | ApiError) -> Ending:
        account = self._checked(found)
        known = self.ledger.known()
        # While the listings are on their way. What another account takes over meanwhile is left out below (R6).
        recall = self.fetcher.ahead(self.ledger.remembered) if self.job.order.mode == RunMode.DETECTION else None
        discovery = self._discover(known, account)
        targets = self._targets(known, discovery)
        self.watch.selected = len(targets)
        self.listener.started(len(targets))
        attempts = self._attempts(known, discovery, account)
        proven = _proven(discovery, targets, *recall()) if recall else set()
        for number in targets:
            if number in proven:
                self._take(attempts.proven(number))
        cut_short = self._list([number for number in targets if number not in proven], attempts)
        self.listener.progressed(self.watch.looked, self.client.requests, None)
        self.intake.settle()
        self.intake.check_refusals()
        return self._ending(len(targets), cut_short, is_whole=discovery.is_whole)

    def _checked(self, found: Account | ApiError) -> Account | None:
        """Return whose token it is, None where the token may not say, after holding it to its account.

        Raises:
            AuthenticationError: The token is rejected.
            WrongAccountError: The token is another account's.
            ConfigurationError: Two configured accounts are one.
        """
        if isinstance(found, Account):
            self.ledger.check_account(found, self.job.configured_accounts)
            return found
        if isinstance(found, AuthenticationError):
            raise found
        return None

    def _discover(self, known: Mapping[int, KnownDroplet], account: Account | None) -> Discovery:
        """Find out which Droplets there are; from then on the token is trusted, and what it says is kept."""
        job = self.job
        discovery = discover(
            self.client, self.fetcher, job.selection, known, wanted=job.order.droplets, clock=self.clock
        )
        if not job.order.accept_gone:
            check_token(job.account, known, discovery)
        _check_clock(self.client)
        if account is not None:
            self.ledger.keep_account(account, job.configured_accounts)
        self.intake.notes.extend(discovery.notes)
        return discovery

    def _targets(self, known: Mapping[int, KnownDroplet], discovery: Discovery) -> list[int]:
        """Return the ids of the Droplets to look at, those that were not looked at for longest first."""
        elsewhere = self.ledger.owned_elsewhere(self.job.configured_accounts, [*discovery.droplets])
        self.intake.notes.extend(
            f'Droplet {number} belongs to account "{owner}", which lists it too: left alone here'
            for number, owner in sorted(elsewhere.items())
        )
        self.ledger.unselect(sorted(discovery.unselected))
        numbers = (discovery.droplets.keys() | discovery.failures.keys()) - elsewhere.keys()
        return sorted(numbers, key=partial(_longest_unlooked, known))

    def _attempts(self, known: Mapping[int, KnownDroplet], discovery: Discovery, account: Account | None) -> Attempts:
        order, stored = self.job.order, self.ledger.account
        return Attempts(
            client=self.client,
            discovery=discovery,
            account_id=self.ledger.account_id,
            is_account_known=bool(account and stored and stored.uuid and stored.is_account(account)),
            is_token_trusted=order.accept_gone or not are_telling(known),
            accept_disagreeing_total=order.accept_gone and bool(order.droplets),
            clock=self.clock,
        )

    def _list(self, targets: Sequence[int], attempts: Attempts) -> str | None:
        """List the backups of these Droplets; return why not all were reached, or None."""
        cut_short = None
        try:
            self._list_all(targets, attempts)
        except CutShortError as error:
            cut_short = str(error)
            self.client.stop()
        self.intake.flush()
        return cut_short

    def _list_all(self, targets: Sequence[int], attempts: Attempts) -> None:
        unanswered = 0
        for _, attempt in self.fetcher.each(attempts.listed, targets):
            self._take(attempt)
            # Counted here, not where they are asked: the threads are ahead of what is kept.
            unanswered = _in_a_row(unanswered, attempt)
            if unanswered >= _FAILURES_IN_A_ROW:
                raise CutShortError(
                    f"DigitalOcean gave no answer {unanswered} times in a row; stopped after {self.watch.looked} of "
                    f"{self.watch.selected} Droplets"
                )

    def _take(self, attempt: Attempt) -> None:
        self.watch.looked += 1
        self.intake.take(attempt)

    def _ending(self, selected: int, cut_short: str | None, *, is_whole: bool) -> Ending:
        """Say how a run ended that no error stopped."""
        complete = self.intake.counts["droplets_complete"]
        missed = f"{selected - complete} of {selected} Droplets were not looked at" if complete < selected else None
        why = cut_short or missed or (None if is_whole else "; ".join(self.intake.notes))
        if self.intake.outcomes[Outcome.HELD]:
            return Ending(RunStatus.HELD, EXIT_HELD, why)
        if not why:
            return Ending(RunStatus.COMPLETE, EXIT_COMPLETE, None)
        if complete:
            return Ending(RunStatus.PARTIAL, EXIT_PARTIAL, why)
        is_forbidden = self.intake.outcomes.keys() == {PermissionDeniedError.outcome}
        return Ending(RunStatus.FAILED, EXIT_NEEDS_CHANGE if is_forbidden else EXIT_FAILED, why)


def _proven(
    discovery: Discovery,
    targets: Iterable[int],
    remembered: Mapping[int, Remembered],
    last_run_at: datetime | None,
) -> set[int]:
    droplets = (discovery.droplets[number] for number in targets if number in discovery.droplets)
    return proven_unchanged(droplets, remembered, discovery.policies, now=discovery.began_at, last_run_at=last_run_at)


def _longest_unlooked(known: Mapping[int, KnownDroplet], number: int) -> tuple[bool, float, int]:
    """Sort key: Droplets never looked at, then those whose last look is longest ago."""
    last = known[number].last_observed_at if number in known else None
    return (last is not None, last.timestamp() if last else 0.0, number)


def _in_a_row(unanswered: int, attempt: Attempt) -> int:
    """Count the attempts in a row that got no answer; one for a Droplet that discovery could not read says nothing."""
    if attempt.droplet is None:
        return unanswered
    return unanswered + 1 if isinstance(attempt, Failed) and attempt.outcome in _UNANSWERED else 0
