"""What a Droplet more costs: requests, processor time, what is written and stored, by real syncs on both databases.

    python -m benchmarks.capacity

One account is synced every hour by a clock that is simulated, in several sizes, so that what each further Droplet costs
is measured, and not taken for what an account costs. Of nine Droplets five have daily backups, the others weekly ones.
Looks are proven by ids or are listings, as in real life. Of the processor time, that of the simulated API is left out;
that of PostgreSQL is in it.
"""

import argparse
import os
import time
from contextlib import closing
from dataclasses import dataclass, fields
from datetime import timedelta
from itertools import cycle, pairwise
from pathlib import Path

import httpx
import sqlalchemy as sa

from benchmarks.databases import DATABASES, New, migrated
from inventory.simulator.fleet import Fleet
from inventory.store.engine import Database
from inventory.vocabulary import RunStatus
from tests.simulated import MONDAY, Account, Api

_SIZES = (100, 200, 400)
_SETTLING_DAYS = 9  # until the first relisting is spread over its week, and weekly backups have come and gone
_DAYS = 7
_LOOKS_A_DAY = 24
_PLANS = [("daily", 7)] * 5 + [("weekly", 4)] * 4
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")

_OF_BACKUPS = ("backups", "backup_versions", "backup_regions")
_OF_DAYS = ("droplet_days",)


@dataclass(frozen=True, slots=True)
class Figures:
    """What one account of some size took in a day, and what a row takes."""

    requests: float
    milliseconds: float
    kilobytes_written: float
    backups_made: float
    bytes_a_backup: float
    bytes_a_droplet_day: float


