"""Which accounts are put into the queue, and which jobs in it nobody works on any more. Pure.

Every worker decides the same from the same rows, so that it does not matter which of them does, or how many at once.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from inventory.store.turns import Turn

# A job that is under way for so long while its account is due, and nobody holds it: before a sync takes the account, it
# asks DigitalOcean whose token it has, which may be slow. After a process that died, the time of two plans is enough.
_LOST_AFTER_SECONDS = 120.0
_LOST_AFTER_A_DEATH_SECONDS = 4.0


class UnderWay(NamedTuple):
    """A job that some worker has begun.

    Attributes:
        is_stalled: Whether that worker gives no sign of life.
        seen_seconds: For how long this worker has known it.
    """

    id: int
    account: str
    is_stalled: bool
    seen_seconds: float


def is_due(turn: Turn, now: datetime, longest_gap: timedelta) -> bool:
    """Tell whether an account's sync is due; a time further ahead than the schedule reaches is not believed."""
    return turn.due_at is None or turn.due_at <= now or turn.due_at - now > longest_gap


def wanted(turns: Iterable[Turn], queued: Collection[str], now: datetime, longest_gap: timedelta) -> list[str]:
    """Return the accounts to put into the queue, those that are due for longest first.

    One that a process holds waits until it lets go, or was silent for 90 s.
    """
    due = [each for each in turns if is_due(each, now, longest_gap) and not each.is_held and each.account not in queued]
    never = datetime.min.replace(tzinfo=now.tzinfo)
    return [each.account for each in sorted(due, key=lambda each: (each.due_at or never, each.account))]


def lost(jobs: Iterable[UnderWay], turns: Mapping[str, Turn]) -> list[int]:
    """Return the jobs whose worker is gone, or has forgotten them: without them their accounts can be queued again."""
    return [job.id for job in jobs if _is_lost(job, turns.get(job.account, Turn(job.account)))]


def _is_lost(job: UnderWay, turn: Turn) -> bool:
    if turn.is_held:
        return False
    patience = _LOST_AFTER_A_DEATH_SECONDS if turn.is_abandoned else _LOST_AFTER_SECONDS
    return job.is_stalled or job.seen_seconds > patience
