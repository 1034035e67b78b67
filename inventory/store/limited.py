"""A transaction that can only read, and only for so long: whoever asks for a page cannot hold a database up."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from inventory.errors import DatabaseUnavailableError, Kept

# So many of SQLite's instructions take about a millisecond.
_INSTRUCTIONS = 10_000


@contextmanager
def only_reading(connection: sa.Connection, seconds: float) -> Iterator[None]:
    """Let the transaction of a connection write nothing, and end what it asks once so many seconds have passed.

    Raises:
        DatabaseUnavailableError: It took longer.
    """
    until = time.monotonic() + seconds
    limit = _limit_sqlite if connection.dialect.name == "sqlite" else _limit_postgresql
    try:
        with limit(connection, until):
            yield
    except sa.exc.OperationalError as error:
        if time.monotonic() < until:
            raise
        connection.invalidate()
        raise DatabaseUnavailableError(
            f"reading took longer than {seconds:g} s", kept=Kept.NOTHING_CHANGED, to_do="narrow the question."
        ) from error


@contextmanager
def _limit_sqlite(connection: sa.Connection, until: float) -> Iterator[None]:
    driver: Any = connection.connection.driver_connection
    driver.execute("PRAGMA query_only = ON")
    driver.set_progress_handler(lambda: time.monotonic() > until, _INSTRUCTIONS)
    try:
        yield
    finally:
        driver.set_progress_handler(None, 0)
        driver.execute("PRAGMA query_only = OFF")


@contextmanager
def _limit_postgresql(connection: sa.Connection, until: float) -> Iterator[None]:
    connection.exec_driver_sql("SET LOCAL transaction_read_only = on")

    def set_what_is_left(_connection: Any, cursor: Any, *_others: Any) -> None:  # noqa: ANN401 - SQLAlchemy's event
        milliseconds = max(round((until - time.monotonic()) * 1000), 1)
        cursor.connection.execute(f"SET LOCAL statement_timeout = {milliseconds}")

    sa.event.listen(connection, "before_cursor_execute", set_what_is_left)
    try:
        yield
    finally:
        sa.event.remove(connection, "before_cursor_execute", set_what_is_left)
