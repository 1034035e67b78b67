"""Which backup windows of a Droplet are kept as the API announces them. Pure.

The windows of most plans follow from the policy: see `hours_between_windows` in `views/macros`. Where nothing says when
a plan's windows open, what the API shows as the next one is all that will ever be known of them.
"""

from dataclasses import dataclass
from datetime import datetime

from inventory.model import BackupPolicy, DropletState

_WEEKDAYS = frozenset({"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"})
_SEVERAL_TIMES_A_DAY = frozenset(f"intra_daily_{hours}h" for hours in (1, 2, 3, 4, 6, 8, 12, 24))


@dataclass(frozen=True, slots=True)
class Announced:
    """The next backup window as the API shows it, and the policy under which it does."""

    policy: BackupPolicy
    starts_at: datetime
    ends_at: datetime


def announced(state: DropletState, policy: BackupPolicy | None) -> Announced | None:
    """Give the window to keep; None where there is none, or the policy itself says when windows open."""
    starts_at, ends_at = state.next_window_starts_at, state.next_window_ends_at
    if policy is None or not policy.is_enabled or follow_from(policy) or starts_at is None or ends_at is None:
        return None
    return Announced(policy, starts_at, ends_at) if starts_at < ends_at else None


def follow_from(policy: BackupPolicy) -> bool:
    """Tell whether a policy that is on says when its windows open."""
    is_weekly = policy.plan == "weekly" and policy.weekday in _WEEKDAYS
    return policy.hour is not None and (is_weekly or policy.plan == "daily" or policy.plan in _SEVERAL_TIMES_A_DAY)
