"""Everything that is known of one Droplet, or of one backup, read together."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol, TypeVar

import sqlalchemy as sa

from inventory.errors import UsageError
from inventory.model import LARGEST_ID
from inventory.report import selecting
from inventory.store import droplet_records as records
from inventory.views.queries import Question, ask
from inventory.views.rows import (
    BackupLifetime,
    CostNow,
    DropletRetention,
    DropletSizeOnDay,
    DropletTag,
    Event,
    KnownDroplet,
    LiveBackup,
    MissedBackup,
    SizeGrowth,
)
from inventory.vocabulary import GoneReason

TREND = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class DropletDetails:
    """What is known of a Droplet.

    Attributes:
        policies: The newest first.
        look: As it is today, whatever the moment.
        attempts: The last ones that were not looks, the newest first.
        days: Those of the last 90 with a look, the oldest first.
        live: The newest first, like `past`, `missed` and `events`.
        past: Backups that are gone.
        events: All but backups that appeared or expired.
        retention: None for a Droplet that is gone or not selected, like `growth` and `cost`.
    """

    droplet: KnownDroplet
    tags: Sequence[str]
    policies: Sequence[records.PolicyRecord]
    look: records.LookRecord
    attempts: Sequence[records.AttemptRecord]
    days: Sequence[DropletSizeOnDay]
    live: Sequence[LiveBackup]
    past: Sequence[BackupLifetime]
    missed: Sequence[MissedBackup]
    events: Sequence[Event]
    retention: DropletRetention | None
    growth: SizeGrowth | None
    cost: CostNow | None

    @property
    def droplet_id(self) -> int:
        """DigitalOcean's id of the Droplet."""
        return self.droplet.droplet_id


@dataclass(frozen=True, slots=True)
class BackupDetails:
    """What is known of a backup.

    Attributes:
        live: None once it is gone.
        events: Everything that happened to it since it was first seen, the newest first.
    """

    lifetime: BackupLifetime
    live: LiveBackup | None
    events: Sequence[Event]

    @property
    def droplet_id(self) -> int:
        """DigitalOcean's id of the Droplet whose backup it is."""
        return self.lifetime.droplet_id


def read_id(written: str) -> int | None:
    """Return the id that is written; None if it is none that DigitalOcean gives."""
    number = int(written) if re.fullmatch(r"[0-9]{1,19}", written) else 0
    return number if 0 < number <= LARGEST_ID else None


def find(connection: sa.Connection, question: Question, name: str) -> tuple[int, int | None]:
    """Give the id of the Droplet that a name or id means, and the id of the backup if it is one.

    If several Droplets had the name and one of them exists, the name means that one.

    Raises:
        UsageError: Nothing of that name is known, or more than one Droplet.
    """
    number = read_id(name)
    if number is not None and (droplet_id := records.owner(connection, number)) is not None:
        return droplet_id, number
    ids = selecting.find(connection, question, [name], [], question.now)
    assert ids is not None
    if len(ids) > 1:
        known = [each for each in ask(connection, KnownDroplet, question) if each.droplet_id in ids]
        ids = frozenset(each.droplet_id for each in known if each.is_current) or ids
        if len(ids) > 1:
            which = ", ".join(str(each) for each in sorted(ids))
            raise UsageError(f'{len(ids)} Droplets are called "{name}". Give the id of one: {which}.')
    (found,) = ids
    return found, None


def of_droplet(connection: sa.Connection, question: Question) -> DropletDetails:
    """Read everything about the only Droplet of the question."""
    (found,) = of_droplets(connection, question, ask(connection, BackupLifetime, question))
    return found


def of_droplets(
    connection: sa.Connection, question: Question, lifetimes: Sequence[BackupLifetime]
) -> list[DropletDetails]:
    """Read everything about the Droplets of the question that were known, together, beside all their backups."""
    droplets = ask(connection, KnownDroplet, question)
    recent = replace(question, since=question.now - TREND)
    policies = by_droplet(_policies(connection, droplets, question.now))
    tags = by_droplet(ask(connection, DropletTag, question))
    days = by_droplet(ask(connection, DropletSizeOnDay, recent))
    live, past = by_droplet(ask(connection, LiveBackup, question)), by_droplet(lifetimes)
    missed = by_droplet(ask(connection, MissedBackup, question))
    events = by_droplet(ask(connection, Event, question))
    retention = {each.droplet_id: each for each in ask(connection, DropletRetention, question)}
    growth = {each.droplet_id: each for each in ask(connection, SizeGrowth, question)}
    cost = {each.droplet_id: each for each in ask(connection, CostNow, question)}
    return [
        DropletDetails(
            droplet=droplet,
            tags=[row.tag for row in tags[number]],
            policies=[each.policy for each in reversed(policies[number])],
            look=records.look(connection, number),
            attempts=records.attempts(connection, number, question.now, most=5),
            days=days[number],
            live=live[number],
            past=[row for row in past[number] if row.gone_at],
            missed=missed[number],
            events=[row for row in events[number] if not is_routine(row)],
            retention=retention.get(number),
            growth=growth.get(number),
            cost=cost.get(number),
        )
        for droplet in droplets
        for number in (droplet.droplet_id,)
    ]


class _Policy(NamedTuple):
    droplet_id: int
    policy: records.PolicyRecord


def _policies(connection: sa.Connection, droplets: Sequence[KnownDroplet], now: datetime) -> list[_Policy]:
    since = min((each.first_seen_at for each in droplets), default=now)
    ids = [each.droplet_id for each in droplets]
    return [_Policy(*each) for each in records.policies_since(connection, ids, since, now)]


class _OfDroplet(Protocol):
    @property
    def droplet_id(self) -> int: ...


_Row = TypeVar("_Row", bound=_OfDroplet)


def by_droplet(rows: Iterable[_Row]) -> dict[int, list[_Row]]:
    """Divide rows by their Droplet, in their order."""
    found: dict[int, list[_Row]] = defaultdict(list)
    for row in rows:
        found[row.droplet_id].append(row)
    return found


def is_routine(event: Event) -> bool:
    """Tell whether it is the ordinary course: a backup that appeared, or expired."""
    return event.event == "backup_appeared" or event.gone_reason == GoneReason.EXPIRED


def of_backup(connection: sa.Connection, question: Question, backup_id: int) -> BackupDetails:
    """Read everything about one backup of the only Droplet of the question."""
    (lifetime,) = (row for row in ask(connection, BackupLifetime, question) if row.backup_id == backup_id)
    ever = Question(now=question.now, since=lifetime.first_seen_at, droplet_ids=question.droplet_ids)
    return BackupDetails(
        lifetime=lifetime,
        live=next((row for row in ask(connection, LiveBackup, question) if row.backup_id == backup_id), None),
        events=[row for row in ask(connection, Event, ever) if row.backup_id == backup_id],
    )
