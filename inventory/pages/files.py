"""The site as files: every page of one moment, whose links lead to each other, for a web server that only has files.

A file is replaced in one step, so that nobody is served half a page, and the overview last of all. Where there is none
yet, a page stands in its place that says so: a first writing that is killed leaves no directory without an entrance.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from inventory.errors import InventoryError
from inventory.pages import comparison, cost, droplets, grouping, overview, reports
from inventory.pages.asked import Asked
from inventory.pages.frame import Frame
from inventory.pages.reading import Page, Reading
from inventory.report.choosing import reports as every_report
from inventory.report.replacing import directory, replacing

MOST_DROPLETS = 1_000
"""So many Droplets have pages; more would take more than minutes."""

MOST_ROWS = 10_000
"""So many rows have the CSV and the JSON of a report."""

_READ_AT_ONCE = 50  # Droplets; each may have thousands of backups that ended

_OURS = b'<meta name="generator" content="droplet-backup-inventory">'
_WITHIN = 1_000  # bytes


class Made(NamedTuple):
    """What was written: how many files, and pages of how many of all Droplets."""

    files: int
    droplets: int
    of_droplets: int


class _File(NamedTuple):
    """A page to be written: its place, what is asked there beside what all are asked, and what makes it."""

    place: str
    make: Callable[[Reading], Page | str | None]
    page: int = 1
    by: str = ""


class _Together:
    """Pages of Droplets, made one after the other and read some at once."""

    def __init__(self, droplet_ids: Sequence[int]) -> None:
        self._ids = droplet_ids
        self._pages: dict[int, Page] = {}

    def page(self, reading: Reading, droplet_id: int) -> Page:
        """Give the page of one, and read those of the next ones with it."""
        if droplet_id not in self._pages:
            begin = self._ids.index(droplet_id)
            self._pages = droplets.droplet_pages(reading, self._ids[begin : begin + _READ_AT_ONCE])
        return self._pages.pop(droplet_id)


@dataclass(frozen=True, slots=True)
class _Names:
    """The names of files by place; `asked` is what all pages are asked, and only these Droplets have one."""

    asked: Asked
    droplet_ids: Collection[int]

    def address(self, root: str, place: str, asked: Asked) -> str | None:
        """Write the address of a page; None where it is none of those that are written."""
        known = (Asked(as_of=self.asked.as_of), self.asked)
        if replace(asked, page=1, by="") not in known or (asked.page > 1 and place != "calendar"):
            return None
        if place == "" and asked.by:
            return None
        folder, _, name = place.partition("/")
        if folder == "droplets" and int(name) not in self.droplet_ids:
            return None
        return root + quote(self.file(place, asked.page, asked.by))

    @staticmethod
    def file(place: str, page: int, by: str) -> str:
        """Name the file of a page, by its place."""
        if place.endswith((".csv", ".json")):
            return place
        part = f"-{page}" if page > 1 else ""
        way = f"-by-{by}" if by and by != "account" else ""
        return f"{place or 'index'}{way}{part}.html"


def write(reading: Reading, target: Path, progressed: Callable[[int, int], object]) -> Made:
    """Write all pages of what a reading asks into a directory, which is made if it is not there.

    Pages that an earlier writing left there and this one does not have, as of a forgotten account, are removed.
    After every file `progressed` gets how many are written, and how many there are.

    Raises:
        UsageError: The account or tag that is asked for is not known.
        OutputError: The disk is full or failing.
        ConfigurationError: The directory or a file in it cannot be written.
    """
    every = droplets.of_calendar(reading)
    ids = [each.droplet_id for each in every[:MOST_DROPLETS]]
    names = _Names(reading.asked, frozenset(ids))
    files = list(_files(ids, grouping.ways(reading)))
    for each in (target, target / "droplets", target / "reports"):
        directory(each)
    _begin(reading, target / names.file("", 1, ""), names)
    written = set[Path]()
    for number, file in enumerate(files, start=1):
        path = target / names.file(file.place, file.page, file.by)
        try:
            _write(reading, file, path, names)
        except InventoryError as error:
            if written:
                error.comes_after_writes()
            raise
        written.add(path)
        progressed(number, len(files))
    _remove_old({*target.glob("calendar-*.html"), *(target / "droplets").glob("*.html")} - written)
    return Made(len(files), len(ids), len(every))


def _begin(reading: Reading, index: Path, names: _Names) -> None:
    """Let the entrance say that the pages are being written, where it is not there yet."""
    if index.exists():
        return
    frame = Frame("", reading.asked, reading.now, reading.today, names.address, is_live=False)
    sentence = (
        "What is missing is not there yet. If this stays, the writing was ended before its end: write them again."
    )
    page = Page("problem.html", "These pages are being written", {"sentence": sentence})
    with replacing(index) as opened:
        opened.write(frame.written(page, reading.database).decode())


def _files(droplet_ids: Collection[int], ways: Collection[str]) -> Iterator[_File]:
    """List what is written, what the overview leads to before it."""
    together = _Together(list(droplet_ids))
    for droplet_id in droplet_ids:
        yield _File(f"droplets/{droplet_id}", partial(together.page, droplet_id=droplet_id))
    for page in range(1, max(-(-len(droplet_ids) // droplets.A_PAGE), 1) + 1):
        yield _File("calendar", droplets.calendar_page, page)
    for name in every_report():
        yield _File(f"reports/{name}.csv", partial(reports.csv_of, name=name, most=MOST_ROWS))
        yield _File(f"reports/{name}.json", partial(reports.json_of, name=name, most=MOST_ROWS))
        yield _File(f"reports/{name}", partial(reports.report_page, name=name, most=MOST_ROWS))
    yield _File("reports", reports.list_page)
    for by in ways:
        yield _File("cost", cost.page, by=by)
    yield _File("compare", comparison.page)
    yield _File("", overview.page)


def _write(reading: Reading, file: _File, path: Path, names: _Names) -> None:
    with replacing(path) as opened:
        opened.write(_text(reading, file, names))


def _text(reading: Reading, file: _File, names: _Names) -> str:
    asked = reading.asked.changed(page=file.page, by=file.by)
    found = file.make(replace(reading, asked=asked))
    assert found is not None, "only what is known is listed"
    if isinstance(found, str):
        return found
    frame = Frame(file.place, asked, reading.now, reading.today, names.address, is_live=False)
    return frame.written(found, reading.database).decode()


def _remove_old(paths: Collection[Path]) -> None:
    for path in paths:
        with path.open("rb") as file:
            is_ours = _OURS in file.read(_WITHIN)
        if is_ours:
            path.unlink(missing_ok=True)