def main() -> None:
    """Print a line for each size, and what each further Droplet takes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=_SIZES, help="Droplets of the account")
    parser.add_argument("--days", type=int, default=_DAYS)
    asked = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f}; a day of {_LOOKS_A_DAY} syncs, the mean of {asked.days} days")
    for name, databases in DATABASES.items():
        with databases() as new:
            found = [(droplets, _measure(new, droplets, asked.days)) for droplets in asked.sizes]
        for droplets, figures in found:
            print(f"{name}, {droplets:,} Droplets: {_told(figures)}", flush=True)
        for (few, before), (many, after) in pairwise(found):
            print(
                f"{name}, each Droplet from {few:,} to {many:,}: {_told(_slope(before, after, many - few))}", flush=True
            )


def _slope(before: Figures, after: Figures, droplets: int) -> Figures:
    """Give what each further Droplet takes; what a row takes is that of the larger account."""
    by_day = ("requests", "milliseconds", "kilobytes_written", "backups_made")
    slopes = {name: (getattr(after, name) - getattr(before, name)) / droplets for name in by_day}
    return Figures(**slopes, bytes_a_backup=after.bytes_a_backup, bytes_a_droplet_day=after.bytes_a_droplet_day)


def _told(figures: Figures) -> str:
    return ", ".join(f"{each.name.replace('_', ' ')} {getattr(figures, each.name):,.2f}" for each in fields(Figures))


def _measure(new: New, droplets: int, days: int) -> Figures:
    with closing(migrated(new())) as database:
        if database.is_sqlite:
            _never_checkpoint(database)
        account = _Account(database, droplets)
        account.look(_SETTLING_DAYS)
        before = _State.of(database, account)
        account.look(days)
        after = _State.of(database, account)
        backups = after.rows_of_backups - before.rows_of_backups
        return Figures(
            requests=(after.requests - before.requests) / days,
            milliseconds=1000 * (after.seconds - before.seconds) / days,
            kilobytes_written=(after.written - before.written) / 1000 / days,
            backups_made=backups / days,
            bytes_a_backup=(after.size_of_backups - before.size_of_backups) / backups,
            bytes_a_droplet_day=(after.size_of_days - before.size_of_days) / (after.rows_of_days - before.rows_of_days),
        )


class _Api(Api):
    """An API that knows how long it took, in seconds of processor time."""

    seconds = 0.0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        began = time.thread_time()
        answer = super().handle_request(request)
        self.seconds += time.thread_time() - began
        return answer


class _Account:
    """A simulated account that is synced every hour, and how long the simulation took."""

    def __init__(self, database: Database, droplets: int) -> None:
        fleet = Fleet(MONDAY)
        for _, (plan, backups) in zip(range(droplets), cycle(_PLANS), strict=False):
            fleet.add_droplet(name="web", plan=plan, backups=backups)
        self._account = Account(database, fleet)
        self._account.api = self._api = _Api(fleet, uuid="uuid")
        self._seconds = 0.0

    @property
    def requests(self) -> int:
        return len(self._api.asked)

    @property
    def seconds(self) -> float:
        return self._seconds + self._api.seconds

    def look(self, days: int) -> None:
        for _ in range(days * _LOOKS_A_DAY):
            began = time.process_time()
            self._account.advance(hours=24 / _LOOKS_A_DAY)
            self._seconds += time.process_time() - began
            report = self._account.sync(is_full=False, deadline=timedelta(hours=1))
            if report.status != RunStatus.COMPLETE:
                raise SystemExit(f"the sync is {report.status}: {report.error}")


@dataclass(frozen=True, slots=True)
class _State:
    """What was used and stored until a moment; sizes in bytes, with indexes."""

    requests: int
    seconds: float
    written: int
    rows_of_backups: int
    rows_of_days: int
    size_of_backups: int
    size_of_days: int

    @staticmethod
    def of(database: Database, account: _Account) -> "_State":
        with database.reading() as connection:
            server = 0.0 if database.is_sqlite else _seconds_of_server(connection)
            return _State(
                requests=account.requests,
                seconds=time.process_time() - account.seconds + server,
                written=_written(connection, database.path),
                rows_of_backups=_rows(connection, "backups"),
                rows_of_days=_rows(connection, "droplet_days"),
                size_of_backups=sum(_size(connection, table) for table in _OF_BACKUPS),
                size_of_days=sum(_size(connection, table) for table in _OF_DAYS),
            )


def _never_checkpoint(database: Database) -> None:
    """Let all that is written stay in the log, whose size then tells how much it was."""

    @sa.event.listens_for(database.engine, "connect")
    def _prepare(connection: object, _record: object) -> None:
        connection.execute("PRAGMA wal_autocheckpoint = 0")  # type: ignore[attr-defined]

    database.engine.dispose()


def _written(connection: sa.Connection, path: Path | None) -> int:
    if path is None:
        return int(connection.exec_driver_sql("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn").scalar_one())
    return Path(f"{path}-wal").stat().st_size


def _rows(connection: sa.Connection, table: str) -> int:
    return int(connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one())  # noqa: S608 - our own names


def _size(connection: sa.Connection, table: str) -> int:
    if connection.dialect.name == "postgresql":
        return int(connection.exec_driver_sql(f"SELECT pg_total_relation_size('{table}')").scalar_one())
    its = f"SELECT name FROM sqlite_schema WHERE tbl_name = '{table}'"  # noqa: S608 - as above
    return int(connection.exec_driver_sql(f"SELECT sum(pgsize) FROM dbstat WHERE name IN ({its})").scalar_one())  # noqa: S608


def _seconds_of_server(connection: sa.Connection) -> float:
    """Add up the processor time of all processes of the server, those that ended included."""
    ours = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    server = _stat(ours)[1]
    ended = sum(map(int, _stat(server)[13:15]))
    return (
        ended + sum(sum(map(int, each[11:13])) for each in _processes() if int(each[1]) == int(server))
    ) / _TICKS_A_SECOND


def _processes() -> list[list[str]]:
    found = []
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                found.append(_stat(place.name))
            except FileNotFoundError:  # it ended meanwhile
                continue
    return found


def _stat(process: object) -> list[str]:
    """Read what Linux says of a process, from its state on."""
    return Path(f"/proc/{process}/stat").read_text(encoding="ascii", errors="replace").rsplit(")", 1)[1].split()


if __name__ == "__main__":
    main()
