"""`inventory demo`: a simulated account, synced once a day, and the history of it."""

import sys
from contextlib import closing
from datetime import datetime, timedelta
from itertools import chain, count
from pathlib import Path

import sqlalchemy as sa
from rich.progress import track

from inventory.digitalocean.client import Client
from inventory.errors import EXIT_COMPLETE
from inventory.judging.findings import judge
from inventory.judging.rules import Rules
from inventory.model import Selection
from inventory.network.access import Origin, Token
from inventory.process.clock import utc_now
from inventory.report import demo_text, summary_text
from inventory.report.progress import Silence
from inventory.report.summary import read, summarise
from inventory.rounds.adding_up import add_up_after
from inventory.simulator.api import SimulatedApi
from inventory.simulator.server import serve
from inventory.simulator.story import seeded_fleet
from inventory.store.engine import Database
from inventory.store.upgrade import upgrade
from inventory.sync.order import Job, Order
from inventory.sync.result import SyncReport
from inventory.sync.run import sync
from inventory.terminal.console import print_screen, progress_console
from inventory.views.queries import Question
from inventory.views.readers import TwoReaders

_ACCOUNT = "demo"


def run(*, days: int, droplets: int, seed: int, directory: Path, now: datetime | None = None) -> int:
    """Simulate a fleet for so many days, sync it once a day into a new file, and show what is known at the end.

    The last day ends `now`, which is the true time if None.

    Raises:
        DatabaseUnusableError: The file cannot be created there.
    """
    path = _free_path(directory)
    fleet = seeded_fleet(seed=seed, droplets=droplets, starts_at=(now or utc_now()) - timedelta(days=days))
    api = SimulatedApi(fleet)
    with closing(Database(sa.URL.create("sqlite", database=str(path.absolute())))) as database:
        upgrade(database)
        with serve(api) as url:
            for _ in track(range(days), "Simulated days, one sync each", console=progress_console(), transient=True):
                api.advance(to=fleet.now + timedelta(days=1))
                report = _sync(database, api, url)
                add_up_after(database, report)
        _show(database, path, report.finished_at)
    sys.stdout.write(demo_text.next_steps(path, sys.argv[0]))
    return EXIT_COMPLETE


def _free_path(directory: Path) -> Path:
    """Choose a name that no file has yet, so that the history of an earlier demonstration is kept."""
    names = chain(["inventory-demo.db"], (f"inventory-demo-{number}.db" for number in count(2)))
    return next(path for name in names if not (path := directory / name).exists())


def _sync(database: Database, api: SimulatedApi, url: str) -> SyncReport:
    job = Job(
        account=_ACCOUNT,
        selection=Selection(everything=True),
        configured_accounts=frozenset({_ACCOUNT}),
        deadline=timedelta(minutes=1),
        order=Order(),
    )

    def clock() -> datetime:
        return api.fleet.now

    with Client(Token(api.token), origin=Origin(url), requests_per_second=0, clock=clock) as client:
        return sync(database, client, job, clock=clock, listener=Silence())


def _show(database: Database, path: Path, now: datetime) -> None:
    """Sum the fleet up as `inventory report` does."""
    question = Question(now=now)
    with database.reading() as connection:
        evidence, figures = read(TwoReaders(connection), question)
        verdict = judge(evidence, Rules(), (), now)
        summary = summarise(connection, question, evidence, figures)
    print_screen(["", *summary_text.screen(summary, verdict, str(path))])
