"""What disappeared for another reason than that its retention was over."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from inventory.report.fleet_sizes import add_up
from inventory.store.ends import ends_out_of_course
from inventory.views.rows import KnownDroplet


@dataclass(frozen=True, slots=True)
class Disappeared:
    """What a Droplet lost on one day for one reason; the day is UTC, and when it was learned."""

    day: date
    account: str
    droplet_id: int
    droplet: str
    gone_reason: str
    backups: int
    size_gigabytes: float


def read_disappeared(
    connection: sa.Connection, droplets: Iterable[KnownDroplet], since: datetime, now: datetime
) -> list[Disappeared]:
    """Read what some Droplets lost in a period, the oldest first."""
    found: dict[tuple[date, int, str], list[float]] = defaultdict(list)
    for droplet_id, ended_at, reason, size in ends_out_of_course(connection, since, now):
        found[ended_at.date(), droplet_id, reason].append(size)
    named = {each.droplet_id: each for each in droplets}
    return sorted(
        (
            Disappeared(day, named[number].account, number, named[number].droplet, why, len(sizes), add_up(sizes))
            for (day, number, why), sizes in found.items()
            if number in named
        ),
        key=lambda each: (each.day, each.account, each.droplet, each.droplet_id, each.gone_reason),
    )
