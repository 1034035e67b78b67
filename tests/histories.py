"""A history of everything that befalls a fleet, to copy, prune and ask."""

import shutil
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from inventory.rounds.adding_up import add_up_after
from inventory.simulator.fleet import Fleet
from inventory.simulator.story import seeded_fleet
from inventory.store.copy import copy
from inventory.store.engine import Database
from inventory.store.schema import metadata
from inventory.store.upgrade import upgrade
from inventory.views.catalog import views
from inventory.views.queries import Question, ask
from inventory.views.rows import ROWS
from tests.simulated import MONDAY, Account, Row, rows


@dataclass(frozen=True)
class History:
    """A fleet, and the SQLite file with what syncs saw of it until now."""

    path: Path
    fleet: Fleet

    @property
    def ends_at(self) -> datetime:
        return self.fleet.now

    def fill(self, database: Database, directory: Path) -> Account:
        """Put it into an empty database of either kind, by way of the directory; give the account to go on with."""
        own = shutil.copy(self.path, directory / "history.db")
        with closing(Database(f"sqlite:///{own}")) as source:
            copy(source, database, lambda _done, _total: None)
        return Account(database, self.fleet)


def live(path: Path, *, seed: int, days: int, every_days: int) -> History:
    """Let a fleet live so long, and sync it into a new file every few days."""
    fleet = seeded_fleet(seed=seed, droplets=6, starts_at=MONDAY)
    _befall(fleet, days)
    with closing(Database(f"sqlite:///{path}")) as database:
        upgrade(database)
        account = Account(database, fleet)
        account.sync()
        for number in range(0, days, every_days):
            account.advance(days=every_days)
            if number % 20 == 0:
                _let_the_newest_stand_out(fleet)
            add_up_after(database, account.sync(is_full=False))
    return History(path, fleet)


def _befall(fleet: Fleet, days: int) -> None:
    """What the mixed fleet lacks: an unknown plan, backups off for long, or for good, and one that lives for long."""
    fleet.add_droplet(name="announced", plan="hourly", backups=7)
    for name, plan in (("paused", "weekly"), ("stopped", "daily"), ("by-hand", "daily")):
        fleet.add_droplet(name=name, plan=plan, backups=7)
    paused, stopped, by_hand = list(fleet.droplets)[-3:]
    kept: list[int] = []
    for number in (paused, stopped, by_hand):
        fleet.schedule(MONDAY + timedelta(days=20), partial(Fleet.disable_backups, droplet_id=number))
    fleet.schedule(MONDAY + timedelta(days=22), lambda fleet: kept.append(fleet.add_backup(by_hand)))
    fleet.schedule(MONDAY + timedelta(days=days - 60), lambda fleet: fleet.lose(kept[0]))
    again = MONDAY + timedelta(days=days - 80)
    fleet.schedule(again, partial(Fleet.enable_backups, droplet_id=paused, plan="weekly"))
    fleet.schedule(again, partial(Fleet.add_backup, droplet_id=paused, size_gigabytes=50))


def _let_the_newest_stand_out(fleet: Fleet) -> None:
    for droplet_id in fleet.droplets:
        for backup in fleet.backups_of(droplet_id)[-1:]:
            fleet.edit_backup(backup.id, size_gigabytes=3 * backup.size_gigabytes)


def tables(database: Database) -> dict[str, list[Row]]:
    """Read all that is stored."""
    with database.reading() as connection:
        return {name: rows(connection, name) for name in metadata.tables}


def answers(database: Database, now: datetime, since: datetime) -> dict[str, list[tuple[Any, ...]]]:
    """Ask every view as of `now`; where its rows are of some time, those since then."""
    with database.reading() as connection:
        return {
            name: ask(connection, ROWS[name], Question(now=now, since=since if view.time else None))
            for name, view in views().items()
        }
