"""What a look means: what happened, and what to write. Frozen; `reconcile` makes it, `store.apply` writes it.

All times are aware, UTC and of whole seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from inventory.model import Attempt, Backup, BackupPolicy, BackupState, DropletDay, DropletState, StoredBackup
from inventory.vocabulary import GoneReason, Outcome


@dataclass(frozen=True, slots=True)
class End:
    """A backup that a look no longer found, and why."""

    before: StoredBackup
    reason: GoneReason


@dataclass(frozen=True, slots=True)
class Change:
    """A backup that a look found different from what is stored."""

    before: StoredBackup
    after: Backup


@dataclass(frozen=True, slots=True)
class Opened:
    """An interval of a history table that begins at the plan's stamp."""

    table: str
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Closed:
    """The open interval of a history table under `key`, to end at the plan's stamp.

    Attributes:
        closed_by: For `backup_versions` only: `change` or the reason of the end.
    """

    table: str
    key: Mapping[str, object]
    closed_by: str | None = None


@dataclass(frozen=True, slots=True)
class Changeset:
    """What one look means for what is stored.

    Attributes:
        stamp: Later than every stamp its Droplet has.
        error: Why the look does not count as one; None if it does.
        droplet: The row to write; None where the Droplet was never seen and nothing is known of it.
        appeared, changed, returned, ended: What happened to its backups, by id.
        held: Ids whose end the brake held back now (R7).
        contradicted: Ids among `ended` that the Droplet's `backup_ids` of the same run still name.
        backups: Rows to write.
        closed, opened: History to write, in this order.
        day: None where the day's row need not change.
        live_before: How many live backups were stored.
        policy_before: In force until this look, as far as was known; None where none was ever read.
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
    explained: tuple[End, ...] = ()
    held: frozenset[int] = frozenset()
    contradicted: frozenset[int] = frozenset()
    backups: tuple[BackupState, ...] = ()
    closed: tuple[Closed, ...] = ()
    opened: tuple[Opened, ...] = ()
    day: DropletDay | None = None
    live_before: int = 0
    policy_before: BackupPolicy | None = None

    @property
    def is_look(self) -> bool:
        """Whether observation times move."""
        return self.outcome == Outcome.COMPLETE

    @property
    def is_change(self) -> bool:
        """Whether it writes more than the times of the attempt."""
        return bool(self.is_new or self.backups or self.closed or self.opened)

    @property
    def is_telling(self) -> bool:
        """Whether there is anything to tell of it: neither an unchanged Droplet nor one that is still gone."""
        return self.is_change or not (self.is_look or self.outcome == Outcome.GONE)
