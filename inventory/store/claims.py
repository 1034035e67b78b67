"""Which process tells a channel: one at a time, until it says that it is done, or its claim has run out."""

import os
import socket
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from inventory.store.bulk import insert_or_leave
from inventory.store.schema import notice_channels

CLAIM = timedelta(minutes=1)
"""How long a process may take to tell people, before another takes over."""


def lock(connection: sa.Connection, channel: str, at: datetime) -> sa.Row[Any] | None:
    """Lock the row of a channel until the transaction ends, and return it; None where another process tells it."""
    insert_or_leave(connection, notice_channels, {"name": channel})
    its = sa.select(notice_channels).where(notice_channels.c.name == channel)
    row = connection.execute(its.with_for_update()).one()
    return None if row.claim_ends_at is not None and row.claim_ends_at > at else row


def claim(connection: sa.Connection, channel: str, at: datetime, **values: object) -> None:
    """Claim a channel that is locked, and write these values with it."""
    claimed = {"claimed_by": _me(), "claim_ends_at": at + CLAIM, **values}
    connection.execute(sa.update(notice_channels).where(notice_channels.c.name == channel).values(claimed))


def release(connection: sa.Connection, channel: str, **values: object) -> bool:
    """Give the claim back, and write these values with it; False where it had run out and another process took over."""
    is_ours = sa.and_(notice_channels.c.name == channel, notice_channels.c.claimed_by == _me())
    released = {"claimed_by": None, "claim_ends_at": None, **values}
    return bool(connection.execute(sa.update(notice_channels).where(is_ours).values(released)).rowcount)


def _me() -> str:
    return f"{socket.gethostname()} {os.getpid()}"
