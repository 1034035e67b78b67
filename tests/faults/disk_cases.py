"""What a campaign of disk faults tries: commands that write, on a directory as it was before, and what must hold after.

What is stored is compared by parts that a transaction writes whole: all of a Droplet, all of a table's history, or all
there is. Each part is as it was before, or as the command leaves it where nothing goes wrong.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any, TypeAlias

import sqlalchemy as sa

from inventory.simulator.api import SimulatedApi
from inventory.simulator.fleet import Fleet
from inventory.simulator.messages import Answer, Request
from inventory.simulator.server import serve
from inventory.store.engine import Database
from inventory.store.schema import backup_regions, backup_versions, backups, sync_runs
from inventory.store.upgrade import upgrade

Rows: TypeAlias = Mapping[str, Sequence[Mapping[str, Any]]]
Parts: TypeAlias = Mapping[object, object]

# Stamps say when a look was made: they are others in every run.
STAMPS = {
    *("first_seen_at", "valid_from", "valid_to", "gone_after_at", "gone_at", "missing_since"),
    *("last_observed_at", "last_listed_at", "last_attempt_at", "first_look_at", "looks"),
}
_NOT_OF_DROPLETS = {
    "accounts",
    "account_versions",
    "backup_rates",
    "sync_runs",
    "sync_listings",
    "inventory_schema_version",
}
_BACKUPS = ("backups", "backup_versions", "backup_regions")
_RUNS = ("sync_runs", "sync_listings")


@dataclass(frozen=True, slots=True)
class Case:
    """A command that writes.

    Attributes:
        template: The directory as it is before.
        subject: The file that it writes.
        parts: Reads the file's parts; it has none where it is not there.
        again: Exit code of the same command once more, where it had done all.
        migrations: Another version's, or None for ours.
    """

    arguments: tuple[str, ...]
    template: Path
    subject: str
    parts: Callable[[Path], Parts]
    again: int = 0
    migrations: Path | None = None


def read(path: Path) -> Rows:
    """Read every table; fail where SQLite finds the file damaged, or a row without its parent."""
    with closing(sqlite3.connect(path)) as raw:
        raw.row_factory = sqlite3.Row
        assert [*map(tuple, raw.execute("PRAGMA quick_check"))] == [("ok",)], f"{path} is damaged"
        assert [*map(tuple, raw.execute("PRAGMA foreign_key_check"))] == [], f"{path} has orphans"
        ours = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        names = [name for (name,) in raw.execute(ours)]
        return {name: [dict(row) for row in raw.execute(f'SELECT * FROM "{name}"')] for name in names}  # noqa: S608


def by_droplet(path: Path) -> Parts:
    """Read all that is stored of each Droplet, without stamps."""
    rows = read(path)
    owners = {row["id"]: row["droplet_id"] for row in rows["backups"]}
    found: dict[object, list[str]] = defaultdict(list)
    for table in rows.keys() - _NOT_OF_DROPLETS:
        for row in rows[table]:
            number = row["id"] if table == "droplets" else row.get("droplet_id") or owners[row["backup_id"]]
            found[number].append(f"{table} {_told(row)}")
    return {number: sorted(lines) for number, lines in found.items()}


def _told(row: Mapping[str, Any]) -> str:
    return repr({name: value for name, value in row.items() if name not in STAMPS})


def by_history(path: Path) -> Parts:
    """Read what prune deletes: backups with what is told of them, and runs."""
    rows = read(path)
    return {tables: [sorted(map(repr, rows[table])) for table in tables] for tables in (_BACKUPS, _RUNS)}


def whole(path: Path) -> Parts:
    """Read everything, tables and their shape."""
    rows = read(path)
    with closing(sqlite3.connect(path)) as raw:
        texts = raw.execute("SELECT type || ' ' || name, coalesce(sql, '') FROM sqlite_schema").fetchall()
    # A migration writes a table's constraints in any order.
    shape = {name: sorted(line.strip(" \t,") for line in sql.splitlines()) for name, sql in texts}
    return {"all": (shape, {table: sorted(map(repr, rows[table])) for table in rows})}


def page(path: Path) -> Parts:
    """Tell whether a page is whole."""
    text = path.read_text("utf-8")
    is_whole = text.startswith("<!DOCTYPE html>") and text.rstrip().endswith("</html>")
    return {"page": "whole" if is_whole else text}


class PunctualApi(SimulatedApi):
    """A simulated account in which nothing happens, however long it is asked, and whose clock is right."""

    def answer(self, request: Request) -> Answer:
        """Date the answer as of now."""
        answer = super().answer(request)
        return replace(answer, headers={**answer.headers, "date": format_datetime(datetime.now(UTC), usegmt=True)})


@contextmanager
def account(fleet: Fleet) -> Iterator[dict[str, str]]:
    """Serve a fleet; give the settings of a command that syncs it into `inventory.db`."""
    api = PunctualApi(fleet)
    with serve(api) as url:
        yield {
            "INVENTORY_API_URL": url,
            "INVENTORY_TOKEN": api.token,
            "INVENTORY_DATABASE_URL": "inventory.db",
            "INVENTORY_REQUESTS_PER_SECOND": "0",
        }


def begin(fleet: Fleet) -> None:
    """Let a fleet have something to sync."""
    for number in range(5):
        fleet.add_droplet(name=f"web-{number}", plan="daily", backups=6, tags=["web"])


def change(fleet: Fleet) -> None:
    """Let everything befall it that one sync can see."""
    first, second, third, fourth, _ = fleet.droplets
    fleet.lose(fleet.backups_of(first)[0].id)
    for number in (first, second):
        fleet.add_backup(number)
    fleet.rename(third, "renamed")
    fleet.disable_backups(third)
    fleet.tag(fourth, "more")
    fleet.add_droplet(name="new", plan="weekly", backups=3)


def age(path: Path) -> None:
    """Put backups that ended a year ago, and runs of that time, into a database."""
    with closing(Database(f"sqlite:///{path}")) as database, database.writing() as connection:
        droplet_id, now = connection.execute(sa.select(backups.c.droplet_id, backups.c.first_seen_at)).first() or (
            0,
            None,
        )
        assert now is not None
        for number in range(1, 40):
            made, gone = (now - timedelta(days=days - number) for days in (400, 393))
            then = {"name": "old", "type": "backup", "size_gigabytes": 1.5, "min_disk_size": 25}
            seen = {"created_at": made, "first_seen_at": made, "gone_after_at": made}
            ended = {"gone_at": gone, "gone_reason": "expired"}
            connection.execute(sa.insert(backups).values(id=number, droplet_id=droplet_id, **then, **seen, **ended))
            interval = {"backup_id": number, "valid_from": made, "valid_to": gone}
            connection.execute(sa.insert(backup_versions).values(closed_by="expired", **interval, **then))
            connection.execute(sa.insert(backup_regions).values(region="nyc3", **interval))
        last = connection.execute(sa.select(sync_runs).limit(1)).mappings().one()
        times = dict.fromkeys(("started_at", "heartbeat_at", "finished_at"), now - timedelta(days=400))
        for number in (-3, -2, -1):
            connection.execute(sa.insert(sync_runs).values({**last, **times, "id": number}))


def made(path: Path) -> None:
    """Make an empty database."""
    with closing(Database(f"sqlite:///{path}")) as database:
        upgrade(database)
