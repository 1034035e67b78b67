"""Make the pictures of docs/pages.md: pages of the demonstration's history, in Chromium.

    python -m docs.pictures

The same history at the same moment gives the same pages; how letters look is the machine's own.
"""

import shutil
from contextlib import closing, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import sync_playwright

from inventory.commands import demo
from inventory.judging.rules import Rules
from inventory.pages.routes import routes
from inventory.pages.site import Site
from inventory.report.overview import Judging
from inventory.serving.listening import names
from inventory.serving.web import guarded, serve
from inventory.store.engine import Database
from inventory.views.queries import Question, ask
from inventory.views.rows import KnownDroplet

_NOW = datetime(2026, 11, 29, 7, tzinfo=UTC)
_ADDRESS = "127.0.0.1:0"
_PLACES = {
    "overview": "",
    "calendar": "calendar",
    "droplet": "droplets/{droplet}",
    "as-of": "?as_of=2026-10-12T12:00",
    "comparison": "compare?before=2026-10-01T12:00",
}
_DROPLET = "db-01"
_DIRECTORY = Path(__file__).parent / "pictures"


def main() -> None:
    """Write a picture for each page."""
    with TemporaryDirectory() as directory:
        demo.run(days=120, droplets=12, seed=1, directory=Path(directory), now=_NOW)
        (path,) = Path(directory).glob("*.db")
        with closing(Database(f"sqlite:///{path}")) as database:
            _take(database)


def _take(database: Database) -> None:
    with database.reading() as connection:
        ids = {each.droplet: each.droplet_id for each in ask(connection, KnownDroplet, Question(_NOW))}
    judging = Judging(Rules(), (), None)
    site = Site(lambda: nullcontext(database), lambda: judging, clock=lambda: _NOW, patience_seconds=60)
    with (
        serve(_ADDRESS, guarded(routes(site), names(_ADDRESS))) as serving,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"]) as browser,
    ):
        page = browser.new_page(viewport={"width": 1360, "height": 860})
        for name, place in _PLACES.items():
            page.goto(f"{serving.url}/{place.format(droplet=ids[_DROPLET])}")
            page.screenshot(path=_DIRECTORY / f"{name}.png")


if __name__ == "__main__":
    main()
