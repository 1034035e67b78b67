"""When a sync is overdue: one answer for `check`, `doctor`, `/readyz`, the summary and the view sync_health. Pure."""

import math
from datetime import datetime, timedelta

# A sync itself takes minutes, however often one is due; two hours are late even for one that is due once a week.
_LEAST_GRACE = timedelta(minutes=5)
_MOST_GRACE = timedelta(hours=2)


def overdue_after(longest_gap: timedelta) -> timedelta:
    """Return how long after the end of the last complete sync the next one is overdue, in whole seconds.

    `longest_gap` is the longest time between two due times of the schedule.
    """
    grace = min(max(longest_gap, _LEAST_GRACE), _MOST_GRACE)
    return timedelta(seconds=math.ceil((longest_gap + grace).total_seconds()))


WITHOUT_SCHEDULE = overdue_after(timedelta(days=1))
"""The same where no schedule is known: one sync a day is assumed."""


def is_overdue(last_complete_at: datetime | None, after: timedelta, now: datetime) -> bool:
    """Tell whether a sync is overdue; `last_complete_at` is None where none was ever complete."""
    return last_complete_at is None or now - last_complete_at > after
