"""Open the database for a command, and close it again."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from inventory.store.engine import Database
from inventory.store.upgrade import require_current, require_readable


@contextmanager
def to_read(url: str, source: str) -> Iterator[Database]:
    """Open a database whose tables are of this version; `source` says where its URL comes from.

    Raises:
        DatabaseError: As `require_readable`.
    """
    with closing(Database(url)) as database:
        require_readable(database, source)
        yield database


@contextmanager
def to_write(url: str, source: str) -> Iterator[Database]:
    """Open a database whose tables are of this version, and which is undamaged as far as SQLite can tell.

    Raises:
        DatabaseError: As `require_current`.
    """
    with closing(Database(url)) as database:
        require_current(database, source)
        yield database
