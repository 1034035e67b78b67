"""Which digests each channel got: each once, at most a day late.

begin (a transaction: claim) | send | finish (a transaction)
"""

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from inventory.notifying.hours import Due
from inventory.notifying.trying import MOST_UNANSWERED, Ending
from inventory.store import claims
from inventory.store.bulk import insert_or_leave
from inventory.store.engine import Database
from inventory.store.schema import notice_channels, notice_digests

LATEST = timedelta(hours=24)
"""How late a digest may be."""


def begin(database: Database, channel: str, due: Due, at: datetime) -> bool:
    """Claim a channel if it is to get this digest now; one that was due before the channel had digests is not sent."""
    with database.writing() as connection:
        row = claims.lock(connection, channel, at)
        if row is None:
            return False
        if row.digests_since is None:
            its = notice_channels.c.name == channel
            connection.execute(sa.update(notice_channels).where(its).values(digests_since=at))
            return False
        if not is_due(connection, channel, due, at):
            return False
        first = {"channel": channel, "due_local": due.local, "due_at": due.at, "unanswered": 0}
        insert_or_leave(connection, notice_digests, first)
        claims.claim(connection, channel, at)
        return True


def finish(database: Database, channel: str, due: Due, ending: Ending, at: datetime) -> None:
    """Note what came of a digest, and give the claim back."""
    noted: dict[Ending, dict[str, Any]] = {
        Ending.TAKEN: {"sent_at": at},
        Ending.UNANSWERED: {"unanswered": notice_digests.c.unanswered + 1},
        Ending.REFUSED: {},
    }
    with database.writing() as connection:
        if noted[ending]:
            connection.execute(sa.update(notice_digests).where(_its(channel, due)).values(noted[ending]))
        claims.release(connection, channel)


def is_due(connection: sa.Connection, channel: str, due: Due, now: datetime) -> bool:
    """Tell whether a channel would get this digest now."""
    since = connection.scalar(sa.select(notice_channels.c.digests_since).where(notice_channels.c.name == channel))
    if since is None or due.at < since or now - due.at > LATEST:
        return False
    is_over = sa.or_(notice_digests.c.sent_at.is_not(None), notice_digests.c.unanswered >= MOST_UNANSWERED)
    return connection.scalar(sa.select(is_over).where(_its(channel, due))) is not True


def _its(channel: str, due: Due) -> sa.ColumnElement[bool]:
    return sa.and_(notice_digests.c.channel == channel, notice_digests.c.due_local == due.local)
