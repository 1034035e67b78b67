"""Our pages in a real browser: they render with their style, and nothing is asked of anybody."""

import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.reports.conftest import NOW, Run

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
OURS = "reports.example"
FOREIGN = '<img src="http://elsewhere.example/x.png"><script>document.title = "ran"</script>'

pytestmark = [
    pytest.mark.slow,
    pytest.mark.parametrize("lived_url", ["sqlite"], indirect=True),  # a page is the same of both
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (on Debian and Ubuntu: apt install chromium)"),
]


@dataclass
class Web:
    """The whole web, as the browser sees it: every host leads to it. It notes what our pages make the browser ask."""

    port: int
    pages: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Seen:
    """What the browser made of a page."""

    document: str
    complaints: str


@pytest.fixture
def web() -> Iterator[Web]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            # What the browser asks of its makers has no page that it comes from.
            if OURS in f"{self.headers['Host']} {self.headers['Referer']}":
                found.asked.append(f"http://{self.headers['Host']}{self.path}")
            body = found.pages.get(self.path)
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: Any) -> None:  # noqa: ANN401 - as the class has it
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found = Web(server.server_port)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield found
        server.shutdown()
        thread.join()


@pytest.fixture
def look(web: Web, tmp_path: Path) -> Callable[[str], Seen]:
    """Put a page on the web, and look at it."""

    def look(page: str) -> Seen:
        web.pages["/page.html"] = page.encode()
        web.asked.clear()
        assert CHROMIUM
        words = [
            *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
            *("--disable-background-networking", "--disable-component-update", "--no-first-run"),
            *(f"--user-data-dir={tmp_path / 'profile'}", f"--host-resolver-rules=MAP * 127.0.0.1:{web.port}"),
            *(
                "--enable-logging=stderr",
                "--virtual-time-budget=2000",
                "--dump-dom",
                f"http://{OURS}/page.html",
            ),
        ]
        ended = subprocess.run(words, capture_output=True, text=True, check=True, timeout=120)
        return Seen(ended.stdout, "\n".join(line for line in ended.stderr.splitlines() if "CONSOLE" in line))

    return look


MEASURE = """<!DOCTYPE html><html><body>
<iframe src="/measured.html" width="WIDTH" height="900"></iframe>
<script>
const frame = document.querySelector("iframe");
frame.onload = () => {
  const page = frame.contentDocument, wide = [];
  for (const box of page.querySelectorAll(".box")) if (box.scrollWidth > box.clientWidth) wide.push("table");
  if (page.documentElement.scrollWidth > frame.clientWidth) wide.push("page");
  const shown = [...page.querySelectorAll("thead th")].filter(cell => cell.offsetWidth).map(cell => cell.textContent);
  document.body.append(`wider: ${wide.join(" ")}; columns: ${shown.join(", ")}; end`);
};
</script></body></html>"""


def measured(web: Web, look: Callable[[str], Seen], page: str, width: int) -> tuple[list[str], list[str]]:
    """Tell what is wider than a window, and which columns are shown in it."""
    web.pages["/measured.html"] = page.encode()
    found = re.search(r"wider: ([a-z ]*); columns: ([^$]*); end", look(MEASURE.replace("WIDTH", str(width))).document)
    assert found
    return found[1].split(), found[2].split(", ")


@pytest.mark.parametrize("name", ["live_backups", "changes", "monthly_cost", "due_windows", ""])
def test_a_page_fits_a_wide_window_and_reads_in_a_narrow_one(
    run: Run, web: Web, look: Callable[[str], Seen], tmp_path: Path, name: str
) -> None:
    """On a telephone secondary columns go, which is said; what is left may be moved sideways, but not the page."""
    file = tmp_path / "page.html"
    limit = ("--limit", "30") if name else ()
    assert run("report", *([name] if name else []), "--as-of", NOW, *limit, "--html", str(file)).code == 0
    page = file.read_text("utf-8")
    wider, all_columns = measured(web, look, page, 1400)
    assert wider == []
    wider, columns = measured(web, look, page, 400)
    assert "page" not in wider
    gone = re.findall(r"Left out on this narrow screen: (.*)\.", page)
    assert [", ".join(each for each in all_columns if each not in columns)] == (gone or [""])
    if name:
        assert "droplet" in columns
        assert len(columns) < len(all_columns)


@pytest.mark.parametrize("arguments", [(), ("live_backups",)], ids=["summary", "report"])
def test_a_page_renders_and_asks_for_nothing(
    run: Run, web: Web, look: Callable[[str], Seen], tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    file = tmp_path / "page.html"
    assert run("report", *arguments, "--as-of", NOW, "--html", str(file)).code == 0
    page = file.read_text("utf-8")
    seen = look(page)
    assert seen.complaints == "", "the policy lets the style in"
    assert seen.document.count("<tr>") == page.count("<tr>")
    assert "files-01" in seen.document
    assert web.asked == [f"http://{OURS}/page.html"]


def test_what_got_into_a_page_is_kept_from_running_and_from_asking(
    run: Run, web: Web, look: Callable[[str], Seen], tmp_path: Path
) -> None:
    file = tmp_path / "page.html"
    assert run("report", "--as-of", NOW, "--html", str(file)).code == 0
    page = file.read_text("utf-8").replace("<main>", f"<main>{FOREIGN}")
    seen = look(page)
    assert "Content Security Policy" in seen.complaints
    assert "<title>ran</title>" not in seen.document
    assert web.asked == [f"http://{OURS}/page.html"]
    # Without the policy both would have happened: else this test could not fail.
    seen = look(page.replace("Content-Security-Policy", "none"))
    assert "<title>ran</title>" in seen.document
    assert "http://elsewhere.example/x.png" in web.asked
