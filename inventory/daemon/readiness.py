"""Whether this process syncs in time: what `/readyz` says beside the state of the database. Pure."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from inventory.judging.overdue import is_overdue
from inventory.store.snapshot import Snapshot


def overdue(
    accounts: Iterable[str], snapshot: Snapshot, after: timedelta, *, started_at: datetime, now: datetime
) -> list[str]:
    """Say in a sentence of each of these accounts whether its sync is overdue; the others are left out.

    A process that just started syncs at once what is overdue: it has `after` from `started_at` on.
    """
    complete = {each.name: each.last_success_at for each in snapshot.accounts}
    return [
        f"overdue: account {name} has had no complete sync"
        + (f" since {last:%Y-%m-%d %H:%MZ}" if (last := complete.get(name)) else "")
        for name in accounts
        if is_overdue(max(complete.get(name) or started_at, started_at), after, now)
    ]
