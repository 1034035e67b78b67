"""The wheel, as users get it: installed into an empty environment, away from the checkout."""

import os
import re
import sqlite3
import subprocess
import sys
import tarfile
import venv
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from zipfile import ZipFile

import pytest

import inventory

ROOT = Path(__file__).parents[2]
TOKEN = "dop_v1_" + "1" * 64
EXIT_NEEDS_CHANGE = 78

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a directory that holds the sdist, and the wheel that is built from it."""
    directory = tmp_path_factory.mktemp("dist")
    words = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(directory), str(ROOT)]
    subprocess.run(words, check=True, capture_output=True, timeout=120)
    return directory


def _wheel(built: Path) -> Path:
    (wheel,) = built.glob("*.whl")
    return wheel


class Installed:
    """The program in an environment of its own; it runs in an empty directory, with settings from nowhere else."""

    def __init__(self, place: Path) -> None:
        self.directory = place / "work"
        self.directory.mkdir()
        self._binaries = place / "environment" / "bin"
        venv.create(place / "environment")

    def install(self, requirement: str) -> None:
        """Install with the pip that is here: to bring one along takes longer than all the rest."""
        words = ["--python", str(self._binaries / "python"), "install", "-qq", "--no-compile", requirement]
        subprocess.run([sys.executable, "-m", "pip", *words], check=True, timeout=300)

    def run(self, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self._binaries / "inventory", *words],
            cwd=self.directory,
            env=self._environment(settings),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    @contextmanager
    def simulator(self) -> Iterator[str]:
        """Give the address of a simulated account that lives as long as the block."""
        words = ["simulator", "--port", "0", "--droplets", "5", "--days", "10", "--token", TOKEN]
        with subprocess.Popen(
            [self._binaries / "inventory", *words],
            cwd=self.directory,
            env=self._environment({"PYTHONUNBUFFERED": "1"}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            try:
                assert process.stdout is not None
                yield next(
                    found[0] for line in process.stdout if (found := re.search(r"http://127\.0\.0\.1:\d+", line))
                )
            finally:
                process.terminate()

    def _environment(self, settings: dict[str, str]) -> dict[str, str]:
        return {"PATH": os.defpath, "HOME": str(self.directory), "COLUMNS": "80"} | settings


def test_the_wheel_holds_the_migrations_templates_and_types_and_nothing_of_the_checkout(built: Path) -> None:
    names = ZipFile(_wheel(built)).namelist()
    of_the_checkout = {str(path.relative_to(ROOT)) for path in (ROOT / "migrations").rglob("*") if path.is_file()}
    migrations = {f"inventory/{name}" for name in of_the_checkout if "__pycache__" not in name}
    templates = {str(path.relative_to(ROOT)) for path in (ROOT / "inventory/report/templates").iterdir()}
    assert migrations
    assert templates
    assert {*migrations, *templates, "inventory/py.typed"} <= set(names)
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"inventory", "droplet_backup_inventory"}
    assert any(name.endswith("/licenses/LICENSE") for name in names)


def test_the_sdist_holds_what_one_needs_to_work_on_it(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"Makefile", "LICENSE", "CHANGELOG.md", "migrations/env.py", "requirements/tools.txt"} <= names
    assert "tests/packaging/test_wheel.py" in names


def test_the_installed_wheel_syncs_away_from_the_checkout(built: Path, tmp_path: Path) -> None:
    program = Installed(tmp_path)
    program.install(str(_wheel(built)))
    assert program.run("--version").stdout == f"inventory {inventory.__version__}\n"
    assert program.run("config").returncode == 0
    _tells_what_is_missing(program)
    with program.simulator() as url:
        synced = program.run("sync", INVENTORY_TOKEN=TOKEN, INVENTORY_API_URL=url)
    assert synced.returncode == 0, synced.stdout + synced.stderr
    with closing(sqlite3.connect(program.directory / "inventory.db")) as database:
        assert database.execute("SELECT count(*) FROM backups").fetchone() > (0,)
    page = program.run("report", "--html", "summary.html")
    assert page.returncode == 0, page.stderr
    assert "Last complete sync" in (program.directory / "summary.html").read_text("utf-8")


def _tells_what_is_missing(program: Installed) -> None:
    """Ask for what the core leaves out: the answer is one line with the command that brings it."""
    told = program.run("sync", INVENTORY_TOKEN=TOKEN, INVENTORY_DATABASE_URL="postgresql://me@localhost/inventory")
    assert told.returncode == EXIT_NEEDS_CHANGE, told.stderr
    assert "pip install 'droplet-backup-inventory[postgres]'" in told.stderr
    assert len(told.stderr.splitlines()) == 1
