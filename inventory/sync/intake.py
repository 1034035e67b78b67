"""The attempts of a run on their way to the database: many at a time, those that the brake must judge last (R7)."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from inventory.history.changes import Changeset
from inventory.history.ends import brake
from inventory.model import Attempt, Listed
from inventory.process.clock import CLOCK_TOLERANCE
from inventory.sync.ledger import Ledger
from inventory.sync.result import COUNTS, DropletReport, counts, droplet_report
from inventory.vocabulary import Outcome

# Attempts are written together: so many, or with so many backups, or when the first is so old.
_BATCH_ATTEMPTS = 1_000
_BATCH_BACKUPS = 5_000
_BATCH_SECONDS = 2.0


@dataclass(slots=True)
class Intake:
    """Takes attempts, writes them, and counts what they came to.

    Attributes:
        before_writing: Called before attempts are written; if it raises, they are not.
        accepting: Called with the Droplets whose ends the brake would judge, which are then written; None: it judges.
        is_verbose: Keep reports of routine changes too.
        seconds: A monotonic clock.
        counts: What was written so far, by the names of `COUNTS`.
        outcomes: How many Droplets came to each outcome.
        droplets: Reports of the Droplets of which a person should know.
        notes: Sentences that a person should read beside them.
    """

    ledger: Ledger
    before_writing: Callable[[], None]
    accepting: Callable[[Sequence[DropletReport]], None] | None
    is_verbose: bool
    seconds: Callable[[], float]
    counts: Counter[str] = field(default_factory=partial(Counter, dict.fromkeys(COUNTS, 0)))
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    droplets: list[DropletReport] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _attempts: list[Attempt] = field(default_factory=list)
    _attempts_since: float = 0.0
    _attempts_backups: int = 0
    _waiting: list[Attempt] = field(default_factory=list)
    _waiting_reports: list[DropletReport] = field(default_factory=list)
    _waiting_ends: int = 0
    _live_before: int = 0

    def take(self, attempt: Attempt) -> None:
        """Keep an attempt until there are enough to be written together."""
        if not self._attempts:
            self._attempts_since, self._attempts_backups = self.seconds(), 0
        self._attempts.append(attempt)
        self._attempts_backups += len(attempt.listing.backups) if isinstance(attempt, Listed) else 0
        is_due = self.seconds() - self._attempts_since > _BATCH_SECONDS
        if len(self._attempts) >= _BATCH_ATTEMPTS or self._attempts_backups >= _BATCH_BACKUPS or is_due:
            self.flush()

    def flush(self) -> None:
        """Write the attempts taken, except those that must wait for the brake."""
        attempts, self._attempts = self._attempts, []
        if not attempts:
            return
        self.before_writing()
        for changeset in self.ledger.enter(attempts, is_final=False):
            self._live_before += changeset.live_before if changeset.is_look else 0
            if changeset.waiting:
                self._waiting.append(changeset.attempt)
                self._waiting_ends += len(changeset.waiting)
                self._waiting_reports.extend([droplet_report(changeset)] if self.accepting else [])
            else:
                self._count(changeset)

    def settle(self) -> None:
        """Let the brake decide on the attempts that waited, and write them (R7)."""
        if not self._waiting:
            return
        why = None if self.accepting else brake(self._waiting_ends, self._live_before)
        if self.accepting:
            self.accepting(self._waiting_reports)
        if why:
            self.notes.append(why)
        for first in range(0, len(self._waiting), _BATCH_ATTEMPTS):
            batch = self._waiting[first : first + _BATCH_ATTEMPTS]
            for changeset in self.ledger.enter(batch, is_final=True, held_because=why):
                self._count(changeset)

    def check_refusals(self) -> None:
        """Raise the database's own error where it refused every Droplet: then it is ours, not that of some values."""
        refusals = self.ledger.refusals
        if refusals and len(refusals) == self.outcomes.total():
            raise next(iter(refusals.values()))

    def _count(self, changeset: Changeset) -> None:
        for name, number in counts(changeset).items():
            self.counts[name] += number
        self.outcomes[changeset.outcome] += 1
        for backup in changeset.appeared:
            if backup.created_at - changeset.stamp > CLOCK_TOLERANCE:
                made = f"{backup.created_at:%Y-%m-%d %H:%MZ}"
                self.notes.append(
                    f"backup {backup.id} of Droplet {changeset.attempt.droplet_id} was created in the future ({made}): "
                    "is this machine's clock wrong? It is kept as it is"
                )
        if changeset.is_look and changeset.held:
            self.notes.append(
                f"Droplet {changeset.attempt.droplet_id} still names {len(changeset.held)} of its backups that its "
                "listing lacks: not recorded as gone until another sync confirms it"
            )
        if changeset.is_telling:
            report = droplet_report(changeset)
            if report.is_notable or self.is_verbose:
                self.droplets.append(report)
