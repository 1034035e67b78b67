"""From an address to the bytes of a page: which page it is, one bounded reading, and the overview that is kept."""

import gzip
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import TypeAlias, TypeVar

import sqlalchemy as sa

from inventory.errors import DatabaseError, UsageError
from inventory.pages import comparison, cost, droplets, overview, reports
from inventory.pages.asked import Asked, address
from inventory.pages.frame import Frame
from inventory.pages.reading import Page, Reading
from inventory.process.clock import utc_now
from inventory.report.overview import Judging
from inventory.store.engine import Database
from inventory.store.limited import only_reading
from inventory.store.runs import state_of_runs

SECONDS = 5.0
"""How long a page may read."""

# It is made once after a sync, of all Droplets, and kept.
_OVERVIEW_SECONDS = 20.0

MOST_AT_ONCE = 2

# Of nine: beyond it takes three times as long for a fiftieth of the size.
_COMPRESSION = 6
_FRESH_SECONDS = 10.0
_KEPT_SECONDS = 15 * 60.0

HTML, JSON, CSV = "text/html; charset=utf-8", "application/json", "text/csv; charset=utf-8"

_Read = TypeVar("_Read")
Make: TypeAlias = Callable[[Reading], Page | str | None]


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent for an address; `name` is that of a file to save it as, None for a page to look at."""

    status: int
    body: bytes
    media_type: str = HTML
    name: str | None = None
    tag: str = field(init=False)
    compressed: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Name this answer by its content, for whoever has it already, and compress it once for all."""
        object.__setattr__(self, "tag", f'"{sha256(self.body).hexdigest()[:32]}"')
        object.__setattr__(self, "compressed", gzip.compress(self.body, _COMPRESSION, mtime=0))


@dataclass(frozen=True, slots=True)
class _Kept:
    """The overview as it was last made, and of which runs; until when nobody checks these, and how long it may stay."""

    answer: Answer
    runs: object
    is_fresh_until: float
    is_kept_until: float


class Site:
    """The pages of one database. Each is read when it is asked for, but the overview once after each sync."""

    def __init__(
        self,
        database: Callable[[], AbstractContextManager[Database]],
        judging: Callable[[], Judging],
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """Prepare; the database is opened for every page, and the rules are asked for, since both may change."""
        self._database = database
        self._judging = judging
        self._clock = clock
        self._places = threading.BoundedSemaphore(MOST_AT_ONCE)
        self._overview: _Kept | None = None

    def overview(self, parameters: Mapping[str, str]) -> Answer:
        """Give the overview; where nothing is asked, as it was made after the last sync, but of the last 15 minutes."""
        if parameters:
            return self.page("", overview.page, parameters)
        kept, now = self._overview, time.monotonic()
        if kept and now < kept.is_fresh_until:
            return kept.answer
        if kept:  # others get it while it is made again
            self._overview = replace(kept, is_fresh_until=now + _OVERVIEW_SECONDS)
        today = self._clock().replace(microsecond=0)
        frame = Frame("", Asked(), today, today, address)
        try:
            runs = self._read(lambda connection, _: state_of_runs(connection))
            if kept and kept.runs == runs and now < kept.is_kept_until:
                self._overview = replace(kept, is_fresh_until=now + _FRESH_SECONDS)
                return kept.answer
            answer = self._made(overview.page, frame, HTML, _OVERVIEW_SECONDS)
        except DatabaseError as error:
            return _unanswered(frame, error)
        self._overview = _Kept(answer, runs, now + _FRESH_SECONDS, now + _KEPT_SECONDS)
        return answer

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
        """Make a page in one reading; say why, where it cannot be made."""
        today = self._clock().replace(microsecond=0)
        nothing_asked = Frame(place, Asked(), today, today, address)
        try:
            asked = Asked.read(parameters)
            frame = Frame(place, asked, asked.moment(today), today, address)
            return self._made(make, frame, media_type)
        except UsageError as error:
            return _problem(nothing_asked, 400, "This address cannot be answered", str(error))
        except DatabaseError as error:
            return _unanswered(nothing_asked, error)

    def _made(self, make: Make, frame: Frame, media_type: str, seconds: float = SECONDS) -> Answer:
        def page(connection: sa.Connection, shown: str) -> Page | str | None:
            return make(Reading(connection, frame.asked, frame.now, frame.today, shown, self._judging()))

        found, shown = self._read(page, seconds)
        if found is None:
            return _problem(frame, 404, "Not known", "What this address asks for was not known at that moment.")
        if isinstance(found, str):
            name = frame.place.rpartition("/")[2]
            return Answer(200, found.encode("utf-8", "replace"), media_type, name)
        return Answer(200, frame.written(found, shown))

    def _read(self, read: Callable[[sa.Connection, str], _Read], seconds: float = SECONDS) -> tuple[_Read, str]:
        """Read once, if not too many others do, and give the name of the database with it."""
        if not self._places.acquire(blocking=False):
            raise DatabaseError("others are being answered", to_do="try again in a moment.")
        try:
            with (
                self._database() as database,
                database.reading() as connection,
                only_reading(connection, seconds),
            ):
                return read(connection, database.shown), database.shown
        finally:
            self._places.release()


def _problem(frame: Frame, status: int, title: str, sentence: str) -> Answer:
    return Answer(status, frame.written(Page("problem.html", title, {"sentence": sentence}), ""))


def _unanswered(frame: Frame, error: DatabaseError) -> Answer:
    return _problem(frame, 503, "No answer now", str(error))
