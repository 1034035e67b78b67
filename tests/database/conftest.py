"""A database of the newest tables, without rows, and a history to put into it."""

from collections.abc import Iterator

import pytest

from inventory.store.engine import Database
from tests.histories import History, live


@pytest.fixture
def database(migrated_url: str) -> Iterator[Database]:
    database = Database(migrated_url)
    yield database
    database.close()


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    return live(tmp_path_factory.mktemp("history") / "inventory.db", seed=1, days=260, every_days=10)
