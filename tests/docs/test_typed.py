"""Every command that the documents show, typed in an empty home, from the installation on; and typed again.

Places outside of the home are moved into it, and a simulated account stands for DigitalOcean.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from inventory.simulator.api import SimulatedApi
from inventory.simulator.server import serve
from inventory.simulator.story import seeded_fleet

ROOT = Path(__file__).parents[2]
GIT = shutil.which("git") or "git"

# What stands in a block -> why it is not typed here.
NOT_TYPED = {
    "systemctl": "needs systemd as the first process",
    "docker compose": "needs a Docker engine",
    "db.example": "needs a server of that name",
    "createuser": "needs a PostgreSQL server, and the right to make roles",
    "pg_dump": "needs a PostgreSQL server, and the right to make databases",
    "grant-reader": "needs a PostgreSQL server",
    "chown": "needs root",
    "hc-ping.com": "asks a stranger",
    "datasette": "is another program",
    "make test": "is what runs this test",
    "inventory daemon": "runs until it is stopped: tests/end_to_end",
    "inventory simulator": "runs until it is stopped: tests/simulator",
}
NOT_COMMANDS = ("Backups of account", "BACKUPS ", "[Service]")

# Codes that say something of the backups, or that nothing has the tag which a document takes as its example.
ALSO_RIGHT = {"inventory check": (1, 2), "--tag env:prod": (2,)}

_OF_CRON = re.compile(r"^(?:[\d*/,-]+ ){5}(.*)$")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not shutil.which("sqlite3"), reason="needs sqlite3, the shell"),
]


class Place(NamedTuple):
    """A home with a checkout, and a simulated account for it."""

    directory: Path
    environment: dict[str, str]
    token: str

    def type(self, block: str) -> tuple[int, str]:
        """Type a block, with the token where it is asked for; give the exit code, and what was said."""
        home = self.directory / "home"
        for place in ("etc/inventory", "opt/inventory", "var/lib/inventory", "var/lib/node_exporter", "srv/reports"):
            block = block.replace(f"/{place}", f"{self.directory}/{place}")
        script = "\n".join(_OF_CRON.sub(r"\1", line) for line in block.splitlines())
        done = subprocess.run(
            ["/bin/bash", "-c", f". ~/.typed\nset -e\n{script}\nexport -p > ~/.typed"],
            cwd=home / "checkout",
            env=self.environment,
            input=f"{self.token}\n",
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    home = tmp_path / "home"
    for each in ("opt", "var/lib/inventory", "var/lib/node_exporter/textfile_collector", "srv/reports"):
        (tmp_path / each).mkdir(parents=True)
    (home / "checkout").mkdir(parents=True)
    (tmp_path / "etc/inventory").mkdir(parents=True)
    for name in ("one.toml", "two.toml"):
        (tmp_path / "etc/inventory" / name).touch()
    (tmp_path / "var/lib/inventory/inventory.db").symlink_to(home / "checkout/inventory.db")
    (home / ".typed").touch()
    tracked = subprocess.run([GIT, "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in tracked.stdout.split("\0"):
        if name and not name.startswith("tests/"):
            (home / "checkout" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, home / "checkout" / name)
    fleet = seeded_fleet(seed=1, droplets=12, starts_at=datetime.now(UTC).replace(microsecond=0) - timedelta(days=20))
    fleet.advance(to=fleet.now + timedelta(days=20))
    api = SimulatedApi(fleet)
    with serve(api) as url:
        settings = {"INVENTORY_API_URL": url, "INVENTORY_REQUESTS_PER_SECOND": "0"}
        surroundings = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_"))}
        # To compile all that is installed takes longer than to compile what is run.
        places = {"HOME": str(home), "PATH": os.defpath, "COLUMNS": "80", "PIP_NO_COMPILE": "1"}
        yield Place(tmp_path, {**surroundings, **places, **settings}, api.token)


def blocks(document: str) -> list[str]:
    """Give the blocks of commands that can be typed here, in their order."""
    return [
        each
        for each in untagged(document)
        if not each.startswith(NOT_COMMANDS) and not any(word in each for word in NOT_TYPED)
    ]


def untagged(document: str) -> list[str]:
    """Give the blocks of no language, which are commands or what they print."""
    text = (ROOT / document).read_text("utf-8")
    found = re.findall(r"^```(\w*)\n(.*?)\n?```$", text, re.DOTALL | re.MULTILINE)
    return [block for language, block in found if not language]


def right(block: str) -> set[int]:
    return {0, *(code for words, codes in ALSO_RIGHT.items() if words in block for code in codes)}


@pytest.mark.parametrize("document", ["README.md", "docs/operations.md"])
def test_every_command_works_as_it_is_shown_today_and_tomorrow(place: Place, document: str) -> None:
    if document != "README.md":
        place.environment["INVENTORY_CONFIG"] = str(place.directory / "etc/inventory/inventory.toml")
    install, *others = blocks(document)
    assert "python3 -m venv" in install
    code, said = place.type(install)
    assert code == 0, said
    pages = [page for page in ("docs/cron.md", "docs/monitoring.md", "docs/sql.md") if document != "README.md"]
    for _day in range(2):
        for block in [*others, *(each for page in pages for each in blocks(page))]:
            code, said = place.type(block)
            assert code in right(block), f"{block}\n{said}"
            assert "Traceback" not in said
            assert place.token not in said
    synced = place.type("inventory sync --json")
    assert synced[0] == 0, synced[1]


def test_nothing_is_left_out_but_for_a_reason_that_still_holds() -> None:
    documents = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    text = "\n".join(path.read_text("utf-8") for path in documents)
    assert [words for words in NOT_TYPED if words not in text] == []


def test_nothing_is_installed_outside_of_an_environment() -> None:
    """Debian 12 and later refuse that: its Python is managed by the distribution."""
    for document in ("README.md", *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))):
        for block in untagged(document):
            for line in block.splitlines():
                if line.startswith("pip "):
                    assert "bin/activate" in block[: block.index(line)], line
