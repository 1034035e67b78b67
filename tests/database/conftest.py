"""A database of the newest tables, without rows."""

from collections.abc import Iterator

import pytest

from inventory.store.engine import Database


@pytest.fixture
def database(migrated_url: str) -> Iterator[Database]:
    database = Database(migrated_url)
    yield database
    database.close()
