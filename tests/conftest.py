"""Databases for the tests: real SQLite files, and real PostgreSQL, each test with one of its own."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count, islice
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from inventory.store.engine import Database
from inventory.store.upgrade import upgrade
from tests import mounts
from tests.examples import QUICK
from tests.postgres import Cluster, cluster, memory

# On a busy machine everything is slow.
settings.register_profile("all", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("all")
settings.register_profile(QUICK, settings.get_profile("all"), max_examples=10)

_TEMPLATE = "migrated"
_numbers = count(1)


def pytest_configure() -> None:
    """Keep files in memory where that can be: no test shows what a disk does, and thousands would wait for one."""
    if "TMPDIR" not in os.environ and (place := memory()):
        os.environ["TMPDIR"] = place
        tempfile.tempdir = None  # else it may have looked before


def pytest_itemcollected(item: pytest.Item) -> None:
    """Leave costly tests on PostgreSQL to the slow ones; cheap ones of the same rows run on both every time."""
    if item.get_closest_marker("costly") and "postgresql" in item.name:
        item.add_marker(pytest.mark.slow)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let every worker begin with some of the tests that take minutes: one that is begun last is waited for alone."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    long = [item for item in items if item.get_closest_marker("timeout")]
    short = iter([item for item in items if not item.get_closest_marker("timeout")])
    # Each worker is given as many as every other, in this order.
    left = len(items)
    in_order: list[pytest.Item] = []
    for number in range(workers):
        share, its = left // (workers - number), long[number::workers]
        in_order += [*its, *islice(short, max(share - len(its), 0))]
        left -= share
    items[:] = [*in_order, *short]


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the settings of whoever runs the tests out of them."""
    for name in ("INVENTORY_CONFIG", "INVENTORY_TOKEN", "DIGITALOCEAN_ACCESS_TOKEN", "DIGITALOCEAN_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    with cluster() as server:
        yield server


@pytest.fixture(scope="session")
def _template(postgres: Cluster) -> str:
    """Migrate once; a copy takes a twentieth of the time."""
    _create(postgres, _TEMPLATE)
    with closing(Database(postgres.url(_TEMPLATE))) as database:
        upgrade(database)
    return _TEMPLATE


@pytest.fixture
def postgres_url(postgres: Cluster) -> Iterator[str]:
    """Give an empty PostgreSQL database."""
    with temporary_database(postgres) as url:
        yield url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Give the place of a SQLite file that does not exist."""
    return f"sqlite:///{tmp_path}/inventory.db"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrate once; a copy of this file is a database of the newest tables."""
    path = tmp_path_factory.mktemp("template") / "inventory.db"
    with closing(Database(f"sqlite:///{path}")) as database:
        upgrade(database)
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Give a database without tables, of each kind."""
    fixture = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    return str(request.getfixturevalue(fixture))


@pytest.fixture
def migrated_postgres_url(postgres: Cluster, _template: str) -> Iterator[str]:
    with temporary_database(postgres, template=_template) as url:
        yield url


@pytest.fixture
def migrated_sqlite_url(sqlite_url: str, sqlite_template: Path) -> str:
    shutil.copy(sqlite_template, sqlite_url.removeprefix("sqlite:///"))
    return sqlite_url


@pytest.fixture(params=["sqlite", "postgresql"])
def migrated_url(request: pytest.FixtureRequest) -> str:
    """Give a database of the newest tables, of each kind, without rows."""
    fixture = "migrated_sqlite_url" if request.param == "sqlite" else "migrated_postgres_url"
    return str(request.getfixturevalue(fixture))


@contextmanager
def temporary_database(server: Cluster, *, template: str = "template0", how: str = "") -> Iterator[str]:
    """Give the URL of a PostgreSQL database that lives as long as the block; `how` is more of CREATE DATABASE."""
    name = f"test_{next(_numbers)}"
    _create(server, name, template=template, how=how)
    yield server.url(name).render_as_string(hide_password=False)
    server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _create(server: Cluster, name: str, *, template: str = "template0", how: str = "") -> None:
    server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy {how}')


@pytest.fixture(scope="session")
def private_mounts() -> list[str]:
    """Give the words that run a command with mounts of its own, which end with it."""
    return mounts.private_mounts() or pytest.skip("this user may not mount anything here")
