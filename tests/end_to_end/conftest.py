"""The commands as a user types them, against the simulated account on a real loopback port."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from inventory.__main__ import main
from inventory.simulator.api import SimulatedApi
from inventory.simulator.fleet import Fleet
from inventory.simulator.server import serve
from inventory.store.engine import Database


@dataclass(frozen=True)
class Served:
    """A simulated account and where it is served."""

    fleet: Fleet
    api: SimulatedApi
    url: str


@dataclass(frozen=True)
class Ended:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:  # noqa: ANN401 - JSON
        return json.loads(self.out)


# For what does not know which database it is, or is about a file.
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

Run = Callable[..., Ended]
Serve = Callable[[Fleet], Served]


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def small_fleet(droplets: int = 4, *, plan: str = "daily", backups: int = 6) -> Fleet:
    """So many Droplets whose clock shows the true time, as the real API's does; windows open half a day from now."""
    fleet = Fleet(now())
    hour = (fleet.now.hour + 12) % 24
    for number in range(droplets):
        fleet.add_droplet(name=f"web-{number}", plan=plan, hour=hour, backups=backups, tags=["web"])
    return fleet


@pytest.fixture
def serve_fleet() -> Iterator[Serve]:
    with ExitStack() as stack:

        def start(fleet: Fleet) -> Served:
            api = SimulatedApi(fleet)
            return Served(fleet, api, stack.enter_context(serve(api)))

        yield start


@pytest.fixture
def account(serve_fleet: Serve) -> Served:
    return serve_fleet(small_fleet())


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Give a database of each kind: of the newest tables, or, where a test asks for a new one, without any."""
    kind = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    is_new = request.node.get_closest_marker("new_database")
    return str(request.getfixturevalue(kind if is_new else f"migrated_{kind}"))


@pytest.fixture
def environment(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[Served], None]:
    """Set what a user would set, on each kind of database."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))

    def configure(served: Served) -> None:
        settings = {
            "INVENTORY_API_URL": served.url,
            "INVENTORY_TOKEN": served.api.token,
            "INVENTORY_DATABASE_URL": database_url,
            "INVENTORY_REQUESTS_PER_SECOND": "0",
        }
        for name, value in settings.items():
            monkeypatch.setenv(name, value)

    return configure


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """Look into the database that the commands write."""
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process."""

    def run(*arguments: str) -> Ended:
        capsys.readouterr()
        code = main(arguments)
        output = capsys.readouterr()
        return Ended(code, output.out, output.err)

    return run


@pytest.fixture
def impatient() -> Iterator[None]:
    """Let SQLite wait for a lock for no more than 10 ms."""

    def hurry(connection: sa.Connection) -> None:
        if connection.dialect.name == "sqlite":
            connection.connection.cursor().execute("PRAGMA busy_timeout = 10")

    sa.event.listen(sa.Engine, "engine_connect", hurry)
    yield
    sa.event.remove(sa.Engine, "engine_connect", hurry)


def start(*arguments: str) -> subprocess.Popen[str]:
    """Run a command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "inventory", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ.copy(),
    )


def later(served: Served, **time: float) -> None:
    """Let time pass for the fleet; its clock must stay within an hour of the true one."""
    served.api.advance(to=served.fleet.now + timedelta(**time))
