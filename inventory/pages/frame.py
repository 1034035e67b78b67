"""What every page has in common: where it is, what was asked, its moment, and how it links to others. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from inventory.pages.asked import Asked
from inventory.pages.reading import Page
from inventory.pages.rendering import render


@dataclass(frozen=True, slots=True)
class Frame:
    """What every page has.

    Attributes:
        place: Where it is: the path of its address.
        asked: What its address asks.
        now: The moment it speaks of.
        today: The moment at which it is made.
        address: Writes the address of a place, by what leads to the overview, the place, and what is asked there; None
            if there is no such page.
        is_live: Whether somebody answers what a form or a link of it asks.
    """

    place: str
    asked: Asked
    now: datetime
    today: datetime
    address: Callable[[str, str, Asked], str | None]
    is_live: bool = True

    @property
    def root(self) -> str:
        """What leads from this page to the overview."""
        return "../" * self.place.count("/")

    @property
    def above(self) -> Sequence[tuple[str, str]]:
        """Name the pages above this one, and where they are."""
        folder, slash, _ = self.place.partition("/")
        between = {"droplets": ("Calendar", "calendar"), "reports": ("Reports", "reports")}.get(folder)
        return [("Overview", ""), *([between] if slash and between else ())] if self.place else []

    def written(self, page: Page, database: str) -> bytes:
        """Write a page; `database` is its name, empty where none was asked."""
        return render(
            page.template,
            title=page.title,
            place=self.place,
            root=self.root,
            above=self.above,
            asked=self.asked,
            now=self.now,
            is_past=self.now != self.today,
            is_live=self.is_live,
            database=database,
            link=self.link,
            here=self.here,
            other=self.other,
            **page.content,
        )

    def link(self, place: str, **changes: str | int) -> str | None:
        """Link to another page of the same moment, and of nothing else that was asked."""
        return self.address(self.root, place, Asked(as_of=self.asked.as_of).changed(**changes))

    def here(self, **changes: str | int) -> str | None:
        """Link to the same page with other parameters."""
        return self.address(self.root, self.place, self.asked.changed(**changes))

    def other(self, ending: str) -> str | None:
        """Link to all rows of the same report in another form."""
        return self.address(self.root, f"{self.place}{ending}", self.asked.changed(sort=""))
