"""What an attempt means: what happened, and what to write. `reconcile` makes the values, `store.apply` writes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from inventory.model import Attempt, Backup, BackupPolicy, BackupState, DropletDay, DropletState, StoredBackup
from inventory.vocabulary import GoneReason, Outcome


@dataclass(frozen=True, slots=True)
class End:
    """A backup that ended, and why.

    Attributes:
        is_foreseen: Whether it expired by a retention that an earlier run had read, and its Droplet names it no more.
    """

    before: StoredBackup
    reason: GoneReason
    is_foreseen: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """A backup that a listing shows differently from what is stored."""

    before: StoredBackup
    after: Backup


@dataclass(frozen=True, slots=True)
class Opened:
    """An interval of a history table that begins at the changeset's stamp."""

    table: str
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Closed:
    """The open interval of a history table under `key`, which ends at the changeset's stamp.

    Attributes:
        closed_by: `change` or the reason of the end; None in tables other than `backup_versions`.
    """

    table: str
    key: Mapping[str, object]
    closed_by: str | None = None


@dataclass(frozen=True, slots=True)
class Changeset:
    """What one attempt means for what is stored.

    Attributes:
        stamp: Later than every stamp that its Droplet has.
        error: Why the attempt is no look; None if it is one.
        droplet: The row to write; None where nothing is known of the Droplet, or it belongs to another account.
        is_new: Whether the Droplet was never seen before.
        is_gone: Whether this attempt ends the Droplet.
        appeared, changed, returned, ended: What happened to its backups, in the order of their ids.
        waiting: The ends found, put off or not, that the brake must judge before any of this is written (R7).
        explained: Earlier ends whose reason is known now.
        held: Ids of backups that are missing and marked, but not ended, now (R7).
        backups: Rows to write.
        closed, opened: History to write, in this order.
        day: The row to write; None where the stored one is right.
        live_before: How many live backups were stored.
        policy_before: In force until this attempt, as far as known; None where none was ever read.
    """

    attempt: Attempt
    stamp: datetime
    outcome: Outcome
    error: str | None
    droplet: DropletState | None
    is_new: bool = False
    is_gone: bool = False
    appeared: tuple[Backup, ...] = ()
    changed: tuple[Change, ...] = ()
    returned: tuple[Change, ...] = ()
    ended: tuple[End, ...] = ()
    waiting: tuple[End, ...] = ()
    explained: tuple[End, ...] = ()
    held: frozenset[int] = frozenset()
    backups: tuple[BackupState, ...] = ()
    closed: tuple[Closed, ...] = ()
    opened: tuple[Opened, ...] = ()
    day: DropletDay | None = None
    live_before: int = 0
    policy_before: BackupPolicy | None = None

    @property
    def is_look(self) -> bool:
        """Whether the attempt succeeded, so that observation times move."""
        return self.outcome == Outcome.COMPLETE

    @property
    def is_change(self) -> bool:
        """Whether it writes more than rows of a known Droplet and of its day."""
        return bool(self.is_new or self.backups or self.closed or self.opened)

    @property
    def is_telling(self) -> bool:
        """Whether it is worth a record: not where a Droplet is unchanged or still gone."""
        return self.is_change or not (self.is_look or self.outcome == Outcome.GONE)
