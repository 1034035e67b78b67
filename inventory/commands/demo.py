"""`inventory demo`: a simulated account, synced once a day, and the history that comes of it."""

import shlex
import sys
from contextlib import closing
from datetime import datetime, timedelta
from itertools import chain, count
from pathlib import Path

import sqlalchemy as sa
from rich.progress import track

from inventory.digitalocean.client import Client, utc_now
from inventory.errors import EXIT_COMPLETE, ConfigurationError
from inventory.model import Selection
from inventory.report.console import print_line, print_table, stderr_console
from inventory.report.progress import Silence
from inventory.simulator.api import SimulatedApi
from inventory.simulator.fleet import Fleet
from inventory.store.engine import Database
from inventory.store.upgrade import upgrade
from inventory.sync import Order, sync
from inventory.sync_report import SyncReport

try:
    from inventory.report import demo_text
    from inventory.simulator.server import serve
except ModuleNotFoundError as error:
    raise ConfigurationError(
        f"the demonstration needs {error.name}: pip install 'droplet-backup-inventory[demo]'"
    ) from error

_ACCOUNT = "demo"


def run(*, days: int, droplets: int, seed: int, directory: Path, now: datetime | None = None) -> int:
    """Let a fleet live for so many days, sync it once a day into a new file, and show what is known then.

    Its last day ends `now`, which is the true time if None.

    Raises:
        DatabaseUnusableError: The file cannot be made there.
    """
    path = _free_path(directory)
    fleet = Fleet.seeded(seed=seed, droplets=droplets, starts_at=(now or utc_now()) - timedelta(days=days))
    api = SimulatedApi(fleet)
    with closing(Database(sa.URL.create("sqlite", database=str(path.absolute())))) as database:
        upgrade(database)
        with serve(api) as url:
            for _ in track(range(days), "Simulated days, one sync each", console=stderr_console(), transient=True):
                api.advance(to=fleet.now + timedelta(days=1))
                report = _sync(database, api, url)
        _show(database, report, days)
    _say_what_next(path)
    return EXIT_COMPLETE


def _free_path(directory: Path) -> Path:
    """Choose a name that no file has: an earlier demonstration's history is kept."""
    names = chain(["inventory-demo.db"], (f"inventory-demo-{number}.db" for number in count(2)))
    return next(path for name in names if not (path := directory / name).exists())


def _sync(database: Database, api: SimulatedApi, url: str) -> SyncReport:
    order = Order(
        account=_ACCOUNT,
        selection=Selection(everything=True),
        configured_accounts=frozenset({_ACCOUNT}),
        deadline=timedelta(minutes=1),
    )

    def clock() -> datetime:
        return api.fleet.now

    with Client(api.token, base_url=url, requests_per_second=0, clock=clock) as client:
        return sync(database, client, order, clock=clock, listener=Silence())


def _show(database: Database, report: SyncReport, days: int) -> None:
    """Answer three questions by the same SQL that is printed for the reader to try."""
    now = report.finished_at
    with database.reading() as connection:
        fleet, growth, ends = (
            connection.execute(sa.text(query)).all() for query in (demo_text.FLEET, demo_text.GROWTH, demo_text.ENDS)
        )
        expired = connection.execute(sa.text("SELECT count(*) FROM backups WHERE gone_reason = 'expired'")).scalar_one()
    print_line(f"\nThe backups of {len(fleet)} simulated Droplets as of {now:%a %Y-%m-%d %H:%M} UTC\n")
    print_table(demo_text.fleet(fleet, now))
    print_line(f"\nStored in all, GB, over {days} days\n")
    sys.stdout.write(demo_text.plot(growth))
    print_line(f"\nWhat disappeared: {expired} backups expired, as they should, and\n")
    print_table(demo_text.ends(ends))


def _say_what_next(path: Path) -> None:
    """End with commands that can be copied as they are, here and now."""
    program = shlex.quote(sys.argv[0])
    print_line(f"\nAll of it is in {path}. Ask it yourself:\n")
    for query in (demo_text.FLEET, demo_text.GROWTH, demo_text.ENDS):
        sys.stdout.write(f'sqlite3 -box {shlex.quote(str(path))} "\n{query}"\n\n')
    print_line("Next, with your own account (a token with the scope droplet:read is enough):\n")
    for command in ("config --sample > inventory.toml", "sync --dry-run", "sync"):
        sys.stdout.write(f"  {program} {command}\n")
