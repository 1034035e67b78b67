"""Whether the daemon syncs in time: a part of the answer of `/readyz`. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from inventory.judging.overdue import is_overdue
from inventory.store.snapshot import Snapshot

_NAMED = 10


def overdue(
    accounts: Sequence[str], snapshot: Snapshot, after: timedelta, *, started_at: datetime, now: datetime
) -> list[str]:
    """Give a sentence for each of these accounts whose sync is overdue, if they are more than half; of many, some.

    What keeps one of several accounts from being synced is that account's: a restart of the daemon mends nothing.
    A daemon that has just started syncs at once, so `after` counts from `started_at` at the earliest.
    """
    complete = {each.name: each.last_success_at for each in snapshot.accounts}
    late = [name for name in accounts if is_overdue(max(complete.get(name) or started_at, started_at), after, now)]
    if 2 * len(late) <= len(accounts):
        return []
    sentences = [
        f"overdue: account {name} has had no complete sync"
        + (f" since {last:%Y-%m-%d %H:%MZ}" if (last := complete.get(name)) else "")
        for name in late[:_NAMED]
    ]
    return [*sentences, *([f"overdue: {len(late) - _NAMED:,} more accounts"] if late[_NAMED:] else [])]
