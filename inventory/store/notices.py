"""What each channel was told, and which process tells it.

    begin (a transaction: claim, compare) | tell people | finish (a transaction: what they know now)

A process that dies in between loses nothing: when its claim has run out, the next one finds the same difference.
"""

import os
import socket
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from inventory.judging.findings import Finding, Verdict
from inventory.notifying.telling import Key, Known, Told, settle
from inventory.store.bulk import insert_or_leave
from inventory.store.engine import Database
from inventory.store.schema import notice_channels, notices

CLAIM = timedelta(minutes=1)
"""How long a process may take to tell people, before another takes over."""


def begin(database: Database, channel: str, verdict: Verdict) -> dict[Key, Told] | None:
    """Claim a channel, write what changes without a message, and return what it knows then.

    None where another process tells it now, or has taken a later verdict.
    """
    me = _me()
    with database.writing() as connection:
        insert_or_leave(connection, notice_channels, {"name": channel})
        its = notice_channels.c.name == channel
        row = connection.execute(sa.select(notice_channels).where(its).with_for_update()).one()
        is_claimed = row.claim_ends_at is not None and row.claim_ends_at > verdict.now
        if is_claimed or (row.judged_at is not None and row.judged_at > verdict.now):
            return None
        claim = {"judged_at": verdict.now, "claimed_by": me, "claim_ends_at": verdict.now + CLAIM}
        connection.execute(sa.update(notice_channels).where(its).values(claim))
        known = read(connection, channel)
        settled = settle(known, verdict)
        _write(connection, channel, known, settled, verdict.now)
        return settled


def finish(database: Database, channel: str, told: Known, now: datetime) -> bool:
    """Write what the channel knows after the messages, of a verdict of `now`, and give the claim back.

    False where the claim had run out and another process took over: it tells the same again.
    """
    is_ours = sa.and_(
        notice_channels.c.name == channel,
        notice_channels.c.claimed_by == _me(),
        notice_channels.c.judged_at == now,
    )
    with database.writing() as connection:
        released = connection.execute(
            sa.update(notice_channels).where(is_ours).values(claimed_by=None, claim_ends_at=None)
        )
        if not released.rowcount:
            return False
        _write(connection, channel, read(connection, channel), told, now)
        return True


def read(connection: sa.Connection, channel: str) -> dict[Key, Told]:
    """Read what a channel knows of findings that are not over."""
    lasting = sa.select(notices).where(notices.c.channel == channel, notices.c.ended_at.is_(None))
    return {Key(row.account, row.droplet_id or None, row.finding): _told(row) for row in connection.execute(lasting)}


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
    return Told(finding, frozenset(map(int, filter(None, row.lost_backup_ids.split(",")))), row.told_at)


def _write(connection: sa.Connection, channel: str, before: Known, after: Known, now: datetime) -> None:
    for key in sorted(before.keys() - after.keys(), key=str):
        connection.execute(sa.update(notices).where(_lasting(channel, key)).values(ended_at=now))
    for key in sorted(after.keys() - before.keys(), key=str):
        row = {"channel": channel, "account": key.account, "droplet_id": key.droplet_id or 0, "finding": key.finding}
        connection.execute(sa.insert(notices).values(row | _values(after[key])))
    for key in sorted(after.keys() & before.keys(), key=str):
        if after[key] != before[key]:
            connection.execute(sa.update(notices).where(_lasting(channel, key)).values(_values(after[key])))


def _values(told: Told) -> dict[str, object]:
    finding = told.finding
    return {
        "severity": finding.severity,
        "droplet": finding.droplet,
        "subject": finding.subject,
        "began_at": finding.since,
        "what": finding.what,
        "lost_backup_ids": ",".join(map(str, sorted(told.lost))),
        "told_at": told.told_at,
    }


def _lasting(channel: str, key: Key) -> sa.ColumnElement[bool]:
    return sa.and_(
        notices.c.channel == channel,
        notices.c.account == key.account,
        notices.c.droplet_id == (key.droplet_id or 0),
        notices.c.finding == key.finding,
        notices.c.ended_at.is_(None),
    )


def _me() -> str:
    return f"{socket.gethostname()} {os.getpid()}"
