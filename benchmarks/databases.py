"""Empty databases of the newest tables: SQLite files, and a PostgreSQL server that syncs to disk as by default."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa

from inventory.store.engine import Database
from inventory.store.upgrade import upgrade
from tests.postgres import cluster

Make = Callable[[], Database]


@contextmanager
def sqlite() -> Iterator[Make]:
    """Give what makes a new SQLite file each time."""
    numbers = count(1)
    with TemporaryDirectory() as directory:
        yield lambda: _migrated(f"sqlite:///{Path(directory)}/{next(numbers)}.db")


@contextmanager
def postgresql() -> Iterator[Make]:
    """Give what makes a new database each time on one server."""
    numbers = count(1)
    with cluster(is_durable=True) as server:
        engine = sa.create_engine(server.url(), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)

        def make() -> Database:
            name = f"bench_{next(numbers)}"
            with engine.connect() as connection:
                connection.exec_driver_sql(f'CREATE DATABASE "{name}"')
            return _migrated(server.url(name))

        yield make


def _migrated(url: str | sa.URL) -> Database:
    database = Database(url)
    upgrade(database)
    return database
