"""A history of five weeks, the same in a SQLite file and in a PostgreSQL database whose clock is of another zone."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from shutil import copy

import pytest
import sqlalchemy as sa

from inventory.rounds.adding_up import add_up
from inventory.simulator import story as chances
from inventory.simulator.fleet import Fleet
from inventory.store.engine import Database
from inventory.store.schema import metadata
from tests.postgres import Cluster
from tests.simulated import Account
from tests.views import story

OTHERS_DAYS = 60


@dataclass
class History:
    """Two accounts, looked at day by day.

    Attributes:
        ids: Name at the beginning -> id, of the Droplets of tests/views/story.py, which are those of account "default".
    """

    database: Database
    ids: dict[str, int]


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[History]:
    path = copy(sqlite_template, tmp_path_factory.mktemp("views") / "history.db")
    with closing(Database(f"sqlite:///{path}")) as database:
        told = story.begin(database)
        others = _others(database)
        told.account.configured = others.configured = frozenset({told.account.name, others.name})
        for now in story.days(told):
            others.fleet.advance(to=now)
            others.sync()
            for account in (told.account, others):
                add_up(database, account.name, now)
        yield History(database, told.ids)


def _others(database: Database) -> Account:
    """Make a fleet of two months' age to which more happens than the story tells."""
    fleet = Fleet(story.BEGINS - timedelta(days=OTHERS_DAYS), chance_of_missing=0.05, first_droplet_id=600_000_001)
    chances.begin(fleet, 14)
    fleet.advance(to=story.BEGINS)
    return Account(database, fleet, name="seeded")


@pytest.fixture(scope="session")
def copied(played: History, postgres: Cluster, _template: str) -> Iterator[History]:
    with _postgresql(postgres, "views", _template) as database:
        copy_rows(played.database, database)
        yield History(database, played.ids)


@contextmanager
def _postgresql(server: Cluster, name: str, template: str) -> Iterator[Database]:
    """Make a database in which the session's zone is one whose clock changes in the weeks of the story."""
    server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
    server.execute(f"ALTER DATABASE \"{name}\" SET timezone TO 'America/New_York'")
    with closing(Database(server.url(name))) as database:
        yield database


def copy_rows(source: Database, target: Database, later: timedelta = timedelta(0)) -> None:
    """Put the rows of all tables into another database that has none, each so much later; rates are as they are."""
    with source.reading() as reading, target.writing() as writing:
        for table in metadata.sorted_tables:
            rows = [
                {column: value + later if isinstance(value, date) else value for column, value in row.items()}
                for row in reading.execute(sa.select(table)).mappings()
            ]
            if rows and table.name != "backup_rates":
                writing.execute(sa.insert(table), rows)


@pytest.fixture(scope="session")
def recent(
    played: History, postgres: Cluster, _template: str, tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path
) -> Iterator[dict[str, Database]]:
    """Give the history of both databases again, as if it had ended in the last seven days: views know no other now."""
    weeks_later = (datetime.now(UTC) - story.ENDS) // timedelta(days=7) * timedelta(days=7)
    path = copy(sqlite_template, tmp_path_factory.mktemp("recent") / "history.db")
    with closing(Database(f"sqlite:///{path}")) as sqlite, _postgresql(postgres, "recent", _template) as postgresql:
        for database in (sqlite, postgresql):
            copy_rows(played.database, database, weeks_later)
        yield {"sqlite": sqlite, "postgresql": postgresql}


@pytest.fixture(params=["sqlite", "postgresql"])
def history(request: pytest.FixtureRequest) -> History:
    """Give the history, in a database of each kind; tests only read it."""
    given: History = request.getfixturevalue("played" if request.param == "sqlite" else "copied")
    return given


@pytest.fixture
def connection(history: History) -> Iterator[sa.Connection]:
    with history.database.reading() as connection:
        yield connection
