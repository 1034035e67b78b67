"""The time of every view over five simulated years of 1,000 Droplets, on both databases.

SQLite as a sync leaves it, which never ran ANALYZE; PostgreSQL analysed, as autovacuum does. Each view is asked for one
Droplet and for the first 1,000 rows of the whole fleet, as a report asks it, rows made in Python included; and the rows
of the view in the database are counted, as whoever joins or adds them up has to read them. Then the screens of
`inventory report` and `inventory check`.
"""

import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from typing import Any

import sqlalchemy as sa

from benchmarks import history
from benchmarks.databases import DATABASES, migrated
from inventory.judging.evidence import inspect
from inventory.judging.findings import judge
from inventory.judging.rules import Rules
from inventory.report.summary import read, summarise
from inventory.store.engine import Database
from inventory.views.queries import Question, ask
from inventory.views.readers import TwoReaders
from inventory.views.rows import ROWS

_DROPLETS = 1_000
_DAYS = 1_826
_DROPLET = 500_000_017  # one with daily backups
_FIRST_ROWS = 1_000
_ROUNDS = 3  # for one Droplet; the shortest counts


def main() -> None:
    """Make the history in each database, and print a table of its times."""
    now = datetime.now(UTC)
    for name, databases in DATABASES.items():
        with databases() as new, closing(migrated(new())) as filled:
            print(f"{name}: ", end="", flush=True)
            history.make(filled, ends_at=now, droplets=_DROPLETS, days=_DAYS)
            measure(filled, now)


def measure(database: Database, now: datetime) -> None:
    """Print a line for each view: seconds, and how many rows they were for."""
    print(f"{'view':22}{'one Droplet':>19}{f'first {_FIRST_ROWS:,}':>19}{'all counted':>19}")
    for name, row in ROWS.items():
        one = partial(_asked, row, Question(now, droplet_ids={_DROPLET}))
        first = partial(_asked, row, Question(now, limit=_FIRST_ROWS))
        answers = (
            min(_timed(database, one) for _ in range(_ROUNDS)),
            _timed(database, first),
            _timed(database, partial(_counted, name)),
        )
        figures = (f"{seconds:.2f} s {rows:9,}" for seconds, rows in answers)
        print(f"{name:22}" + "".join(f"{figure:>19}" for figure in figures), flush=True)
    for name, screen in (("the summary", _summary), ("inventory check", _check)):
        with database.reading_twice() as readers:
            began = time.perf_counter()
            screen(now, readers)
            print(f"{name:22}{time.perf_counter() - began:>7.2f} s", flush=True)


def _summary(now: datetime, readers: TwoReaders) -> None:
    question = Question(now)
    evidence, figures = read(readers, question)
    judge(evidence, Rules(), (), now)
    summarise(readers.connection, question, evidence, figures)


def _check(now: datetime, readers: TwoReaders) -> None:
    inspect(readers.connection, now, Rules(), (), second=readers.second)


def _asked(row: type[tuple[Any, ...]], question: Question, connection: sa.Connection) -> int:
    return len(ask(connection, row, question))


def _counted(view: str, connection: sa.Connection) -> int:
    return int(connection.exec_driver_sql(f"SELECT count(*) FROM {view}").scalar_one())  # noqa: S608 - ours


def _timed(database: Database, read: Callable[[sa.Connection], int]) -> tuple[float, int]:
    with database.reading() as connection:
        began = time.perf_counter()
        rows = read(connection)
        return time.perf_counter() - began, rows


if __name__ == "__main__":
    main()
