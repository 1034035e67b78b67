"""Make years of history of a large fleet by bulk load, as a daily sync would have left it.

    python -m benchmarks.history sqlite:////tmp/history.db --droplets 1000 --years 5
    python -m benchmarks.history sqlite:////tmp/many.db --accounts 2000 --droplets 100000 --days 45

The database must be empty. Each account has as many Droplets as every other. Of a hundred Droplets 56 have daily
backups, the others weekly ones; one window in a hundred is missed, one Droplet in a thousand is not looked at on a day,
and a few are resized, renamed, switched to the other plan, switched off or destroyed. The same arguments give the same
rows, in the order in which a sync would have written them: where rows lie on the disk matters as much as how many they
are.
"""

import argparse
import heapq
import itertools
import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from operator import itemgetter
from random import Random
from typing import Any, NamedTuple

from inventory.store.engine import Database
from inventory.store.schema import metadata
from inventory.store.upgrade import upgrade

LOOK_AT = timedelta(hours=6)
LOOKS_TAKE = timedelta(minutes=5)
ROWS_A_LOAD = 200_000
CACHE_KIBIBYTES = 2_000_000  # else SQLite writes the pages of its indexes again and again
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
SIZES = (("s-1vcpu-1gb", 6.0), ("s-1vcpu-2gb", 12.0), ("s-2vcpu-4gb", 24.0), ("s-4vcpu-8gb", 48.0))
PLANS = {"daily": (timedelta(days=1), timedelta(days=7)), "weekly": (timedelta(days=7), timedelta(days=28))}
NEVER = 10**6


class Entry(NamedTuple):
    """A row of a table, its columns by name, and when a sync would have written it."""

    at: datetime
    table: str
    row: dict[str, Any]


class Made(NamedTuple):
    """A backup, the day of the look that first saw it, and the day of the look that no longer did."""

    number: int
    at: datetime
    gigabytes: float
    seen_on: int
    gone_on: int
    reason: str


