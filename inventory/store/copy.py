"""Copy the whole history from one database into another: SQLite to PostgreSQL, or back.

    source, one state of it | a batch at a time | target, one transaction | read back | commit

The transaction is committed after every table was read back and held the same rows. Memory holds one batch.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any, NamedTuple

import sqlalchemy as sa

from inventory.errors import DatabaseError, DatabaseUnusableError
from inventory.store.bulk import copy_in
from inventory.store.draft import drafted, remove_left_behind
from inventory.store.engine import Database
from inventory.store.schema import accounts, backup_rates, metadata
from inventory.store.sqlite_file import sqlite_file_exists
from inventory.store.upgrade import check_usable, migrate, upgrade

_BATCH_ROWS = 5_000


class Digest(NamedTuple):
    """A summary of a table that is equal for the same rows in any order: databases sort text differently.

    Attributes:
        checksum: The sum of a hash of each row's values as Python has them.
    """

    rows: int = 0
    checksum: int = 0

    def after(self, batch: Sequence[Sequence[Any]]) -> "Digest":
        """Return the digest of these rows and those before."""
        hashes = (blake2b(repr([_stored(value) for value in row]).encode(), digest_size=16).digest() for row in batch)
        added = sum(int.from_bytes(each) for each in hashes)
        return Digest(self.rows + len(batch), (self.checksum + added) % 2**128)


def _stored(value: Any) -> Any:  # noqa: ANN401 - whatever a column holds
    # Heartbeats are times of PostgreSQL's clock, with fractions of a second; our own times have none.
    return value.replace(microsecond=0) if isinstance(value, datetime) else value


def copy(source: Database, target: Database, progressed: Callable[[int, int], object]) -> dict[str, int]:
    """Copy every table; return how many rows each has.

    The target may be missing or empty; its tables are created or upgraded first. A SQLite file that is missing gets its
    name when it holds the whole history. After every batch `progressed` gets how many rows are done, reading back
    included, and how many there are to do.

    Raises:
        DatabaseUnusableError: The target holds a history, or is not ours; nothing was written.
        DatabaseError: What was read back differs, or a database failed; nothing was copied.
    """
    if target.path and not sqlite_file_exists(target.path):
        try:
            with drafted(target.path) as draft:
                migrate(draft)
                return _fill(source, draft, progressed)
        except FileExistsError as error:
            raise DatabaseUnusableError(f"database {target.shown} was made meanwhile. Nothing was copied.") from error
    if target.path:
        remove_left_behind(target.path)
    check_usable(target)
    with target.reading() as connection:
        _refuse_rows(target, connection)
    upgrade(target)
    return _fill(source, target, progressed)


def _fill(source: Database, target: Database, progressed: Callable[[int, int], object]) -> dict[str, int]:
    with source.reading() as reading, target.writing() as writing:
        if not target.is_sqlite:
            # A sync that begins in the target now waits, and then finds the account.
            writing.execute(sa.text("LOCK TABLE accounts IN EXCLUSIVE MODE"))
        _refuse_rows(target, writing)
        writing.execute(sa.delete(backup_rates))  # the migration inserted them
        step = _Steps(2 * sum(_rows(reading, table) for table in metadata.sorted_tables), progressed)
        written = {table: _transfer(reading, writing, table, step) for table in metadata.sorted_tables}
        for table, digest in written.items():
            if digest != _digest(writing, table, step):
                raise DatabaseError(
                    f"table {table.name} of {target.shown} does not hold what was written to it. Nothing was copied."
                )
        if not target.is_sqlite:
            _set_sequences(writing)
    return {table.name: digest.rows for table, digest in written.items()}


class _Steps:
    """Counts the rows that are done, and reports them."""

    def __init__(self, total: int, progressed: Callable[[int, int], object]) -> None:
        self._total = total
        self._progressed = progressed
        self._done = 0

    def __call__(self, rows: int) -> None:
        self._done += rows
        self._progressed(self._done, self._total)


def _refuse_rows(target: Database, connection: sa.Connection) -> None:
    there = set(sa.inspect(connection).get_table_names())
    for table in metadata.sorted_tables:
        is_filled = table.name in there and table is not backup_rates and _has_rows(connection, table)
        if is_filled:
            raise DatabaseUnusableError(
                f"database {target.shown} already holds a history (table {table.name} has rows). Nothing was copied; "
                "name an empty or a new database."
            )


def _has_rows(connection: sa.Connection, table: sa.Table) -> bool:
    return connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first() is not None


def _rows(connection: sa.Connection, table: sa.Table) -> int:
    return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def _transfer(reading: sa.Connection, writing: sa.Connection, table: sa.Table, step: _Steps) -> Digest:
    digest = Digest()
    for batch in _batches(reading, table):
        _insert(writing, table, batch)
        digest = digest.after(batch)
        step(len(batch))
    return digest


def _insert(connection: sa.Connection, table: sa.Table, rows: Sequence[sa.Row[Any]]) -> None:
    if connection.dialect.name == "postgresql":
        copy_in(connection, list(table.columns), rows)
    else:
        names = table.columns.keys()
        connection.execute(sa.insert(table), [dict(zip(names, row, strict=True)) for row in rows])


def _digest(connection: sa.Connection, table: sa.Table, step: _Steps) -> Digest:
    digest = Digest()
    for batch in _batches(connection, table):
        digest = digest.after(batch)
        step(len(batch))
    return digest


def _batches(connection: sa.Connection, table: sa.Table) -> Iterator[Sequence[sa.Row[Any]]]:
    # Unsorted: rows come in the order in which syncs wrote them, and so lie together in the target as well.
    with connection.execute(sa.select(table).execution_options(yield_per=_BATCH_ROWS)) as result:
        yield from result.partitions()


def _set_sequences(connection: sa.Connection) -> None:
    """Let the next row get the next id in each table that gives its own: inserting an id moves no sequence."""
    for table in (accounts, *(metadata.tables[name] for name in ("sync_runs", "notices", "notice_attempts"))):
        last = connection.execute(sa.select(sa.func.max(table.c.id))).scalar_one()
        if last is not None:
            connection.execute(sa.select(sa.func.setval(sa.func.pg_get_serial_sequence(table.name, "id"), last)))
