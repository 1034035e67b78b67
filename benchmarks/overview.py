"""How soon what is summed over many accounts is answered.

    python -m benchmarks.overview sqlite:////tmp/many.db

The database is one that `benchmarks.history` has filled. A line has the wall time, the processor time of this process
and of the one of PostgreSQL that answers, where that runs here, and the memory that this process held at most. Of what
is judged and added up account by account, other processes of PostgreSQL answer, whose time is not in it.
"""

import argparse
import os
import resource
import time
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from inventory.errors import DatabaseUnavailableError
from inventory.judging.evidence import inspect
from inventory.judging.findings import judge
from inventory.judging.rules import Rules
from inventory.process.clock import utc_now
from inventory.report.metrics import Most, render
from inventory.report.overview import Judging, read_lines
from inventory.report.summary import read, summarise
from inventory.rounds.adding_up import add_up
from inventory.rounds.verdict import figures
from inventory.store import verdicts
from inventory.store.engine import Database
from inventory.store.snapshot import read_snapshot
from inventory.store.upgrade import upgrade
from inventory.views.queries import Question
from inventory.views.readers import TwoReaders

_SUMS = {
    "live_backups": "SELECT account, count(*), sum(size_gigabytes) FROM live_backups GROUP BY account",
    "cost_now": "SELECT account, sum(estimated_usd) FROM cost_now GROUP BY account",
    "monthly_cost": "SELECT account, month, sum(estimated_usd) FROM monthly_cost GROUP BY account, month",
    "account_overview": "SELECT * FROM account_overview",
    "account_overview_by_month": "SELECT * FROM account_overview_by_month",
}
_MOST = Most(accounts=100, droplets=100)


def main() -> None:
    """Print a line for each question."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", help="as SQLAlchemy writes it")
    with closing(Database(parser.parse_args().url)) as database:
        upgrade(database)
        now = utc_now().replace(microsecond=0)
        with database.reading() as connection:
            names = list(connection.scalars(sa.text("SELECT name FROM accounts ORDER BY name")))
        print(f"{len(names):,} accounts; load {os.getloadavg()[0]:.1f}")
        with database.reading() as connection:
            _keep(database, now, names[:1], connection)  # what is done once a process
        _measure("judge one account and add it up", database, partial(_keep, database, now, names[1:2]))
        _measure("judge all, add them up, keep", database, partial(_keep, database, now, names))
        _measure("add up their days and months", database, partial(_add_up, database, now, names))
        judging = Judging(Rules(), (), names)
        _measure("report account_overview", database, lambda it: read_lines(it, Question(now), judging, today=now))
        for view, query in _SUMS.items():
            _measure(f"the view {view}, by account", database, partial(_sum, query))
        _measure("figures for metrics", database, partial(_metrics, now, names))
        _measure("check", database, lambda it: inspect(it, now, Rules(), (), accounts=names))
        _measure("summary", database, partial(_summary, now, names))


def _keep(database: Database, now: datetime, names: list[str], connection: sa.Connection) -> None:
    verdict = inspect(connection, now, Rules(), (), accounts=names)
    verdicts.keep(database, verdict, {}, figures(database, verdict))


def _add_up(database: Database, now: datetime, names: list[str], _connection: sa.Connection) -> None:
    for name in names:
        add_up(database, name, now)


def _sum(query: str, connection: sa.Connection) -> None:
    connection.exec_driver_sql(query).all()


def _metrics(now: datetime, names: list[str], connection: sa.Connection) -> None:
    snapshot = read_snapshot(connection, now, most_droplets=_MOST.droplets, names=names)
    render(snapshot, None, _MOST, is_database_up=True)


def _summary(now: datetime, names: list[str], connection: sa.Connection) -> None:
    question = Question(now, accounts=names)
    evidence, read_beside = read(TwoReaders(connection), question)
    judge(evidence, Rules(), (), now)
    summarise(connection, question, evidence, read_beside)


def _measure(what: str, database: Database, ask: Callable[[sa.Connection], object]) -> None:
    with database.reading() as connection:
        server = None if database.is_sqlite else connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        began, used = time.perf_counter(), _used(server)
        try:
            ask(connection)
        except DatabaseUnavailableError as error:
            what = f"{what}: no answer ({error})"
        took, used = time.perf_counter() - began, _used(server) - used
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{what:40} {took:7.2f} s  processor {used:7.2f} s  {megabytes:6.0f} MB", flush=True)


def _used(server: int | None) -> float:
    if server is None:
        return time.process_time()
    in_user_mode, in_system = Path(f"/proc/{server}/stat").read_text(encoding="ascii").rsplit(")")[1].split()[11:13]
    return time.process_time() + (int(in_user_mode) + int(in_system)) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
