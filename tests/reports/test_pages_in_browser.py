"""The live pages in a real browser: no complaint of the policy, no request elsewhere, and hostile names stay text."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing, nullcontext
from pathlib import Path

import pytest
import sqlalchemy as sa

from inventory.judging.rules import Rules
from inventory.pages.routes import routes
from inventory.pages.site import Site
from inventory.report.overview import Judging
from inventory.serving.web import guarded, serve
from inventory.store.engine import Database
from inventory.store.schema import backup_regions, droplet_tags, droplet_versions, droplets
from tests.reports.conftest import ENDS_AT

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
OURS = "pages.example"
HOSTILE = '"><img src=//elsewhere.example/x onerror=document.title=`ran`><script>document.title="ran"</script>{{7*7}}'

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (on Debian and Ubuntu: apt install chromium)"),
]


@pytest.fixture(scope="module")
def url(_lived_on_sqlite: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the lived history with names that somebody chose to do harm."""
    source = sa.make_url(_lived_on_sqlite).database
    assert source
    path = shutil.copy(source, tmp_path_factory.mktemp("hostile") / "inventory.db")
    with closing(Database(f"sqlite:///{path}")) as database:
        with database.writing() as connection:
            first = connection.scalar(sa.select(sa.func.min(droplets.c.id)))
            connection.execute(sa.update(droplets).where(droplets.c.id == first).values(name=HOSTILE, region="<b>"))
            connection.execute(
                sa.update(droplet_versions).where(droplet_versions.c.droplet_id == first).values(name=HOSTILE)
            )
            connection.execute(sa.update(droplet_tags).values(tag=sa.literal(HOSTILE) + droplet_tags.c.tag))
            connection.execute(sa.update(backup_regions).values(region="<b>"))
        site = Site(lambda: nullcontext(database), lambda: Judging(Rules(), (), None), clock=lambda: ENDS_AT)
        with serve("127.0.0.1:0", guarded(routes(site), {OURS})) as serving:
            assert serving.url
            yield f"{serving.url}|{first}"


@pytest.mark.parametrize(
    "place",
    [
        "",
        "calendar",
        "cost?by=tag",
        "compare?before=2026-03-25",
        "droplets/ID",
        "reports/known_droplets",
        "reports/live_backups",
        "?as_of=2026-03-25",
    ],
)
def test_a_page_runs_nothing_asks_nobody_and_the_console_stays_empty(url: str, place: str, tmp_path: Path) -> None:
    address, _, first = url.partition("|")
    port = address.rpartition(":")[2]
    assert CHROMIUM
    words = [
        *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", f"--user-data-dir={tmp_path / 'profile'}"),
        # The console would tell of what the policy refuses, and of every other name, which leads nowhere.
        *(f"--host-resolver-rules=MAP {OURS} 127.0.0.1:{port}", "--enable-logging=stderr"),
        *("--virtual-time-budget=2000", "--dump-dom", f"http://{OURS}/{place.replace('ID', first)}"),
    ]
    ended = subprocess.run(words, capture_output=True, text=True, check=True, timeout=120)
    assert [line for line in ended.stderr.splitlines() if "CONSOLE" in line] == []
    assert "<h1>" in ended.stdout
    assert "<title>ran</title>" not in ended.stdout
    assert "{{7*7}}" in ended.stdout
    assert "<script" not in ended.stdout
    assert "<img" not in ended.stdout
