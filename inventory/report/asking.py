"""What the command line asks of a report, read and checked. Pure."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from inventory.errors import UsageError
from inventory.report import rows_text
from inventory.terminal import moments
from inventory.views.catalog import View
from inventory.views.queries import Question


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line asks; moments as the user wrote them.

    Attributes:
        as_of: To answer by what was known then; None is now.
        at: For restorable_backups: what could have been restored then, by all that is known today.
        accounts: Only these, by name or pattern; empty for all. So are `groups`, `droplets`, by name or id, and `tags`.
        limit: The greatest number of rows; None for all, but a thousand on a screen, and ten thousand in a page.
    """

    as_of: str | None = None
    at: str | None = None
    since: str | None = None
    until: str | None = None
    accounts: Collection[str] = ()
    groups: Collection[str] = ()
    droplets: Collection[str] = ()
    tags: Collection[str] = ()
    limit: int | None = None

    @property
    def narrowed(self) -> str:
        """Which accounts, groups, Droplets and tags the answer is limited to, in words; empty if it is not limited."""
        return rows_text.narrowed(self.accounts, self.groups, self.droplets, self.tags)

    def question(self, view: View | None, now: datetime) -> Question:
        """Read what is asked of a view, or of the summary if that is None; the Droplets are not looked up yet.

        Raises:
            UsageError: An option cannot be read, or means nothing for this view.
        """
        as_of, at = moments.read("--as-of", self.as_of, now), moments.read("--at", self.at, now)
        since, until = moments.read("--since", self.since, now), moments.read_end("--until", self.until, now)
        if at:
            _check_at(view, as_of)
        if since or until:
            _check_period(view, since, until)
        return Question(
            now=at or as_of or now, since=since, until=until, accounts=self.accounts or None, limit=self.limit
        )


def _check_at(view: View | None, as_of: datetime | None) -> None:
    if view is None or view.name != "restorable_backups":
        raise UsageError("--at belongs to restorable_backups; --as-of shows any report as it was known at a moment.")
    if as_of:
        raise UsageError("--at answers by all that is known today, --as-of by what was known then: give one of them.")


def _check_period(view: View | None, since: datetime | None, until: datetime | None) -> None:
    if view is None or not view.time:
        what = view.name if view else "the summary"
        raise UsageError(f"{what} is of one moment: --since and --until do not apply to it, --as-of does.")
    if since and until and until <= since:
        raise UsageError("--until must be later than --since.")
