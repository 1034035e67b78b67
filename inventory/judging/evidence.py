"""Read what the views show of a moment, and judge it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import NamedTuple, TypeVar

import sqlalchemy as sa

from inventory.judging.findings import STAYS_FOR, Evidence, Undelivered, current_misses, judge, newest_backups
from inventory.judging.rules import Exemption, Rules
from inventory.judging.verdict import Verdict, together
from inventory.views.queries import Question, ask
from inventory.views.reach import droplets_of, few_droplets, shared_names
from inventory.views.readers import TwoReaders
from inventory.views.rows import (
    BackupLifetime,
    DropletRetention,
    DropletTag,
    Event,
    KnownDroplet,
    MissedBackup,
    SizeAnomaly,
    SyncHealth,
    UnprotectedDroplet,
)
from inventory.vocabulary import GoneReason

_Beside = TypeVar("_Beside")

# The longest retention that DigitalOcean documents; a policy may have a longer one.
_LONGEST_RETENTION_DAYS = 28

# Of a Droplet with a backup this young, older windows are not read. Weekly backups are made within 16 h.
_LATELY = timedelta(days=8)
# So many Droplets, if they are so large a share of all, are not told apart from all of them.
_MANY = 1_000
_LARGE_SHARE = 0.1

# So many Droplets of a fleet are judged together, more of them an account after the other.
ALL_AT_ONCE = 5_000


def inspect(
    connection: sa.Connection,
    now: datetime,
    rules: Rules,
    exemptions: Sequence[Exemption],
    *,
    accounts: Collection[str] | None = None,
    droplet_ids: Collection[int] | None = None,
    channels: Mapping[str, Undelivered | None] = MappingProxyType({}),
    second: sa.Connection | None = None,
) -> Verdict:
    """Judge what was known at `now` of the named accounts and Droplets; None means all.

    So are channels, each with what it did not take. A `second` connection must see the same state.

    A named account that was never synced is a finding. Of the Droplets, those that exist and are selected are judged;
    where Droplets are named, their accounts are judged with them.
    """
    parts = [accounts] if accounts is None or droplet_ids is not None else in_parts(connection, accounts)
    first, *others = (Question(now, accounts=part, droplet_ids=droplet_ids) for part in parts)
    readers = TwoReaders(connection, second)
    judged = partial(_judged, rules=rules, exemptions=exemptions)
    verdicts = [judged(readers, first, channels=channels)]
    # Each account alone is read in a moment: two of them at once, rather than parts of one.
    verdicts += readers.of_each(others, lambda reader, whose: judged(TwoReaders(reader), whose, channels={}))
    return together(verdicts)


def _judged(
    readers: TwoReaders,
    whose: Question,
    *,
    rules: Rules,
    exemptions: Sequence[Exemption],
    channels: Mapping[str, Undelivered | None],
) -> Verdict:
    evidence, _ = read_evidence_beside(lambda _, __: None, readers, whose)
    return judge(replace(evidence, channels=channels), rules, exemptions, whose.now)


def in_parts(connection: sa.Connection, accounts: Collection[str]) -> list[Collection[str]]:
    """Divide accounts into single ones, where they are part of a fleet or many: what is held does not grow with it.

    PostgreSQL expects one account where several of many are named, and pairs the Droplets of all. Accounts that never
    had a Droplet cost nothing, and go with the first.
    """
    droplets = droplets_of(connection, accounts)
    is_alone = few_droplets(connection, accounts) is None
    if not droplets or (is_alone and sum(droplets.values()) <= ALL_AT_ONCE):
        return [accounts]
    first, *others = sorted(droplets)
    return [[first, *sorted(set(accounts) - droplets.keys())], *([name] for name in others)]


def read_evidence_beside(
    read: Callable[[sa.Connection, Sequence[KnownDroplet]], _Beside], readers: TwoReaders, whose: Question
) -> tuple[Evidence, _Beside]:
    """Read the rows to judge, and at the same time what else `read` reads of the same Droplets, gone ones included."""
    connection, now, accounts, droplet_ids = readers.connection, whose.now, whose.accounts, whose.droplet_ids
    if droplet_ids is not None:
        accounts = {each.account for each in ask(connection, KnownDroplet, whose) if each.is_current}
    about = partial(Question, now, accounts=accounts, droplet_ids=droplet_ids)
    # What takes longest comes first, so that both readers end at about the same time.
    (retention, missed), (judged, beside), anomalies, unprotected, others = readers.at_once(
        partial(_windows, about=about),
        partial(_droplets_and, read=read, whose=whose),
        partial(_anomalies, about=about),
        partial(ask, row=UnprotectedDroplet, question=about()),
        partial(_others, about=about),
    )
    are_all = whose.accounts is None and droplet_ids is None
    shared = frozenset[str]() if are_all else shared_names(connection, now, [each.droplet for each in judged])
    evidence = Evidence(
        accounts=accounts,
        droplet_ids=frozenset(each.droplet_id for each in judged),
        droplets=judged,
        tags=others.tags,
        health=others.health,
        retention=retention,
        missed=missed,
        backups=_in_doubt(connection, now, retention, missed, others.losses),
        unprotected=unprotected,
        anomalies=anomalies,
        shared_names=shared,
    )
    return evidence, beside


def _droplets_and(
    connection: sa.Connection, read: Callable[[sa.Connection, Sequence[KnownDroplet]], _Beside], whose: Question
) -> tuple[list[KnownDroplet], _Beside]:
    """Read the Droplets to judge, and what `read` reads of these and those that no longer exist."""
    known = ask(connection, KnownDroplet, whose)
    return [each for each in known if each.is_current], read(connection, known)


class _Others(NamedTuple):
    """What is judged of Droplets and accounts beside windows and sizes."""

    tags: Sequence[DropletTag]
    health: Sequence[SyncHealth]
    losses: Sequence[Event]


def _others(connection: sa.Connection, about: Callable[..., Question]) -> _Others:
    recent = about(since=about().now - STAYS_FOR, gone_reason=GoneReason.UNEXPLAINED)
    return _Others(
        tags=ask(connection, DropletTag, about()),
        health=ask(connection, SyncHealth, about()),
        losses=ask(connection, Event, recent),
    )


def _anomalies(connection: sa.Connection, about: Callable[..., Question]) -> list[SizeAnomaly]:
    return ask(connection, SizeAnomaly, about(since=about().now - STAYS_FOR))


def _windows(
    connection: sa.Connection, about: Callable[..., Question]
) -> tuple[list[DropletRetention], list[MissedBackup]]:
    retention = ask(connection, DropletRetention, about())
    return retention, _missed(connection, about, retention)


def _missed(
    connection: sa.Connection, about: Callable[..., Question], retention: Sequence[DropletRetention]
) -> list[MissedBackup]:
    """Read the windows without a backup that may have opened after the newest one that their Droplet has."""
    since = about().now - _LATELY
    waiting = {each.droplet_id for each in retention if not _was_made_since(since, each, about().now)}
    if len(waiting) > max(_MANY, _LARGE_SHARE * len(retention)):
        return ask(connection, MissedBackup, about())
    missed = [each for each in ask(connection, MissedBackup, about(since=since)) if each.droplet_id not in waiting]
    return missed + (ask(connection, MissedBackup, about(droplet_ids=waiting)) if waiting else [])


def _was_made_since(since: datetime, droplet: DropletRetention, now: datetime) -> bool:
    return droplet.newest_backup_at is not None and since <= droplet.newest_backup_at <= now


def _in_doubt(
    connection: sa.Connection,
    now: datetime,
    retention: Sequence[DropletRetention],
    missed: Sequence[MissedBackup],
    losses: Sequence[Event],
) -> list[BackupLifetime]:
    """Read the backups, ended ones too, of Droplets that miss a backup or lost one for no known reason."""
    late = current_misses(missed, newest_backups(retention, (), now))
    losing = {each.droplet_id for each in losses}
    if not late and not losing:
        return []
    # A backup whose early loss is still a finding cannot be older than this.
    longest = max([_LONGEST_RETENTION_DAYS, *(each.retention_days or 0 for each in retention)])
    since = min(
        [now - STAYS_FOR - timedelta(days=longest), *(windows[0].window_starts_at for windows in late.values())]
    )
    return ask(connection, BackupLifetime, Question(now, since=since, droplet_ids={*late, *losing}))
