"""From an address to the bytes of a page: which page it is, and one bounded reading for all who ask for it."""

import gzip
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import InitVar, dataclass, field, replace
from datetime import datetime
from functools import lru_cache, partial
from hashlib import sha256
from typing import TypeAlias

from inventory.errors import DatabaseError, UsageError
from inventory.pages import comparison, cost, droplets, overview, reports
from inventory.pages.asked import Asked, address
from inventory.pages.frame import Frame
from inventory.pages.kept import FRESH_SECONDS, MOST, Kept, Made
from inventory.pages.reading import Page, Reading
from inventory.process.clock import utc_now
from inventory.report.overview import Judging
from inventory.store.engine import Database
from inventory.store.limited import only_reading
from inventory.store.runs import state_of_runs

PATIENCE_SECONDS = 0.2
"""How long whoever asks waits for a page; after that it says that it is being made."""

SECONDS = 20.0
"""How long a page may read, and whoever asks for the rows of a report waits."""

_AGAIN_SECONDS = 1

# Of nine: beyond it takes three times as long for a fiftieth of the size.
_COMPRESSION = 6

HTML, JSON, CSV = "text/html; charset=utf-8", "application/json", "text/csv; charset=utf-8"

Make: TypeAlias = Callable[[Reading], Page | str | None]


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent for an address.

    Attributes:
        name: That of a file to save it as, None for a page to look at.
        again_after: Seconds after which a browser asks again by itself; None: never.
    """

    status: int
    written: InitVar[bytes]
    media_type: str = HTML
    name: str | None = None
    again_after: int | None = None
    tag: str = field(init=False)
    compressed: bytes = field(init=False, repr=False)

    def __post_init__(self, written: bytes) -> None:
        """Name this answer by its content, for whoever has it already, and compress it once for all."""
        object.__setattr__(self, "tag", f'"{sha256(written).hexdigest()[:32]}"')
        object.__setattr__(self, "compressed", gzip.compress(written, _COMPRESSION, mtime=0))

    @property
    def body(self) -> bytes:
        """What is sent to those few that take nothing compressed."""
        return gzip.decompress(self.compressed)


class Site:
    """The pages of one database. Each is read once for all who ask, until a sync may have changed it."""

    def __init__(
        self,
        database: Callable[[], AbstractContextManager[Database]],
        judging: Callable[[], Judging],
        clock: Callable[[], datetime] = utc_now,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        """Prepare; the database is opened for every page, and the rules are asked for, since both may change."""
        self._database = database
        self._judging = judging
        self._clock = clock
        self._patience = patience_seconds
        self._kept = Kept[Answer]()

    def overview(self, parameters: Mapping[str, str]) -> Answer:
        """Give the overview of what is asked for."""
        return self.page("", overview.page, parameters)

    def calendar(self, parameters: Mapping[str, str]) -> Answer:
        """Give one part of the calendar."""
        return self.page("calendar", droplets.calendar_page, parameters)

    def cost(self, parameters: Mapping[str, str]) -> Answer:
        """Give what backups cost."""
        return self.page("cost", cost.page, parameters)

    def comparison(self, parameters: Mapping[str, str]) -> Answer:
        """Give two moments side by side."""
        return self.page("compare", comparison.page, parameters)

    def droplet(self, droplet_id: int, parameters: Mapping[str, str]) -> Answer:
        """Give the page of one Droplet."""
        make = partial(droplets.droplet_page, droplet_id=droplet_id)
        return self.page(f"droplets/{droplet_id}", make, parameters)

    def reports(self, parameters: Mapping[str, str]) -> Answer:
        """Give the list of reports."""
        return self.page("reports", reports.list_page, parameters)

    def report(self, name: str, parameters: Mapping[str, str]) -> Answer:
        """Give one report as a page, or as JSON or CSV where its name ends so."""
        forms = {".json": (reports.json_of, JSON), ".csv": (reports.csv_of, CSV)}
        for ending, (make, media_type) in forms.items():
            if name.endswith(ending):
                stem = name.removesuffix(ending)
                return self.page(f"reports/{name}", partial(make, name=stem), parameters, media_type)
        return self.page(f"reports/{name}", partial(reports.report_page, name=name), parameters)

    def not_found(self, path: str) -> Answer:
        """Say that there is no page at this address; `path` begins with a slash."""
        today = self._clock()
        frame = Frame(path.removeprefix("/"), Asked(), today, today, address)
        return _problem(frame, 404, "There is no such page", "The overview leads to all there are.")

    def page(self, place: str, make: Make, parameters: Mapping[str, str], media_type: str = HTML) -> Answer:
        """Give a page as it was made in one reading; say why, where it cannot be given."""
        today = self._clock().replace(microsecond=0)
        nothing_asked = Frame(place, Asked(), today, today, address)
        try:
            asked = Asked.read(parameters)
            frame = Frame(place, asked, asked.moment(today), today, address)
            patience = self._patience if media_type == HTML else SECONDS
            made = partial(self._made, make, frame, media_type)
            later = replace(frame, asked=Asked(as_of=asked.as_of))
            return self._kept.get((place, asked), made, patience) or _later(later)
        except UsageError as error:
            return _problem(nothing_asked, 400, "This address cannot be answered", str(error))

    def _made(self, make: Make, frame: Frame, media_type: str, of: object) -> Made[Answer]:
        try:
            with (
                self._database() as database,
                database.reading() as connection,
                only_reading(connection, SECONDS),
            ):
                state = state_of_runs(connection)
                if state == of:
                    return Made(state, None)
                made = partial(Made, state, is_beside_sync=bool(state.running))
                shown = database.shown
                found = make(Reading(connection, frame.asked, frame.now, frame.today, shown, self._judging()))
        except DatabaseError as error:
            return Made(None, _problem(frame, 503, "No answer now", str(error)), FRESH_SECONDS)
        if found is None:
            missing = "What this address asks for was not known at that moment."
            return made(_problem(frame, 404, "Not known", missing), 0)
        if isinstance(found, str):
            name = frame.place.rpartition("/")[2]
            return made(Answer(200, found.encode("utf-8", "replace"), media_type, name), 0)
        return made(Answer(200, frame.written(found, shown)))


@lru_cache(maxsize=MOST)
def _later(frame: Frame) -> Answer:
    """Say it once a second for everybody who asks for the same page, whatever that is narrowed to."""
    sentence = "It reads much of what is stored, and appears here by itself in a moment."
    page = Page("problem.html", "This page is being made", {"sentence": sentence})
    return Answer(503, frame.written(page, ""), again_after=_AGAIN_SECONDS)


def _problem(frame: Frame, status: int, title: str, sentence: str) -> Answer:
    return Answer(status, frame.written(Page("problem.html", title, {"sentence": sentence}), ""))
