"""The live pages in a real browser: nothing runs or is asked elsewhere, names stay text, and everybody can use them."""

import shutil
from collections.abc import Iterator
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from inventory.judging.rules import Rules
from inventory.pages.routes import routes
from inventory.pages.site import Site
from inventory.report.choosing import reports
from inventory.report.overview import Judging
from inventory.serving.listening import names
from inventory.serving.web import guarded, serve
from inventory.store.engine import Database
from inventory.store.schema import backup_regions, droplet_tags, droplet_versions, droplets
from tests.reports.conftest import ENDS_AT

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
HOSTILE = '"><img src=//elsewhere.example/x onerror=document.title=`ran`><script>document.title="ran"</script>{{7*7}}'

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (on Debian and Ubuntu: apt install chromium)"),
]

PLACES = [
    "",
    "calendar",
    "cost?by=tag",
    "compare?before=2026-03-25",
    "droplets/ID",
    "reports",
    "reports/known_droplets",
    "reports/live_backups",
    "nowhere",
    "?as_of=2026-03-25",
]


WIDTHS = (360, 412, 480, 600, 768, 1024, 1280, 1440, 1920)


@pytest.fixture(scope="module")
def served(_lived_on_sqlite: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """Serve the lived history with names that somebody chose to do harm; give its URL, and the Droplet with one."""
    source = sa.make_url(_lived_on_sqlite).database
    assert source
    path = shutil.copy(source, tmp_path_factory.mktemp("hostile") / "inventory.db")
    with closing(Database(f"sqlite:///{path}")) as database:
        with database.writing() as connection:
            first = connection.execute(sa.select(sa.func.min(droplets.c.id))).scalar_one()
            connection.execute(sa.update(droplets).where(droplets.c.id == first).values(name=HOSTILE, region="<b>"))
            connection.execute(
                sa.update(droplet_versions).where(droplet_versions.c.droplet_id == first).values(name=HOSTILE)
            )
            connection.execute(sa.update(droplet_tags).values(tag=sa.literal(HOSTILE) + droplet_tags.c.tag))
            connection.execute(sa.update(backup_regions).values(region="<b>"))
        site = Site(
            lambda: nullcontext(database),
            lambda: Judging(Rules(), (), None),
            clock=lambda: ENDS_AT,
            patience_seconds=60,
        )
        with serve("127.0.0.1:0", guarded(routes(site), names("127.0.0.1:0"))) as serving:
            assert serving.url
            yield serving.url, first


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        assert CHROMIUM
        with playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"]) as browser:
            yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browser.new_context() as context:
        yield context.new_page()


@pytest.mark.parametrize("place", PLACES)
def test_a_page_runs_nothing_asks_nobody_and_can_be_used_by_everybody(
    served: tuple[str, int], page: Page, place: str
) -> None:
    url, first = served
    console: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: console.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    address = f"{url}/{place.replace('ID', str(first))}"
    for width, scheme in ((1280, "light"), (360, "dark")):
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        page.goto(address)
        assert page.title() != "ran"
        assert page.locator("main img, main script").count() == 0
        assert violations(page) == [], scheme
    assert set(asked) == {address}
    # That there is no such page is what the browser itself says.
    assert [each for each in console if "404" not in each] == []
    if place in ("", "calendar", "droplets/ID", "reports/known_droplets"):
        assert "{{7*7}}" in page.inner_text("main")


@pytest.mark.parametrize("place", sorted({*PLACES, *(f"reports/{name}" for name in reports())}))
def test_no_page_is_wider_than_its_screen(served: tuple[str, int], page: Page, place: str) -> None:
    page.goto(f"{served[0]}/{place.replace('ID', str(served[1]))}")
    wider = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wider.append(width)
    assert wider == []


def violations(page: Page) -> list[Any]:
    """Give what axe finds wrong: the rule, and the first element that breaks it."""
    found = Axe().run(page).response["violations"]
    return [(each["id"], each["nodes"][0]["html"][:200]) for each in found]


def test_axe_would_find_something(page: Page) -> None:
    page.set_content("<img src=x><p>a picture without words, in a page without language or title</p>")
    assert {"html-has-lang", "image-alt"} <= {rule for rule, _ in violations(page)}


def test_the_keyboard_reaches_each_droplet_in_one_step_and_opens_it(served: tuple[str, int], page: Page) -> None:
    page.goto(f"{served[0]}/calendar")
    rows = page.locator("table.calendar tbody tr").count()
    stops = []
    for _ in range(100):
        page.keyboard.press("Tab")
        where = page.evaluate(
            "[document.activeElement.tagName, document.activeElement.getAttribute('href') ?? '',"
            " getComputedStyle(document.activeElement).outlineStyle]"
        )
        if where[0] == "BODY":
            break
        stops.append(where)
    places = [href for tag, href, _ in stops if tag == "A" and href.startswith("droplets/")]
    assert len(places) == len(set(places)) == rows, "one stop a Droplet, not one a day"
    assert all(outline not in ("", "none") for tag, _, outline in stops if tag == "A"), "it shows where one is"
    page.locator(f'a[href="{places[0]}"]').focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"{served[0]}/{places[0]}")


def test_the_past_is_asked_for_from_the_keyboard(served: tuple[str, int], page: Page) -> None:
    page.goto(f"{served[0]}/")
    page.locator("input[name='as_of']").focus()
    page.keyboard.type("03252026")
    page.keyboard.press("Tab")
    page.keyboard.type("1200PM")
    page.keyboard.press("Enter")
    page.wait_for_url("**/?as_of=2026-03-25T12%3A00")
    assert "This is the past" in page.inner_text("main")


def test_a_printed_page_has_neither_menu_nor_form(served: tuple[str, int], page: Page, tmp_path: Path) -> None:
    page.goto(f"{served[0]}/calendar")
    page.emulate_media(media="print")
    assert not page.locator("header").is_visible()
    assert page.locator("table.calendar").is_visible()
    page.pdf(path=tmp_path / "calendar.pdf")
    assert (tmp_path / "calendar.pdf").stat().st_size > 1_000
