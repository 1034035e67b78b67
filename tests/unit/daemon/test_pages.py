"""Where the daemon serves pages: to this machine, or wherever somebody said so."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from inventory.daemon.service import Daemon
from inventory.serving.web import serve
from inventory.settings.load import load
from inventory.store.engine import Database
from inventory.store.upgrade import upgrade


def daemon(tmp_path: Path, **settings: Any) -> Daemon:  # noqa: ANN401 - any setting
    url = f"sqlite:///{tmp_path}/inventory.db"
    upgrade(Database(url))
    environ = {"INVENTORY_DATABASE_URL": f"{tmp_path}/inventory.db", "INVENTORY_TOKEN": "dop_v1_" + "0" * 64}
    environ |= {f"INVENTORY_{name.upper()}": value for name, value in settings.items()}
    return Daemon(None, load(environ=environ), is_verbose=False, interrupted_by=lambda: None)


@pytest.mark.parametrize(
    ("address", "pages", "status"),
    [
        ("127.0.0.1:8080", {}, 200),
        ("[::1]:8080", {}, 200),
        ("localhost:8080", {}, 200),
        ("0.0.0.0:8080", {}, 404),
        ("192.0.2.7:8080", {}, 404),
        ("0.0.0.0:8080", {"pages": "on"}, 200),
        ("127.0.0.1:8080", {"pages": "off"}, 404),
    ],
)
def test_pages_are_for_this_machine_unless_somebody_says_more(
    tmp_path: Path, address: str, pages: dict[str, str], status: int
) -> None:
    application = daemon(tmp_path, **pages).application(address)
    with serve("127.0.0.1:0", application) as serving:
        answers = [httpx.get(f"{serving.url}{place}", trust_env=False) for place in ("/", "/calendar", "/metrics")]
    assert [answer.status_code for answer in answers] == [status, status, 200]


def test_a_database_that_is_missing_costs_the_page_alone(tmp_path: Path) -> None:
    application = daemon(tmp_path).application("127.0.0.1:8080")
    (tmp_path / "inventory.db").unlink()
    with serve("127.0.0.1:0", application) as serving:
        page, live = (httpx.get(f"{serving.url}{place}", trust_env=False) for place in ("/", "/livez"))
    assert (page.status_code, page.headers["retry-after"], live.status_code) == (503, "5", 200)
    assert "inventory db upgrade" in page.text
