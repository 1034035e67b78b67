"""Whether a question reaches back to what was pruned."""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from inventory.store.pruned import known_since
from inventory.views.catalog import View
from inventory.views.queries import RECENT, Question

_EVER = datetime.min.replace(tzinfo=UTC)

# Their rows are of what exists, or of whole days; nothing prunes those.
_NEVER_PRUNED = {"live_backups", "restorable_backups", "droplet_size_by_day", "fleet_size_by_day"}

# Its rows are of what syncs learned, those of other views of what was made.
_LEARNED = "changes"


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
