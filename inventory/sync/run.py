"""One sync of one account, from the token to the report.

    discovery.discover            which Droplets, and what the API says of them
    | fetcher.each(looks.listed)  a few at a time, their backups; looks.proven where nothing can have changed
    | intake.take                 ledger.enter: load, reconcile.plan, apply, one transaction for many looks
    | intake.settle               when all were looked at: the ends that had to wait, written or held back
    | ledger.finish               the run's record, which says the same as the report

Every foreseen failure of one Droplet is a value in the report (R10); one that concerns the whole run ends it, with what
was written before kept. Killed at any instruction and run again, it ends in the same state (R4).
"""

import gc
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple, Protocol

from inventory.digitalocean.client import Client
from inventory.errors import (
    EXIT_COMPLETE,
    EXIT_FAILED,
    EXIT_HELD,
    EXIT_MEND,
    EXIT_PARTIAL,
    SIGNAL_BASE,
    ApiError,
    AuthenticationError,
    ClockError,
    InterruptedSyncError,
    InventoryError,
    LeaseLostError,
    PermissionDeniedError,
    RequestTimeoutError,
    TransientError,
)
from inventory.history.detection import Remembered, proven_unchanged
from inventory.model import Account, Attempt, Failed, Selection
from inventory.process.clock import CLOCK_TOLERANCE
from inventory.store.engine import Database
from inventory.store.runs import KnownDroplet
from inventory.sync.account import are_telling, check_token, read_account
from inventory.sync.attempts import Attempts
from inventory.sync.discovery import Discovery, discover
from inventory.sync.fetching import Fetcher
from inventory.sync.intake import Intake
from inventory.sync.ledger import Ledger
from inventory.sync.result import DropletReport, SyncReport
from inventory.vocabulary import Outcome, RunMode, RunStatus, Trigger

_HEARTBEAT_SECONDS = 20.0

# After so many Droplets in a row without an answer the account is left for the next run.
_FAILURES_IN_A_ROW = 20
_UNANSWERED = (TransientError.outcome, RequestTimeoutError.outcome)

# So many more values made than forgotten make Python look for cycles; by default 700.
_COLLECT_AFTER = 20_000


class Listener(Protocol):
    """Who is told of the progress while a sync runs, in the thread that runs it."""

    def started(self, droplets: int) -> None:
        """So many Droplets will be looked at."""

    def progressed(self, droplets: int, requests: int, waiting_until: datetime | None) -> None:
        """So many were looked at; called several times a second. `waiting_until`: the rate limit is used up."""

    def accepting(self, droplets: Sequence[DropletReport]) -> None:
        """These ends are about to be written because the user accepted them."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a sync is asked to do.

    Attributes:
        account: The account's name in the configuration.
        configured_accounts: The names of all configured accounts.
        deadline: How long the run may take; what it did not reach comes first in the next.
        droplets: Names or ids that narrow the selection; empty: all of it.
        is_full: List every Droplet, also those that are proven unchanged without.
        accept_gone: End at once what the brake would hold back.
        is_verbose: Report routine changes too.
    """

    account: str
    selection: Selection
    configured_accounts: frozenset[str]
    deadline: timedelta
    droplets: frozenset[str] = frozenset()
    is_full: bool = False
    accept_gone: bool = False
    is_dry_run: bool = False
    is_verbose: bool = False
    trigger: Trigger = Trigger.COMMAND

    @property
    def mode(self) -> RunMode:
        """The run's `mode`: only one over the whole configuration can be the last complete one."""
        if self.droplets:
            return RunMode.SUBSET
        return RunMode.LISTING if self.is_full else RunMode.DETECTION


class _Ending(NamedTuple):
    """How a run ended; the attributes are those of `SyncReport`."""

    status: RunStatus
    exit_code: int
    error: str | None
    failure: Outcome | None = None


class _CutShortError(InventoryError):
    """The run ends before it has looked at everything; what it reached is kept."""


def sync(
    database: Database,
    client: Client,
    order: Order,
    *,
    clock: Callable[[], datetime],
    listener: Listener,
    interrupted_by: Callable[[], int | None] = lambda: None,
    threads: int = 4,
) -> SyncReport:
    """Look at the Droplets of one account and keep what was seen.

    `interrupted_by` gives the number of the signal that asked to stop, or None.

    Raises:
        SyncRunningError: Another sync holds the account; nothing was done.
        LeaseLostError: Another sync took over.
        ClockError: This machine's clock is wrong; nothing was written.
        InterruptedSyncError: A signal came before the run had begun.
    """
    with _collecting_seldom():
        return _Run(database, client, order, clock, listener, interrupted_by).run(threads)


