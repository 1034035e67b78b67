"""A new SQLite database for each test, and an account to sync into it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from inventory.store.engine import Database
from tests.simulated import Account


@pytest.fixture
def database(tmp_path: Path, sqlite_template: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'inventory.db')}")
    yield database
    database.close()


@pytest.fixture
def account(database: Database) -> Account:
    """Three Droplets, tagged `web`, with six backups each, synced once."""
    account = Account(database)
    for number in range(3):
        account.fleet.add_droplet(name=f"web-{number}", backups=6, tags=["web"])
    account.sync()
    return account
