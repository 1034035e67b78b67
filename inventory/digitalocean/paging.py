"""Walks over the pages of a listing, and whether what they found can be all there is (R1).

The pages are counted here; an answer only says whether there is another. A listing may change while it is walked:
an entry that disappears moves the others up, and one of them is then on no page.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from inventory.digitalocean.decode import Page

Value = TypeVar("Value")

# The most that the API sends on one page.
PER_PAGE = 200

_PAGES_TO_SPARE = 2
_MOST_PAGES_WITHOUT_TOTAL = 50
_MOST_PAGES = 1000

CHANGED = "the list changed while it was read"


@dataclass(frozen=True, slots=True)
class Walk(Generic[Value]):
    """What the pages of one walk held, in order.

    Attributes:
        problem: Why the walk was broken off; None where it was not.
    """

    pages: tuple[Page[Value], ...]
    problem: str | None

    @property
    def values(self) -> dict[int, Value]:
        """The values by id; the later page's where two pages have one."""
        return {number: value for page in self.pages for number, value in page.values.items()}

    @property
    def malformed(self) -> Mapping[int, str]:
        """Id -> why its entry could not be read."""
        return {number: why for page in self.pages for number, why in page.malformed.items()}

    @property
    def unidentified(self) -> tuple[str, ...]:
        """Why each entry without a readable id could not be read."""
        return tuple(why for page in self.pages for why in page.unidentified)

    @property
    def doubts(self) -> Mapping[int, str]:
        """Id -> which of its values say nothing."""
        return {number: what for page in self.pages for number, what in page.doubts.items()}

    @property
    def rows(self) -> int:
        """Entries of all pages, duplicates included."""
        return sum(page.rows for page in self.pages)

    @property
    def ids(self) -> frozenset[int]:
        """The distinct ids that could be read."""
        return frozenset(number for page in self.pages for number in page.ids)

    @property
    def found(self) -> int:
        """How many different entries there were; one whose id cannot be read differs from all others."""
        return len(self.ids) + len(self.unidentified)

    @property
    def total(self) -> int | None:
        """What the last page announced."""
        return self.pages[-1].total

    @property
    def filled_pages(self) -> int:
        """How many pages had entries."""
        return sum(1 for page in self.pages if page.rows)


def walk(read_page: Callable[[int], Page[Value]]) -> Walk[Value]:
    """Read page after page, from 1, until nothing more can come.

    What `read_page` raises ends it: a walk with a hole would be worth nothing.
    """
    pages: list[Page[Value]] = []
    rows = 0
    while True:
        page = read_page(len(pages) + 1)
        pages.append(page)
        rows += page.rows
        # A full page that names no next may still have one, unless all that was announced is there.
        is_last = not page.has_next and (page.rows < PER_PAGE or rows == page.total)
        if not page.rows or is_last:
            return Walk(tuple(pages), None)
        number = len(pages)
        if number > 1 and page.ids and (page.ids, page.rows) == (pages[-2].ids, pages[-2].rows):
            return Walk(tuple(pages), f"page {number} repeats page {number - 1}")
        if number >= (most := _most_pages(page.total, pages[0].rows)):
            return Walk(tuple(pages), f"there are more than {most} pages")


def _most_pages(total: int | None, on_first_page: int) -> int:
    """Allow two pages more than the total needs, at the page size that the server chose."""
    if total is None:
        return _MOST_PAGES_WITHOUT_TOTAL
    return min(-(-total // on_first_page) + _PAGES_TO_SPARE, _MOST_PAGES)


def total_problem(walked: Walk[Value], noun: str) -> str | None:
    """Say why the walk may not have found as many `noun` as the server announced; None if it has."""
    totals = {page.total for page in walked.pages}
    if None in totals:
        is_all = len(walked.pages) == 1 and 0 < walked.rows < PER_PAGE
        return None if is_all else f"DigitalOcean did not say how many {noun} there are"
    if len(totals) > 1:
        return CHANGED
    return None if totals == {walked.found} else f"DigitalOcean announced {walked.total} {noun} and sent {walked.found}"


def walk_problem(walked: Walk[Value]) -> str | None:
    """Say what is wrong with the walk itself, whatever the total; None if nothing is."""
    return walked.problem or (CHANGED if walked.found < walked.rows else None)
