"""The recipes for proxies, run by nginx and Caddy: who is let in sees every page under a path, the others none."""

import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest

from inventory.judging.rules import Rules
from inventory.pages.routes import routes
from inventory.pages.site import Site
from inventory.report.overview import Judging
from inventory.serving.listening import PAGES_ADDRESS, names
from inventory.serving.web import guarded, serve
from inventory.store.engine import Database

RECIPES = Path(__file__).parents[2] / "deploy" / "proxies"
SIGN_IN = "127.0.0.1:9091"
NGINX = shutil.which("nginx") or shutil.which("/usr/sbin/nginx") or ""
CADDY = shutil.which("caddy") or ""

pytestmark = pytest.mark.slow

# Started by root, its workers would be of a user who may not read what is in a directory of pytest.
_NGINX = """
user root;
daemon off;
pid {place}/pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {place}/body;
    proxy_temp_path {place}/proxy;
    fastcgi_temp_path {place}/fastcgi;
    uwsgi_temp_path {place}/uwsgi;
    scgi_temp_path {place}/scgi;
    server {{
        listen {address};
{recipe}
    }}
}}
"""


@pytest.fixture
def pages(migrated_sqlite_url: str) -> Iterator[str]:
    """Serve the pages of an empty database; give the address."""
    database = Database(migrated_sqlite_url)
    site = Site(lambda: nullcontext(database), lambda: Judging(Rules(), (), None), patience_seconds=60)
    with serve("127.0.0.1:0", guarded(routes(site), names("127.0.0.1:0"))) as serving:
        assert serving.url
        yield serving.url.removeprefix("http://")
    database.close()


@pytest.fixture
def sign_in() -> Iterator[str]:
    """Let in whoever has the cookie; give the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.headers["Cookie"] == "session=alice" else 401)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:  # noqa: ANN401 - as the class has it
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def free_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"127.0.0.1:{free.getsockname()[1]}"


@contextmanager
def nginx(place: Path, recipe: str) -> Iterator[str]:
    (place / "passwords").write_text("alice:{PLAIN}secret\n")
    recipe = recipe.replace("/etc/nginx/backups.htpasswd", str(place / "passwords"))
    address = free_address()
    (place / "nginx.conf").write_text(_NGINX.format(place=place, address=address, recipe=recipe))
    with running([NGINX, "-p", str(place), "-c", str(place / "nginx.conf"), "-e", "stderr"], address, place):
        yield f"http://{address}"


@contextmanager
def caddy(place: Path, recipe: str) -> Iterator[str]:
    words = [CADDY, "hash-password", "--plaintext", "secret"]
    hashed = subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    address = free_address()
    recipe = recipe.replace("backups.example", f"http://{address}").replace("HASH", hashed)
    (place / "Caddyfile").write_text(f"{{\n\tadmin off\n}}\n{recipe}")
    with running([CADDY, "run", "--config", str(place / "Caddyfile")], address, place):
        yield f"http://{address}"


@contextmanager
def running(words: list[str], address: str, place: Path) -> Iterator[None]:
    host, _, port = address.partition(":")
    variables = {"HOME": str(place), "XDG_DATA_HOME": str(place), "XDG_CONFIG_HOME": str(place)}
    with (place / "log").open("w") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log, env=variables)
        try:
            until = time.monotonic() + 30
            while True:
                try:
                    socket.create_connection((host, int(port)), 1).close()
                    break
                except OSError:
                    assert time.monotonic() < until, (place / "log").read_text()
                    assert process.poll() is None, (place / "log").read_text()
                    time.sleep(0.1)
            yield
        finally:
            process.terminate()
            process.wait(30)


@pytest.mark.parametrize(
    ("recipe", "proxy"),
    [
        pytest.param(name, start, marks=pytest.mark.skipif(not there, reason=f"needs Debian's package {package}"))
        for start, there, package, names_ in (
            (nginx, NGINX, "nginx", ("nginx-basic.conf", "nginx-forward.conf")),
            (caddy, CADDY, "caddy", ("basic.Caddyfile", "forward.Caddyfile")),
        )
        for name in names_
    ],
)
def test_who_is_let_in_sees_every_page_and_the_others_none(
    recipe: str, proxy: Callable[[Path, str], Any], pages: str, sign_in: str, tmp_path: Path
) -> None:
    text = (RECIPES / recipe).read_text("utf-8")
    assert PAGES_ADDRESS in text
    assert (SIGN_IN in text) is ("forward" in recipe)
    known: dict[str, Any] = (
        {"headers": {"Cookie": "session=alice"}} if SIGN_IN in text else {"auth": ("alice", "secret")}
    )
    with (
        proxy(tmp_path, text.replace(PAGES_ADDRESS, pages).replace(SIGN_IN, sign_in)) as url,
        httpx.Client(trust_env=False, timeout=20) as client,
    ):
        for place in ("", "calendar", "reports/live_backups.csv"):
            refused = client.get(f"{url}/backups/{place}")
            assert (refused.status_code, "inventory" in refused.text) == (401, False)
        seen, left = set(), [f"{url}/backups/"]
        while left:
            at = left.pop()
            seen.add(at)
            answer = client.get(at, **known)
            assert answer.status_code == 200, at
            assert answer.headers["cache-control"] == "no-store"
            if "html" in answer.headers["content-type"]:
                assert answer.headers["content-security-policy"].startswith("default-src 'none'")
                links = {urljoin(at, unescape(each)) for each in re.findall(r'(?:href|action)="([^"#]*)"', answer.text)}
                assert all(each.startswith(f"{url}/backups/") for each in links), at
                left += [each for each in links - seen - {*left} if "?" not in each]
    assert len(seen) > 40
