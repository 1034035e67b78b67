"""What a sync came to: frozen values, ready to be shown on a terminal or as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from traceback import format_exception
from typing import Any, NamedTuple

from inventory.errors import (
    EXIT_BUG,
    EXIT_BUSY,
    EXIT_COMPLETE,
    EXIT_FAILED,
    EXIT_HELD,
    EXIT_NEEDS_CHANGE,
    EXIT_PARTIAL,
    EXIT_USAGE,
    SIGNAL_BASE,
    ApiError,
    InterruptedSyncError,
    InventoryError,
    Kept,
    SyncRunningError,
)
from inventory.history.changes import Change, Changeset, End
from inventory.model import Backup, BackupState, Proven
from inventory.sync.order import Job
from inventory.terminal.display import redactor
from inventory.vocabulary import BackupChange, GoneReason, Outcome, RunMode, RunStatus

# The columns of `sync_runs` that count.
COUNTS = (
    "droplets_complete",
    "droplets_proven",
    "droplets_incomplete",
    "droplets_failed",
    "droplets_changed",
    "backups_appeared",
    "backups_changed",
    "backups_returned",
    "backups_expired",
    "backups_ended",
    "backups_held",
)

_WORST_FIRST = (EXIT_USAGE, EXIT_NEEDS_CHANGE, EXIT_HELD, EXIT_PARTIAL, EXIT_BUSY, EXIT_FAILED)

# Outcomes that are counted as something else where they are no look.
_NOT_FAILED = (Outcome.INCOMPLETE, Outcome.HELD, Outcome.GONE)


@dataclass(frozen=True, slots=True)
class BackupEvent:
    """One thing that happened to one backup.

    Attributes:
        size_gigabytes_before: None except for a change of size.
        reason: Why it ended; None for other events.
    """

    event: BackupChange
    backup_id: int
    created_at: datetime
    size_gigabytes: float
    size_gigabytes_before: float | None = None
    reason: GoneReason | None = None


@dataclass(frozen=True, slots=True)
class DropletReport:
    """What one attempt to look at one Droplet came to.

    Attributes:
        name: None where the Droplet was never seen.
        error: Why it is not complete; None if it is.
        kept_as_of: The stamp of the last look, whose results are kept; None if this is a look, or none was before.
        events: Empty where nothing changed. Routine ones (appeared, expired) are among them.
        plan_before: The plan of the backup policy that was in force until this attempt; None where it is unknown.
    """

    droplet_id: int
    name: str | None
    outcome: Outcome
    error: str | None
    http_status: int | None
    kept_as_of: datetime | None
    is_new: bool
    is_gone: bool
    plan_before: str | None
    events: tuple[BackupEvent, ...]

    @property
    def is_notable(self) -> bool:
        """Whether it says more than that backups appeared or expired."""
        return (
            self.outcome not in (Outcome.COMPLETE, Outcome.GONE)
            or self.is_gone
            or any(event.event != BackupChange.APPEARED and event.reason != GoneReason.EXPIRED for event in self.events)
        )


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What one sync of one account came to.

    Attributes:
        run_id: Its row in `sync_runs`; None for a dry run.
        droplets_selected: None where the run ended before it knew.
        counts: The names of `COUNTS`, each with its number.
        rate_limit_remaining: As DigitalOcean last announced; None if it did not.
        droplets: The notable ones, in the order in which they were written; with `--verbose` all that changed.
        notes: Sentences that concern no single Droplet.
        error: Why the status is not complete; None if it is.
        failure: Of the error of the API that ended the run, or None.
        last_complete_at: When the last complete run before this one ended; None where none did.
        kept: What the error that ended the run left, where its sentence says so.
        traceback: Of the bug that ended the run; None where none did.
    """

    account: str
    database: str
    run_id: int | None
    status: RunStatus
    exit_code: int
    mode: RunMode
    is_dry_run: bool
    started_at: datetime
    finished_at: datetime
    droplets_selected: int | None
    counts: Mapping[str, int]
    requests: int
    rate_limit_remaining: int | None
    droplets: tuple[DropletReport, ...]
    notes: tuple[str, ...]
    error: str | None
    failure: Outcome | None
    last_complete_at: datetime | None
    kept: Kept | None = None
    traceback: str | None = None

    @property
    def has_begun(self) -> bool:
        """Whether there is more to say than why it failed as a whole, or who else syncs the account."""
        return self.status not in (RunStatus.FAILED, RunStatus.BUSY)


def recorded(report: SyncReport) -> dict[str, Any]:
    """Return what the run's record says beside its status and its times, by the columns of `sync_runs`."""
    return {
        **report.counts,
        "droplets_selected": report.droplets_selected,
        "requests": report.requests,
        "rate_limit_remaining": report.rate_limit_remaining,
        "error": report.error or ("; ".join(report.notes) or None),
        "failure": report.failure,
    }


class Ending(NamedTuple):
    """How a sync ended; the attributes are those of `SyncReport`."""

    status: RunStatus
    exit_code: int
    error: str | None
    failure: Outcome | None = None
    kept: Kept | None = None


def ending_after(error: InventoryError, *, has_written: bool) -> Ending:
    """Say how a sync ended that was ended by an error or a signal, perhaps after transactions that stay."""
    if isinstance(error, InterruptedSyncError):
        error.kept = Kept.WRITTEN_STAYS if has_written else Kept.NOTHING_CHANGED
    elif has_written:
        error.comes_after_writes()
    # It is stored, where others read it, and an exception's text may quote what was sent.
    text = redactor()(str(error))
    if isinstance(error, InterruptedSyncError):
        return Ending(RunStatus.INTERRUPTED, SIGNAL_BASE + error.signal_number, text, kept=error.kept)
    if isinstance(error, SyncRunningError):
        return Ending(RunStatus.BUSY, error.exit_code, text, kept=error.kept)
    failure = error.outcome if isinstance(error, ApiError) else None
    return Ending(RunStatus.FAILED, error.exit_code, text, failure, error.kept)


