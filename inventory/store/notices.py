"""What each channel was told, what it did not take, and which process tells it.

    begin (a transaction: claim, compare) | tell people | finish (a transaction: what they know now)

A process that dies in between loses nothing: when its claim has run out, the next one finds the same difference.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from inventory.judging.findings import Undelivered
from inventory.judging.verdict import Finding, Verdict
from inventory.notifying.telling import Change, Extent, Key, Known, Told, settle
from inventory.notifying.trying import GIVEN_UP_AFTER, Attempts, Tried
from inventory.store import claims
from inventory.store.engine import Database
from inventory.store.schema import notice_attempts, notice_channels, notices

_LEFT_AFTER = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class State:
    """What a channel knows, and what it did not take.

    Attributes:
        scope: What it was told of when it last knew all; None before its first.
    """

    known: Known
    tried: Attempts
    scope: str | None = None


def begin(database: Database, channel: str, verdict: Verdict, at: datetime) -> State | None:
    """Claim a channel at a moment, write what changes without a message, and return its state then.

    None where another process tells it now, or has taken a later verdict.
    """
    with database.writing() as connection:
        row = claims.lock(connection, channel, at)
        if row is None or (row.judged_at is not None and row.judged_at > verdict.now):
            return None
        claims.claim(connection, channel, at, judged_at=verdict.now)
        state = read(connection, channel)
        settled = settle(state.known, verdict)
        _write(connection, channel, state.known, settled, verdict.now)
        return replace(state, known=settled)


def finish(database: Database, channel: str, state: State, now: datetime) -> bool:
    """Write the state of a channel after the messages, of a verdict of `now`, and give the claim back.

    False where the claim had run out and another process took over: it tells the same again.
    """
    with database.writing() as connection:
        if not claims.release(connection, channel, scope=state.scope):
            return False
        before = read(connection, channel)
        _write(connection, channel, before.known, state.known, now)
        _write_attempts(connection, channel, before.tried, state.tried, now)
        return True


def mend(database: Database, channel: str, now: datetime) -> None:
    """Note that a channel took a message: what it did not take is told again, as far as it is still true."""
    with database.writing() as connection:
        _write_attempts(connection, channel, _attempts(connection, channel), {}, now)


def leave_others(database: Database, channels: Collection[str], now: datetime) -> None:
    """Let what is not over end for channels that are not configured; one that comes back is a new one.

    Another process may have other channels in its settings, and tell them: one is left after a week without a verdict.
    """
    name, scope, judged_at = notice_channels.c.name, notice_channels.c.scope, notice_channels.c.judged_at
    others = sa.select(name).where(name.not_in(channels), scope.is_not(None), judged_at < now - _LEFT_AFTER)
    with database.reading() as connection:
        left = list(connection.scalars(others))
    for channel in left:
        with database.writing() as connection:
            state = read(connection, channel)
            _write(connection, channel, state.known, {}, now)
            _write_attempts(connection, channel, state.tried, {}, now)
            connection.execute(sa.update(notice_channels).where(name == channel).values(scope=None, digests_since=None))


def undelivered(
    connection: sa.Connection, channels: Collection[str], now: datetime
) -> Mapping[str, Undelivered | None]:
    """Read what each of the channels had not taken when it was given up; None where there is nothing."""
    if not channels:
        return {}
    tried = notice_attempts.c
    query = (
        sa.select(tried.channel, sa.func.count(), sa.func.min(tried.first_tried_at))
        .where(
            tried.channel.in_(channels),
            tried.first_tried_at <= now - GIVEN_UP_AFTER,
            sa.or_(tried.ended_at.is_(None), tried.ended_at > now),
        )
        .group_by(tried.channel)
    )
    found = {row[0]: Undelivered(*row[1:]) for row in connection.execute(query)}
    return {channel: found.get(channel) for channel in channels}


def read(connection: sa.Connection, channel: str) -> State:
    """Read what a channel knows of findings that are not over, and what it did not take."""
    lasting = sa.select(notices).where(notices.c.channel == channel, notices.c.ended_at.is_(None))
    known = {Key(row.account, row.droplet_id or None, row.finding): _told(row) for row in connection.execute(lasting)}
    scope = connection.scalar(sa.select(notice_channels.c.scope).where(notice_channels.c.name == channel))
    return State(known, _attempts(connection, channel), scope)


def _attempts(connection: sa.Connection, channel: str) -> dict[Key, Tried]:
    lasting = sa.select(notice_attempts).where(
        notice_attempts.c.channel == channel, notice_attempts.c.ended_at.is_(None)
    )
    return {
        Key(row.account, row.droplet_id or None, row.finding): Tried(
            Change(row.change), Extent(row.severity, _ids(row.lost_backup_ids)), row.first_tried_at, row.unanswered
        )
        for row in connection.execute(lasting)
    }


def _told(row: sa.Row[Any]) -> Told:
    finding = Finding(
        name=row.finding,
        severity=row.severity,
        account=row.account,
        droplet_id=row.droplet_id or None,
        droplet=row.droplet,
        since=row.began_at,
        what=row.what,
        subject=row.subject,
    )
    return Told(finding, _ids(row.lost_backup_ids), row.told_at, row.found_at or row.told_at)


def _ids(written: str) -> frozenset[int]:
    return frozenset(map(int, filter(None, written.split(","))))


def _written(ids: Collection[int]) -> str:
    return ",".join(map(str, sorted(ids)))


def _write(connection: sa.Connection, channel: str, before: Known, after: Known, now: datetime) -> None:
    for key in sorted(before.keys() - after.keys(), key=str):
        connection.execute(sa.update(notices).where(_lasting(notices, channel, key)).values(ended_at=now))
    for key in sorted(after.keys() - before.keys(), key=str):
        connection.execute(sa.insert(notices).values(_key(channel, key) | _values(after[key])))
    for key in sorted(after.keys() & before.keys(), key=str):
        if after[key] != before[key]:
            connection.execute(sa.update(notices).where(_lasting(notices, channel, key)).values(_values(after[key])))


def _values(told: Told) -> dict[str, object]:
    finding = told.finding
    return {
        "severity": finding.severity,
        "droplet": finding.droplet,
        "subject": finding.subject,
        "began_at": finding.since,
        "what": finding.what,
        "lost_backup_ids": _written(told.lost),
        "told_at": told.told_at,
        "found_at": told.found_at,
    }


def _write_attempts(connection: sa.Connection, channel: str, before: Attempts, after: Attempts, now: datetime) -> None:
    for key in sorted(before.keys() | after.keys(), key=str):
        old, new = before.get(key), after.get(key)
        lasting = _lasting(notice_attempts, channel, key)
        if old and new and replace(old, unanswered=new.unanswered) == new:
            connection.execute(sa.update(notice_attempts).where(lasting).values(unanswered=new.unanswered))
            continue
        if old:
            connection.execute(sa.update(notice_attempts).where(lasting).values(ended_at=now))
        if new:
            connection.execute(sa.insert(notice_attempts).values(_key(channel, key) | _attempt_values(new)))


def _attempt_values(tried: Tried) -> dict[str, object]:
    return {
        "change": tried.change,
        "severity": tried.extent.severity,
        "lost_backup_ids": _written(tried.extent.lost),
        "first_tried_at": tried.first_tried_at,
        "unanswered": tried.unanswered,
    }


def _key(channel: str, key: Key) -> dict[str, object]:
    return {"channel": channel, "account": key.account, "droplet_id": key.droplet_id or 0, "finding": key.finding}


def _lasting(table: sa.Table, channel: str, key: Key) -> sa.ColumnElement[bool]:
    return sa.and_(*(table.c[name] == value for name, value in _key(channel, key).items()), table.c.ended_at.is_(None))
