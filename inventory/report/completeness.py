"""Whether a question reaches back to what was pruned, or to before the first look."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from inventory.store.pruned import known_since
from inventory.views.catalog import View
from inventory.views.queries import RECENT, Question, ask
from inventory.views.rows import KnownDroplet

_EVER = datetime.min.replace(tzinfo=UTC)

# Their rows are of what exists, or of whole days; nothing prunes those.
_NEVER_PRUNED = {"live_backups", "restorable_backups", "droplet_size_by_day", "fleet_size_by_day"}

# Its rows are of what syncs learned, those of other views of what was made.
_LEARNED = "changes"

# Its rows are of what exists today, or was seen to exist: later looks say nothing of what was gone before the first.
_RESTORABLE = "restorable_backups"


@dataclass(frozen=True, slots=True)
class Gap:
    """A time of which rows may be missing: everything before a moment.

    Attributes:
        is_pruned: Whether history was pruned; else no sync had looked yet.
    """

    before: datetime
    is_pruned: bool


def gap(connection: sa.Connection, question: Question, view: View, now: datetime) -> Gap | None:
    """Give the time of which the rows of a view, asked at `now`, may not be all; None if they are."""
    pruned = incomplete_before(connection, question, view)
    if pruned:
        return Gap(pruned, is_pruned=True)
    # What is known as of a moment is what was known then; but nobody knew of a time before the first look.
    known_at, end = (now, question.now) if view.name == _RESTORABLE else (question.now, question.until)
    if end is None or not view.time:
        return None
    known = ask(
        connection, KnownDroplet, Question(known_at, accounts=question.accounts, droplet_ids=question.droplet_ids)
    )
    first = min((each.first_look_at for each in known if each.first_look_at), default=None)
    return Gap(first, is_pruned=False) if first and end < first else None


def incomplete_before(
    connection: sa.Connection, question: Question, view: View | None, looks_back: timedelta = timedelta(0)
) -> datetime | None:
    """Give the moment before which the answer may lack what was pruned; None if it reaches back to nothing like that.

    The summary, `view` None, also tells what happened shortly before its moment: so far it `looks_back`.
    """
    known = known_since(connection, question.accounts)
    if known is None:
        return None
    if question.now - looks_back < known.as_of:
        return known.as_of
    if view is None or view.time is None or view.name in _NEVER_PRUNED:
        return None
    since = question.since or (question.now - RECENT if view.is_recent else _EVER)
    edge = known.as_of if view.name == _LEARNED else known.made
    return edge if edge and since < edge else None
