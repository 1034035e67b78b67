"""New databases: SQLite files, and those of a PostgreSQL server that syncs to disk as by default."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa

from inventory.store.engine import Database
from inventory.store.upgrade import upgrade
from tests.postgres import cluster

New = Callable[[], sa.URL]


@contextmanager
def sqlite() -> Iterator[New]:
    """Give what names a new SQLite file each time."""
    numbers = count(1)
    with TemporaryDirectory() as directory:
        yield lambda: sa.URL.create("sqlite", database=str(Path(directory, f"{next(numbers)}.db")))


@contextmanager
def postgresql() -> Iterator[New]:
    """Give what makes a new database each time on one server."""
    numbers = count(1)
    with cluster(is_durable=True) as server:
        engine = sa.create_engine(server.url(), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)

        def new() -> sa.URL:
            name = f"bench_{next(numbers)}"
            with engine.connect() as connection:
                connection.exec_driver_sql(f'CREATE DATABASE "{name}"')
            return server.url(name)

        yield new


DATABASES = {"SQLite": sqlite, "PostgreSQL": postgresql}


def migrated(url: sa.URL) -> Database:
    """Make the newest tables."""
    database = Database(url)
    upgrade(database)
    return database