def not_started(job: Job, database: str, error: InventoryError, at: datetime) -> SyncReport:
    """Report a sync that an error, or a signal, kept from starting; it has no record in `sync_runs`.

    `database` is its name as it may be shown.
    """
    return _without_record(job, database, ending_after(error, has_written=False), at)


def crashed(job: Job, database: str, bug: Exception, at: datetime) -> SyncReport:
    """Report a sync that a bug ended; what it wrote stays. `database` is its name as it may be shown."""
    ending = Ending(RunStatus.FAILED, EXIT_BUG, why_crashed(bug), kept=Kept.WRITTEN_STAYS)
    report = _without_record(job, database, ending, at)
    return replace(report, traceback="".join(format_exception(bug)))


def why_crashed(bug: BaseException) -> str:
    """Say in a clause that a bug ended a run; what it says itself may quote anything."""
    return f"a bug ended the run: {type(bug).__name__}"


def _without_record(job: Job, database: str, ending: Ending, at: datetime) -> SyncReport:
    return SyncReport(
        account=job.account,
        database=database,
        run_id=None,
        status=ending.status,
        exit_code=ending.exit_code,
        mode=job.order.mode,
        is_dry_run=job.order.is_dry_run,
        started_at=at,
        finished_at=at,
        droplets_selected=None,
        counts=dict.fromkeys(COUNTS, 0),
        requests=0,
        rate_limit_remaining=None,
        droplets=(),
        notes=(),
        error=ending.error,
        failure=ending.failure,
        last_complete_at=None,
        kept=ending.kept,
    )


def exit_code_of(reports: Sequence[SyncReport]) -> int:
    """Return the exit code of a command that synced several accounts: the one that a person must know first.

    What others sync is no failure: busy accounts count only where no other was complete.
    """
    codes = {report.exit_code for report in reports}
    if EXIT_COMPLETE in codes:
        codes = {report.exit_code for report in reports if report.status != RunStatus.BUSY}
    if codes <= {EXIT_COMPLETE}:
        return EXIT_COMPLETE
    if EXIT_COMPLETE in codes:
        codes.add(EXIT_PARTIAL)
    interrupted = (code for code in sorted(codes) if code > SIGNAL_BASE)
    return next(code for code in (EXIT_BUG, *interrupted, *_WORST_FIRST) if code in codes)


def droplet_report(changeset: Changeset) -> DropletReport:
    """Report what a changeset means."""
    attempt, state = changeset.attempt, changeset.droplet
    return DropletReport(
        droplet_id=attempt.droplet_id,
        name=state.name if state else None,
        outcome=changeset.outcome,
        error=changeset.error,
        http_status=attempt.http_status,
        kept_as_of=state.last_observed_at if state and not changeset.is_look else None,
        is_new=changeset.is_new,
        is_gone=changeset.is_gone,
        plan_before=changeset.policy_before.plan if changeset.policy_before else None,
        events=(
            *(_listed(BackupChange.APPEARED, backup) for backup in changeset.appeared),
            *(_changed(BackupChange.CHANGED, change) for change in changeset.changed),
            *(_changed(BackupChange.RETURNED, change) for change in changeset.returned),
            *(_ended(BackupChange.ENDED, end) for end in changeset.ended),
            *(_ended(BackupChange.EXPLAINED, end) for end in changeset.explained),
            *(_stored(BackupChange.HELD, backup) for backup in changeset.backups if backup.id in changeset.held),
        ),
    )


def counts(changeset: Changeset) -> dict[str, int]:
    """Count what a changeset means, by the names of `COUNTS`."""
    return {
        "droplets_complete": changeset.is_look or changeset.outcome == Outcome.GONE,
        "droplets_proven": isinstance(changeset.attempt, Proven),
        "droplets_incomplete": changeset.outcome in (Outcome.INCOMPLETE, Outcome.HELD),
        "droplets_failed": not changeset.is_look and changeset.outcome not in _NOT_FAILED,
        "droplets_changed": changeset.is_change,
        "backups_appeared": len(changeset.appeared),
        "backups_changed": len(changeset.changed),
        "backups_returned": len(changeset.returned),
        "backups_expired": sum(end.reason == GoneReason.EXPIRED for end in changeset.ended),
        "backups_ended": len(changeset.ended),
        "backups_held": len(changeset.held),
    }


def _listed(event: BackupChange, backup: Backup) -> BackupEvent:
    return BackupEvent(event, backup.id, backup.created_at, backup.size_gigabytes)


def _changed(event: BackupChange, change: Change) -> BackupEvent:
    before, after = change.before.state.size_gigabytes, change.after.size_gigabytes
    return BackupEvent(
        event,
        change.after.id,
        change.after.created_at,
        after,
        size_gigabytes_before=before if before != after else None,
    )


def _ended(event: BackupChange, end: End) -> BackupEvent:
    state = end.before.state
    return BackupEvent(event, state.id, state.created_at, state.size_gigabytes, reason=end.reason)


def _stored(event: BackupChange, backup: BackupState) -> BackupEvent:
    return BackupEvent(event, backup.id, backup.created_at, backup.size_gigabytes)