@contextmanager
def _collecting_seldom() -> Iterator[None]:
    """Look for cycles among fewer of the values: a sync makes many that live on, and hardly any in cycles."""
    before = gc.get_threshold()
    gc.set_threshold(_COLLECT_AFTER, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


@dataclass(slots=True)
class _Run:
    """The state of one run."""

    database: Database
    client: Client
    order: Order
    clock: Callable[[], datetime]
    listener: Listener
    interrupted_by: Callable[[], int | None]
    _intake: Intake | None = None
    ends_at: float = 0.0
    renewed_at: float = 0.0
    selected: int | None = None
    is_whole: bool = True
    cut_short: str | None = None
    looked: int = 0
    unanswered: int = 0

    def run(self, threads: int) -> SyncReport:
        started_at = self.clock()
        self.ends_at = time.monotonic() + self.order.deadline.total_seconds()
        with Fetcher(threads, tick=self._tick, stop=self.client.stop) as fetcher:
            # Asked before anything is written: it shows whether this machine's clock can be trusted.
            found = fetcher.one(partial(read_account, self.client))
            self._check_clock()
            self._intake = self._begin()
            ending = self._judged(fetcher, found)
        return SyncReport(
            account=self.order.account,
            database=self.database.shown,
            run_id=self.ledger.run_id,
            status=ending.status,
            exit_code=ending.exit_code,
            mode=self.order.mode,
            is_dry_run=self.order.is_dry_run,
            started_at=started_at,
            finished_at=self.clock(),
            droplets_selected=self.selected,
            counts=self.intake.counts,
            requests=self.client.requests,
            rate_limit_remaining=self.client.rate_limit_remaining,
            droplets=tuple(self.intake.droplets),
            notes=tuple(self.intake.notes),
            error=ending.error,
            failure=ending.failure,
            last_complete_at=self.ledger.last_complete_at,
        )

    @property
    def intake(self) -> Intake:
        """What was taken in, from the moment the lease is taken."""
        assert self._intake is not None
        return self._intake

    @property
    def ledger(self) -> Ledger:
        """The books."""
        return self.intake.ledger

    def _begin(self) -> Intake:
        self.renewed_at = time.monotonic()
        order = self.order
        ledger = (
            Ledger.begin_dry(self.database, order.account, clock=self.clock)
            if order.is_dry_run
            else Ledger.begin(self.database, order.account, trigger=order.trigger, mode=order.mode, clock=self.clock)
        )
        return Intake(
            ledger,
            before_writing=self._before_writing,
            accepting=self.listener.accepting if order.accept_gone else None,
            is_verbose=order.is_verbose,
        )

    def _before_writing(self) -> None:
        """Look at the clock once more; to write renews the lease."""
        self._check_clock()
        self.renewed_at = time.monotonic()

    def _judged(self, fetcher: Fetcher, found: Account | ApiError) -> _Ending:
        """Do the work, close the run's record whatever happens, and say how it ended."""
        try:
            self._work(fetcher, found)
            ending = self._ending()
        except LeaseLostError:
            raise
        except InterruptedSyncError as error:
            ending = _Ending(RunStatus.INTERRUPTED, SIGNAL_BASE + error.signal_number, str(error))
        except InventoryError as error:
            failure = error.outcome if isinstance(error, ApiError) else None
            ending = _Ending(RunStatus.FAILED, error.exit_code, str(error), failure)
        except BaseException as error:
            with suppress(InventoryError):
                self._finish(RunStatus.FAILED, f"a bug ended the run: {type(error).__name__}")
            raise
        finally:
            self.client.stop()
        self._finish(ending.status, ending.error, ending.failure)
        return ending

    def _finish(self, status: RunStatus, error: str | None, failure: Outcome | None = None) -> None:
        figures = {
            **self.intake.counts,
            "droplets_selected": self.selected,
            "requests": self.client.requests,
            "rate_limit_remaining": self.client.rate_limit_remaining,
            "error": error or ("; ".join(self.intake.notes) or None),
            "failure": failure,
        }
        self.ledger.finish(status, figures)

    def _ending(self) -> _Ending:
        """Say how a run ended that nothing stopped."""
        selected, complete = self.selected or 0, self.intake.counts["droplets_complete"]
        missed = f"{selected - complete} of {selected} Droplets were not looked at" if complete < selected else None
        why = self.cut_short or missed or (None if self.is_whole else "; ".join(self.intake.notes))
        if self.intake.outcomes[Outcome.HELD]:
            return _Ending(RunStatus.HELD, EXIT_HELD, why)
        if not why:
            return _Ending(RunStatus.COMPLETE, EXIT_COMPLETE, None)
        if complete:
            return _Ending(RunStatus.PARTIAL, EXIT_PARTIAL, why)
        is_forbidden = self.intake.outcomes.keys() == {PermissionDeniedError.outcome}
        return _Ending(RunStatus.FAILED, EXIT_MEND if is_forbidden else EXIT_FAILED, why)

    def _work(self, fetcher: Fetcher, found: Account | ApiError) -> None:
        order, ledger = self.order, self.ledger
        if isinstance(found, AuthenticationError):
            raise found
        account = found if isinstance(found, Account) else None
        ledger.check_account(account, order.configured_accounts)
        known = ledger.known()
        # While the listings are on their way: what another account takes over meanwhile is left out below (R6).
        recall = fetcher.ahead(ledger.remembered) if order.mode == RunMode.DETECTION else None
        discovery = discover(self.client, fetcher, order.selection, known, wanted=order.droplets, clock=self.clock)
        if not order.accept_gone:
            check_token(order.account, known, discovery)
        self._check_clock()
        if account is not None:
            ledger.keep_account(account)
        self.is_whole = discovery.is_whole
        self.intake.notes.extend(discovery.notes)
        elsewhere = ledger.owned_elsewhere(order.configured_accounts, [*discovery.droplets])
        self.intake.notes.extend(
            f'Droplet {number} belongs to account "{owner}", which lists it too: left alone here'
            for number, owner in sorted(elsewhere.items())
        )
        ledger.unselect(sorted(discovery.unselected))
        numbers = (discovery.droplets.keys() | discovery.failures.keys()) - elsewhere.keys()
        targets = sorted(numbers, key=partial(_longest_unlooked, known))
        self.selected = len(targets)
        self.listener.started(len(targets))
        attempts = Attempts(
            client=self.client,
            discovery=discovery,
            account_id=ledger.account.id,
            is_uuid_known=account is not None and account.uuid == ledger.account.uuid,
            is_token_trusted=order.accept_gone or not are_telling(known),
            accept_disagreeing_total=order.accept_gone and bool(order.droplets),
            clock=self.clock,
        )
        proven = _proven(discovery, targets, *recall()) if recall else set()
        for number in targets:
            if number in proven:
                self._take(attempts.proven(number))
        self._attempt_all(fetcher, [number for number in targets if number not in proven], attempts.listed)
        self.listener.progressed(self.looked, self.client.requests, None)
        self.intake.settle()

    def _attempt_all(self, fetcher: Fetcher, targets: Sequence[int], attempt: Callable[[int], Attempt]) -> None:
        try:
            for _, taken in fetcher.each(attempt, targets):
                self._take(taken)
        except _CutShortError as error:
            self.cut_short = str(error)
            self.client.stop()
        self.intake.flush()

    def _take(self, attempt: Attempt) -> None:
        self.looked += 1
        self.intake.take(attempt)
        # Counted here, not where they are asked: the threads are ahead of what is kept.
        if attempt.droplet is not None:
            is_unanswered = isinstance(attempt, Failed) and attempt.outcome in _UNANSWERED
            self.unanswered = self.unanswered + 1 if is_unanswered else 0
        if self.unanswered >= _FAILURES_IN_A_ROW:
            raise _CutShortError(
                f"DigitalOcean gave no answer {_FAILURES_IN_A_ROW} times in a row; stopped after {self.looked} of "
                f"{self.selected} Droplets"
            )

    def _check_clock(self) -> None:
        skew = self.client.clock_skew
        if skew is not None and abs(skew) > CLOCK_TOLERANCE:
            way = "ahead of" if skew > timedelta(0) else "behind"
            raise ClockError(
                f"this machine's clock is {abs(skew)} {way} DigitalOcean's. Nothing was written; set the clock."
            )

    def _tick(self) -> None:
        """Keep the lease and give up where a signal or the deadline says so; called while answers are awaited."""
        self.listener.progressed(self.looked, self.client.requests, self.client.waiting_until)
        if signal_number := self.interrupted_by():
            raise InterruptedSyncError("interrupted; what was written stays", signal_number=signal_number)
        if time.monotonic() > self.ends_at:
            minutes = self.order.deadline.total_seconds() / 60
            raise _CutShortError(f"stopped after {minutes:g} min at Droplet {self.looked} of {self.selected or 'any'}")
        if self._intake and time.monotonic() - self.renewed_at > _HEARTBEAT_SECONDS:
            self.renewed_at = time.monotonic()
            self.ledger.renew()


def _proven(
    discovery: Discovery,
    targets: Iterable[int],
    remembered: Mapping[int, Remembered],
    last_run_at: datetime | None,
) -> set[int]:
    droplets = (discovery.droplets[number] for number in targets if number in discovery.droplets)
    return proven_unchanged(droplets, remembered, now=discovery.began_at, last_run_at=last_run_at)


def _longest_unlooked(known: dict[int, KnownDroplet], number: int) -> tuple[bool, float, int]:
    """Sort key: Droplets never looked at, then those whose last look is longest ago."""
    last = known[number].last_observed_at if number in known else None
    return (last is not None, last.timestamp() if last else 0.0, number)