@dataclass(frozen=True, slots=True)
class Life:
    """What happens to one Droplet; days are counted from the first look, NEVER is none of them."""

    number: int
    account_id: int
    name: str
    begins_at: datetime
    days: int
    plan: str
    hour: int
    weekday: str
    gigabytes: float
    growth_per_day: float
    tier: int
    unlooked: frozenset[int]
    destroyed_on: int
    off_on: int
    switched_on: int
    resized_on: int
    renamed_on: int

    def look_at(self, day: int) -> datetime:
        """Give the stamp of a day's look; a sync takes a few minutes for all Droplets."""
        return self.begins_at + timedelta(days=day, seconds=self.number % 1000 // 4)

    def look_after(self, instant: datetime) -> int:
        """Give the day of the first look at `instant` or later."""
        day = max(0, -((self.look_at(0) - instant) // timedelta(days=1)))
        while day in self.unlooked:
            day += 1
        return day

    def look_before(self, day: int) -> int:
        """Give the day of the last look before a day's."""
        return next(each for each in range(day - 1, -1, -1) if each not in self.unlooked)

    def plan_on(self, day: int) -> str:
        """Give the plan in force; it changes to the other one once at most."""
        others = {"daily": "weekly", "weekly": "daily"}
        return others[self.plan] if day >= self.switched_on else self.plan


def life(number: int, account_id: int, begins_at: datetime, days: int) -> Life:
    """Draw what happens to a Droplet."""
    random = Random(number)
    fate = random.random()
    day = partial(random.randrange, 1, days)
    return Life(
        number=500_000_000 + number,
        account_id=account_id,
        name=f"web-{number:04}",
        begins_at=begins_at,
        days=days,
        plan="daily" if number % 100 < 56 else "weekly",
        hour=random.choice((0, 4, 8, 12, 16, 20)),
        weekday=random.choice(WEEKDAYS),
        gigabytes=random.uniform(1, 40),
        growth_per_day=random.choice((0, 0, 0.0005, 0.001)),
        tier=random.randrange(3),
        unlooked=frozenset(random.sample(range(1, days), max(1, days // 1000))),
        destroyed_on=day() if fate < 0.02 else NEVER,
        off_on=day() if 0.02 <= fate < 0.04 else NEVER,
        switched_on=day() if 0.04 <= fate < 0.08 else NEVER,
        resized_on=day() if random.random() < 0.2 else NEVER,
        renamed_on=day() if random.random() < 0.1 else NEVER,
    )


def backups(droplet: Life) -> Iterator[Made]:
    """Make a Droplet's backups, oldest first, from a retention before the first look on."""
    random = Random(f"{droplet.number} backups")
    ends_on = min(droplet.destroyed_on, droplet.off_on, droplet.days)
    number = droplet.number * 10_000
    for day in range(-28, ends_on):
        plan = droplet.plan_on(day)
        midnight = droplet.begins_at - LOOK_AT + timedelta(days=day)
        opens_at = midnight + timedelta(hours=droplet.hour)
        at = opens_at + timedelta(seconds=random.randrange(4 * 3600))
        is_due = plan == "daily" or WEEKDAYS[midnight.isoweekday() % 7] == droplet.weekday
        expires_on = droplet.look_after(at + PLANS[plan][1])
        if not is_due or random.random() < 0.01 or expires_on == 0:
            continue
        number += 1
        gigabytes = droplet.gigabytes * (1 + droplet.growth_per_day * day) * random.uniform(0.98, 1.02)
        is_odd = random.random() < 0.001
        lost_on = droplet.look_after(at + timedelta(days=2)) if random.random() < 0.0005 else NEVER
        reasons = {droplet.destroyed_on: "droplet_destroyed", droplet.off_on: "backups_disabled"}
        reasons |= {lost_on: "unexplained", expires_on: "expired"}
        gone_on = min(reasons)
        seen_on = droplet.look_after(at)
        if seen_on < gone_on:
            yield Made(number, at, round(gigabytes * (3 if is_odd else 1), 2), seen_on, gone_on, reasons[gone_on])


def history(droplet: Life) -> Iterator[Entry]:
    """Give the rows of a Droplet's history in the order of its looks."""
    waiting = backups(droplet)
    coming = next(waiting, None)
    live: list[Made] = []
    yield from _attributes(droplet)
    for day in range(min(droplet.days, droplet.destroyed_on + 1)):
        if day in droplet.unlooked:
            continue
        stamp = droplet.look_at(day)
        while coming and coming.seen_on <= day:
            live.append(coming)
            yield from _of_backup(droplet, coming)
            coming = next(waiting, None)
        live = [each for each in live if each.gone_on > day]
        made = [each.at for each in live]
        row = {
            "droplet_id": droplet.number,
            "day": stamp.date(),
            "backups": len(live),
            "size_gigabytes": round(sum(each.gigabytes for each in live), 2),
            "oldest_backup_at": min(made, default=None),
            "newest_backup_at": max(made, default=None),
            "first_look_at": stamp,
            "looks": None if stamp == _last_look(droplet) else _second(stamp),
        }
        yield Entry(stamp, "droplet_days", row)


def _of_backup(droplet: Life, made: Made) -> Iterator[Entry]:
    stamp = droplet.look_at(made.seen_on)
    is_gone = made.gone_on < droplet.days
    gone_at = droplet.look_at(made.gone_on) if is_gone else None
    version = {
        "name": f"{droplet.name}- {made.at:%Y-%m-%d}",
        "type": "backup",
        "size_gigabytes": made.gigabytes,
        "min_disk_size": 25,
    }
    row = {
        "id": made.number,
        "droplet_id": droplet.number,
        **version,
        "created_at": made.at,
        "first_seen_at": stamp,
        "changed_at": None,
        "gone_after_at": droplet.look_at(droplet.look_before(made.gone_on)) if is_gone else None,
        "gone_at": gone_at,
        "gone_reason": made.reason if is_gone else None,
        "gone_reason_replaced_at": None,
        "missing_since": None,
    }
    interval = {"backup_id": made.number, "valid_from": stamp, "valid_to": gone_at}
    yield Entry(stamp, "backups", row)
    yield Entry(stamp, "backup_versions", {**interval, "closed_by": row["gone_reason"], **version})
    yield Entry(stamp, "backup_regions", {**interval, "region": "nyc3"})


def _last_look(droplet: Life) -> datetime:
    ends_on = droplet.destroyed_on if droplet.destroyed_on < droplet.days else NEVER
    return droplet.look_at(min(ends_on, droplet.look_before(droplet.days)))


def _second(stamp: datetime) -> str:
    return str(stamp.hour * 3600 + stamp.minute * 60 + stamp.second)


def _attributes(droplet: Life) -> Iterator[Entry]:
    """Give the rows that say what the Droplet was, as of its first look."""
    first = droplet.look_at(0)
    ends_on = droplet.destroyed_on if droplet.destroyed_on < droplet.days else NEVER
    gone_at = droplet.look_at(ends_on) if ends_on != NEVER else None
    changes = sorted({0, droplet.resized_on, droplet.renamed_on} - {NEVER})
    intervals = list(_intervals(droplet, [day for day in changes if day < ends_on], gone_at))
    attributes = [_droplet(droplet, day) for day in changes]
    last = _last_look(droplet)
    row = {
        "id": droplet.number,
        "account_id": droplet.account_id,
        **attributes[len(intervals) - 1],
        "created_at": first - timedelta(days=90),
        "next_window_starts_at": None,
        "next_window_ends_at": None,
        "unselected_since": None,
        "first_seen_at": first,
        "first_look_at": first,
        "last_observed_at": last,
        "last_listed_at": last,
        "gone_at": gone_at,
        "last_attempt_at": last,
        "last_outcome": "complete",
        "last_error": None,
        "looks": _second(last),
    }
    yield Entry(first, "droplets", row)
    for interval, values in zip(intervals, attributes, strict=False):
        yield Entry(first, "droplet_versions", {**interval, **values, "account_id": droplet.account_id})
    policies = sorted({0, droplet.switched_on, droplet.off_on} - {NEVER})
    for interval, day in zip(_intervals(droplet, policies, gone_at), policies, strict=True):
        yield Entry(first, "backup_policies", {**interval, **_policy(droplet, day)})
    for tag in ("env:prod" if droplet.number % 3 else "env:staging", f"team:{droplet.number % 7}"):
        interval = {"droplet_id": droplet.number, "valid_from": first, "valid_to": gone_at}
        yield Entry(first, "droplet_tags", {**interval, "tag": tag})


def _intervals(droplet: Life, days: Sequence[int], gone_at: datetime | None) -> Iterator[dict[str, Any]]:
    stamps = [*map(droplet.look_at, days), gone_at]
    for begin, end in itertools.pairwise(stamps):
        yield {"droplet_id": droplet.number, "valid_from": begin, "valid_to": end}


def _droplet(droplet: Life, day: int) -> dict[str, Any]:
    slug, price = SIZES[droplet.tier + (day >= droplet.resized_on)]
    return {
        "name": f"{droplet.name}-b" if day >= droplet.renamed_on else droplet.name,
        "region": "nyc3",
        "size_slug": slug,
        "price_monthly_usd": price,
        "status": "active",
    }


def _policy(droplet: Life, day: int) -> dict[str, Any]:
    plan = None if day >= droplet.off_on else droplet.plan_on(day)
    return {
        "is_enabled": plan is not None,
        "plan": plan,
        "weekday": droplet.weekday if plan == "weekly" else None,
        "hour": droplet.hour if plan else None,
        "window_length_hours": 4 if plan else None,
        "retention_days": PLANS[plan][1].days if plan else None,
    }


def runs(begins_at: datetime, days: int, accounts: int, droplets: int) -> Iterator[Entry]:
    """Give the accounts, and the record of a run a day of each; one in fifty is partial."""
    for account_id in range(1, accounts + 1):
        name = "default" if accounts == 1 else f"client-{account_id:04}"
        yield Entry(begins_at, "accounts", {"id": account_id, "name": name})
    for day, account_id in itertools.product(range(days), range(1, accounts + 1)):
        started_at = begins_at + timedelta(days=day)
        is_partial = (day + account_id) % 50 == 0
        row = dict.fromkeys(metadata.tables["sync_runs"].columns.keys(), 0) | {
            "id": day * accounts + account_id,
            "account_id": account_id,
            "started_at": started_at,
            "finished_at": started_at + timedelta(seconds=260),
            "heartbeat_at": started_at + timedelta(seconds=260),
            "host": "host",
            "process": None,
            "trigger": "command",
            "mode": "listing",
            "overdue_after_seconds": 93_600,
            "status": "partial" if is_partial else "complete",
            "failure": None,
            "droplets_selected": droplets // accounts,
            "rate_limit_remaining": None,
            "error": "stopped" if is_partial else None,
        }
        yield Entry(started_at, "sync_runs", row)


def fleet(ends_at: datetime, accounts: int, droplets: int, days: int) -> Iterator[Entry]:
    """Give every row of the whole fleet's history, in the order of time."""
    last = ends_at - LOOK_AT - LOOKS_TAKE
    begins_at = datetime(last.year, last.month, last.day, tzinfo=UTC) - timedelta(days=days - 1) + LOOK_AT
    of_each = droplets // accounts
    lives = (history(life(number, number // of_each + 1, begins_at, days)) for number in range(of_each * accounts))
    return heapq.merge(runs(begins_at, days, accounts, droplets), *lives, key=itemgetter(0))


def load(database: Database, entries: Iterable[Entry]) -> int:
    """Load rows in bulk and return how many; whether they have their parents is not checked."""
    open_bulk = _sqlite if database.is_sqlite else _postgresql
    loaded = 0
    waiting: dict[str, list[dict[str, Any]]] = defaultdict(list)
    with open_bulk(database) as insert:
        for entry in entries:
            waiting[entry.table].append(entry.row)
            loaded += 1
            if len(waiting[entry.table]) >= ROWS_A_LOAD:
                insert(entry.table, waiting.pop(entry.table))
        for table, rows in waiting.items():
            insert(table, rows)
    return loaded


@contextmanager
def _sqlite(database: Database) -> Iterator[Callable[[str, list[dict[str, Any]]], object]]:
    def insert(table: str, rows: list[dict[str, Any]]) -> None:
        columns = metadata.tables[table].columns.keys()
        marks = ", ".join("?" * len(columns))
        statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608 - names are ours
        raw.executemany(statement, ([_as_text(row.get(column)) for column in columns] for row in rows))

    with closing(sqlite3.connect(str(database.path), isolation_level=None)) as raw:
        raw.execute(f"PRAGMA cache_size = -{CACHE_KIBIBYTES}")
        raw.execute("BEGIN IMMEDIATE")
        yield insert
        raw.execute("COMMIT")


def _as_text(value: object) -> object:
    """Write an instant or a day as SQLite keeps it."""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return value.isoformat() if isinstance(value, date) else value


@contextmanager
def _postgresql(database: Database) -> Iterator[Callable[[str, list[dict[str, Any]]], object]]:
    def insert(table: str, rows: list[dict[str, Any]]) -> None:
        columns = metadata.tables[table].columns.keys()
        with cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row([row.get(column) for column in columns])

    with database.writing() as connection:
        raw: Any = connection.connection.driver_connection
        cursor = raw.cursor()
        cursor.execute("SET LOCAL session_replication_role = replica")
        # A large fleet is made before its first row is written; 200,000 rows may take longer than a sync ever waits.
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        cursor.execute("SET LOCAL statement_timeout = 0")
        yield insert
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # What autovacuum does within minutes.
        connection.exec_driver_sql("VACUUM ANALYZE")


def make(database: Database, *, ends_at: datetime, droplets: int, days: int, accounts: int = 1) -> None:
    """Create the tables and fill them; say on stdout how long that took."""
    began = time.monotonic()
    upgrade(database)
    loaded = load(database, fleet(ends_at, accounts, droplets, days))
    print(f"{loaded:,} rows of {droplets:,} Droplets and {days:,} days in {time.monotonic() - began:.0f} s")


def main() -> None:
    """Make the history that the command line asks for, up to now."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", help="an empty database, in the form of SQLAlchemy")
    parser.add_argument("--accounts", type=int, default=1)
    parser.add_argument("--droplets", type=int, default=1000, help="of all accounts together")
    parser.add_argument("--years", type=float, default=5)
    parser.add_argument("--days", type=int, help="instead of years")
    asked = parser.parse_args()
    database = Database(asked.url)
    days = asked.days or int(asked.years * 365.25)
    make(database, ends_at=datetime.now(UTC), accounts=asked.accounts, droplets=asked.droplets, days=days)
    database.close()


if __name__ == "__main__":
    main()
