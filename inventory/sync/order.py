"""What a sync is asked to do."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from inventory.judging.overdue import WITHOUT_SCHEDULE
from inventory.model import Selection
from inventory.vocabulary import RunMode, Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What the user asks for, for one account or all; the settings say the rest.

    Attributes:
        account: The only account to sync, or a pattern of several; None means every configured one.
        group: Only accounts whose group this is, or fits this pattern; None means every one.
        droplets: Names or ids that narrow what the configuration selects; empty means all of it.
        is_full: List every Droplet's backups, also where they are proven unchanged.
        accept_gone: End at once what the brake would hold back.
        is_dry_run: Read and decide, but write nothing.
        is_verbose: Report routine changes too.
    """

    account: str | None = None
    group: str | None = None
    droplets: frozenset[str] = frozenset()
    is_full: bool = False
    accept_gone: bool = False
    is_dry_run: bool = False
    is_verbose: bool = False
    trigger: Trigger = Trigger.COMMAND

    @property
    def mode(self) -> RunMode:
        """The `mode` of its runs: only one over the whole configuration can be the last complete one."""
        if self.droplets:
            return RunMode.SUBSET
        return RunMode.LISTING if self.is_full else RunMode.DETECTION

    @property
    def is_whole(self) -> bool:
        """Whether everything that is configured is synced, and written."""
        return self.account is None and self.group is None and not self.droplets and not self.is_dry_run


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One account's sync: what the user asks for, and what the settings say.

    Attributes:
        account: The account's name in the configuration.
        selection: Which of its Droplets the configuration means.
        configured_accounts: The names of all configured accounts.
        deadline: How long the run may take; what it did not reach comes first in the next.
        overdue_after: How long after the last complete sync the next is overdue; stored with the run, for the views.
        next_due_at: When the account is due again after this run; None leaves it as it is.
    """

    account: str
    selection: Selection
    configured_accounts: frozenset[str]
    deadline: timedelta
    order: Order
    overdue_after: timedelta = WITHOUT_SCHEDULE
    next_due_at: datetime | None = None
