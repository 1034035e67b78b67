"""Where the daemon serves pages: to this machine, or wherever somebody said so."""

from pathlib import Path

import pytest

from inventory.daemon.service import Daemon
from inventory.settings.load import load


@pytest.mark.parametrize(
    ("address", "pages", "has_pages"),
    [
        ("127.0.0.1:8080", {}, True),
        ("[::1]:8080", {}, True),
        ("localhost:8080", {}, True),
        ("0.0.0.0:8080", {}, False),
        ("192.0.2.7:8080", {}, False),
        ("0.0.0.0:8080", {"pages": "on"}, True),
        ("127.0.0.1:8080", {"pages": "off"}, False),
    ],
)
def test_pages_are_for_this_machine_unless_somebody_says_more(
    tmp_path: Path, address: str, pages: dict[str, str], *, has_pages: bool
) -> None:
    environ = {"INVENTORY_DATABASE_URL": f"{tmp_path}/inventory.db", "INVENTORY_TOKEN": "dop_v1_" + "0" * 64}
    environ |= {f"INVENTORY_{name.upper()}": value for name, value in pages.items()}
    daemon = Daemon(None, load(environ=environ), is_verbose=False, interrupted_by=lambda: None)
    assert daemon.has_pages(address) == has_pages
