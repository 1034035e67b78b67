"""The text around the rows of a view: the question, its moment, and why there are no rows. Pure."""

from collections.abc import Collection, Mapping
from datetime import datetime
from types import MappingProxyType

from inventory.terminal.display import shown
from inventory.views.catalog import View
from inventory.views.queries import RECENT, Question

NOTHING_WRONG: Mapping[str, str] = MappingProxyType(
    {
        "missed_backups": "no backup was missed",
        "empty_windows": "no window was without a backup",
        "size_anomalies": "no backup stands out in size",
        "unprotected_droplets": "every active Droplet has backups, and has them on",
        "changes": "nothing happened",
    }
)
"""View -> what it means that it has no rows, for views of what is wrong or new."""


def heading(view: View, question: Question, database: str) -> str:
    """Name the question, the database, and the moment of the answer."""
    during = period(view, question)
    return f"{view.question}\n{database}, as of {moment(question.now)}{during and f', {during}'}\n"


def moment(at: datetime) -> str:
    """Write a moment in full: weekday, date, time and zone."""
    return f"{at:%a %Y-%m-%d %H:%M} UTC"


def period(view: View, question: Question) -> str:
    """Name the period of the rows; empty if there is no limit, or if the view is of one moment."""
    since = question.since or (question.now - RECENT if view.is_recent else None)
    limits = [
        f"{word} {at:%Y-%m-%d %H:%MZ}" for word, at in (("since", since), ("until", question.until)) if at is not None
    ]
    return " and ".join(limits)


def narrowed(
    accounts: Collection[str], groups: Collection[str], droplets: Collection[str], tags: Collection[str]
) -> str:
    """Name the accounts, groups, Droplets and tags that were asked for; empty if all were."""
    wanted = (("account", accounts), ("group", groups), ("Droplet", droplets), ("tag", tags))
    return "; ".join(f"{what} {' or '.join(map(shown, names))}" for what, names in wanted if names)


def nothing(view: View, question: Question) -> str:
    """Say what it means that there are no rows."""
    narrowed = " of the Droplets asked for" if question.droplet_ids is not None or question.accounts else ""
    if wrong := NOTHING_WRONG.get(view.name):
        return f"None{narrowed}: {wrong}."
    return f"None{narrowed}: one would be {view.grain}."


def nothing_known(question: Question) -> str:
    """Say that no sync had looked yet."""
    return f"Nothing was known at {moment(question.now)}: no sync had looked yet. Run: inventory sync"


def pruned(before: datetime) -> str:
    """Say that history was pruned, so that rows may be missing."""
    return f"pruned: not everything is known before {before:%Y-%m-%d %H:%MZ}."


def not_looked_yet(before: datetime) -> str:
    """Say that no sync had looked, so that rows may be missing."""
    return f"no sync had looked before {before:%Y-%m-%d %H:%MZ}: what was gone by then is not known."


def more(rows: int) -> str:
    """Say that there are more rows than the table shows."""
    return f"These are the first {rows:,}; a larger --limit shows more, --csv and --json all."
