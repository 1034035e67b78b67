"""What disappeared for another reason than that its retention was over."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from inventory.report.fleet_sizes import add_up
from inventory.store.ends import ends_out_of_course
from inventory.views.queries import Question
from inventory.views.reach import few_droplets
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
    connection: sa.Connection, question: Question, droplets: Iterable[KnownDroplet], since: datetime
) -> list[Disappeared]:
    """Read what the Droplets of the question lost since then, the oldest first."""
    named = {each.droplet_id: each for each in droplets}
    found: dict[tuple[date, int, str], list[float]] = defaultdict(list)
    for droplet_id, ended_at, reason, size in ends_out_of_course(
        connection, since, question.now, named if _are_few(connection, question) else None
    ):
        found[ended_at.date(), droplet_id, reason].append(size)
    return sorted(
        (
            Disappeared(day, named[number].account, number, named[number].droplet, why, len(sizes), add_up(sizes))
            for (day, number, why), sizes in found.items()
            if number in named
        ),
        key=lambda each: (each.day, each.account, each.droplet, each.droplet_id, each.gone_reason),
    )


def _are_few(connection: sa.Connection, question: Question) -> bool:
    """Tell whether the question is about few of many Droplets."""
    if question.accounts is None:
        return question.droplet_ids is not None
    return few_droplets(connection, question.accounts) is not None
