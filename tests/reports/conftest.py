"""Forty days of the simulated account, synced once a day, the same in both databases; nobody writes to them."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from inventory.__main__ import main
from inventory.judging.rules import Rules
from inventory.report.choosing import reports
from inventory.report.forms import RowsReport
from inventory.report.overview import Judging
from inventory.simulator.story import seeded_fleet
from inventory.store.copy import copy
from inventory.store.engine import Database
from inventory.views.queries import Question
from tests.conftest import temporary_database
from tests.postgres import Cluster
from tests.simulated import MONDAY, Account

DAYS = 40

ENDS_AT = MONDAY + timedelta(days=DAYS, minutes=5)
"""The moment of the last look, to the minute after."""

NOW = f"{ENDS_AT:%Y-%m-%dT%H:%MZ}"
"""The same, as a person writes it."""


def read(connection: sa.Connection, name: str, question: Question) -> Sequence[Any]:
    """Read the rows of a report, as the command does that asks it of the past."""
    judging = Judging(Rules(), (), None)
    report = RowsReport(connection, reports()[name], question, "", "", None, judging, question.now + timedelta(days=1))
    return report.rows(question)


@dataclass(frozen=True)
class Ended:
    """What a command came to."""

    code: int
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture(scope="session")
def _lived_on_sqlite(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> str:
    url = f"sqlite:///{shutil.copy(sqlite_template, tmp_path_factory.mktemp('lived') / 'inventory.db')}"
    with closing(Database(url)) as database:
        account = Account(database, seeded_fleet(seed=1, droplets=12, starts_at=MONDAY))
        for _ in range(DAYS):
            account.advance(days=1)
            account.sync()
    return url


@pytest.fixture(scope="session")
def _lived_on_postgresql(_lived_on_sqlite: str, postgres: Cluster) -> Iterator[str]:
    with temporary_database(postgres) as url:
        with closing(Database(_lived_on_sqlite)) as source, closing(Database(url)) as target:
            copy(source, target, lambda _done, _total: None)
        yield url


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def lived_url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(f"_lived_on_{request.param}"))


@pytest.fixture
def lived(lived_url: str) -> Iterator[Database]:
    with closing(Database(lived_url)) as database:
        yield database


@pytest.fixture
def ends_at() -> datetime:
    return ENDS_AT


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, lived_url: str) -> Run:
    """Run a command in this process on the lived database."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("INVENTORY_DATABASE_URL", lived_url)
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: str) -> Ended:
        capsys.readouterr()
        code = main(arguments)
        output = capsys.readouterr()
        return Ended(code, output.out, output.err)

    return run
