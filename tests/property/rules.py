"""The rules that may never break, checked against a naive model: a list of what every look showed."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby, pairwise
from operator import itemgetter
from typing import TypeAlias

from inventory.simulator.values import SimulatedBackup
from inventory.store.schema import metadata
from tests.simulated import Row

Tables: TypeAlias = Mapping[str, list[Row]]
Picture: TypeAlias = tuple[SimulatedBackup, ...]

HISTORIES = (
    "backup_versions",
    "backup_regions",
    "droplet_versions",
    "droplet_tags",
    "backup_policies",
    "droplet_windows",
)
VERSION = ("name", "type", "size_gigabytes", "min_disk_size")
DROPLET_VERSION = ("name", "region", "size_slug", "price_monthly_usd", "status")


@dataclass(slots=True)
class Attempts:
    """What each look at a Droplet showed, by its stamp, oldest first; a Droplet found gone shows nothing."""

    pictures: dict[int, dict[datetime, Picture]] = field(default_factory=lambda: defaultdict(dict))

    def last(self, droplet_id: int) -> datetime | None:
        return max(self.pictures[droplet_id], default=None)

    def add(self, droplet_id: int, stamp: datetime, picture: Picture) -> None:
        before = self.last(droplet_id)
        assert before is None or stamp > before, f"a look at {stamp} after one at {before}"
        self.pictures[droplet_id][stamp] = picture

    def lacked(self, droplet_id: int, stamp: datetime, backup_id: int) -> bool:
        """Tell whether there was a look with that stamp, and it did not show the backup."""
        picture = self.pictures[droplet_id].get(stamp)
        return picture is not None and backup_id not in {backup.id for backup in picture}


def check(tables: Tables, attempts: Attempts) -> None:
    for table in HISTORIES:
        check_intervals(table, tables[table])
    check_ends(tables, attempts)
    check_as_of(tables, attempts)
    check_tables_agree(tables)
    check_changes(tables)
    check_days(tables, attempts)
    for row in tables["droplets"]:
        assert row["last_observed_at"] == attempts.last(row["id"])


def check_intervals(table: str, rows: Iterable[Row]) -> None:
    """Intervals of one key never overlap, and at most one is open (R5)."""
    *key, _ = metadata.tables[table].primary_key.columns.keys()
    by_key = itemgetter(*key)
    for _, group in groupby(sorted(rows, key=itemgetter(*key, "valid_from")), by_key):
        intervals = list(group)
        for interval in intervals:
            assert interval["valid_to"] is None or interval["valid_from"] < interval["valid_to"]
        for one, next_one in pairwise(intervals):
            assert one["valid_to"] is not None, f"{table}: an open interval before another: {one}"
            assert one["valid_to"] <= next_one["valid_from"], f"{table}: {one} overlaps {next_one}"


def check_ends(tables: Tables, attempts: Attempts) -> None:
    """A backup ends only through a look that lacks it (R1)."""
    droplet_of = {row["id"]: row["droplet_id"] for row in tables["backups"]}
    for row in tables["backup_versions"]:
        if row["closed_by"] not in (None, "change"):
            assert attempts.lacked(droplet_of[row["backup_id"]], row["valid_to"], row["backup_id"]), row
    for row in tables["backups"]:
        if row["gone_at"] is not None:
            assert attempts.lacked(row["droplet_id"], row["gone_at"], row["id"]), row
            assert row["gone_after_at"] < row["gone_at"]
    for row in tables["droplets"]:
        if row["gone_at"] is not None:
            assert attempts.pictures[row["id"]][row["gone_at"]] == ()


def check_as_of(tables: Tables, attempts: Attempts) -> None:
    """As of every look, the history says what that look showed."""
    droplet_of = {row["id"]: row["droplet_id"] for row in tables["backups"]}
    created_at = {row["id"]: row["created_at"] for row in tables["backups"]}
    versions, regions = defaultdict(list), defaultdict(list)
    for row in tables["backup_versions"]:
        versions[droplet_of[row["backup_id"]]].append(row)
    for row in tables["backup_regions"]:
        regions[droplet_of[row["backup_id"]]].append(row)
    for droplet_id, pictures in attempts.pictures.items():
        for stamp, picture in pictures.items():
            known = {
                (row["backup_id"], created_at[row["backup_id"]], *itemgetter(*VERSION)(row))
                for row in versions[droplet_id]
                if _holds(row, stamp)
            }
            shown = {
                (each.id, each.created_at, each.name, each.type, each.size_gigabytes, each.min_disk_size)
                for each in picture
            }
            assert known == shown, f"Droplet {droplet_id} as of {stamp}"
            places = {(row["backup_id"], row["region"]) for row in regions[droplet_id] if _holds(row, stamp)}
            assert places == {(each.id, region) for each in picture for region in each.regions}


def _holds(row: Row, at: datetime) -> bool:
    return bool(row["valid_from"] <= at and (row["valid_to"] is None or at < row["valid_to"]))


def check_tables_agree(tables: Tables) -> None:
    """A backup's or Droplet's row says what its open interval says, and its end what the last one says."""
    open_versions = {row["backup_id"]: row for row in tables["backup_versions"] if row["valid_to"] is None}
    placed = {row["backup_id"] for row in tables["backup_regions"] if row["valid_to"] is None}
    last_versions = {row["backup_id"]: row for row in tables["backup_versions"]}
    live = {row["id"]: row for row in tables["backups"] if row["gone_at"] is None}
    assert live.keys() == open_versions.keys() == placed
    for number, row in live.items():
        assert itemgetter(*VERSION)(row) == itemgetter(*VERSION)(open_versions[number])
        assert (row["gone_after_at"], row["gone_reason"], row["gone_reason_replaced_at"]) == (None, None, None)
    for row in tables["backups"]:
        if row["gone_at"] is not None:
            last = last_versions[row["id"]]
            assert last["valid_to"] == row["gone_at"]
            assert row["gone_reason_replaced_at"] is not None or last["closed_by"] == row["gone_reason"]
    open_droplets = {row["droplet_id"]: row for row in tables["droplet_versions"] if row["valid_to"] is None}
    existing = {row["id"]: row for row in tables["droplets"] if row["gone_at"] is None}
    assert existing.keys() == open_droplets.keys()
    for number, row in existing.items():
        assert itemgetter(*DROPLET_VERSION)(row) == itemgetter(*DROPLET_VERSION)(open_droplets[number])


def check_changes(tables: Tables) -> None:
    """A backup's row says when it last changed or came back, and its Droplet's that an attempt was made then."""
    stamps: dict[int, set[datetime]] = defaultdict(set)
    ended: dict[int, set[datetime]] = defaultdict(set)
    for row in (*tables["backup_versions"], *tables["backup_regions"]):
        stamps[row["backup_id"]] |= {row["valid_from"], row["valid_to"]} - {None}
        if row.get("closed_by") not in (None, "change"):
            ended[row["backup_id"]].add(row["valid_to"])
    attempted = {row["id"]: row["last_attempt_at"] for row in tables["droplets"]}
    for row in tables["backups"]:
        changes = stamps[row["id"]] - ended[row["id"]] - {row["first_seen_at"]}
        assert row["changed_at"] == max(changes, default=None), row
        assert max(stamps[row["id"]]) <= attempted[row["droplet_id"]], row


def check_days(tables: Tables, attempts: Attempts) -> None:
    """There is a row for each day with a look, and it says what the day's last look showed."""
    last: dict[tuple[int, date], Picture] = {
        (droplet_id, stamp.date()): picture
        for droplet_id, pictures in attempts.pictures.items()
        for stamp, picture in sorted(pictures.items(), key=itemgetter(0))
    }
    first: dict[tuple[int, date], datetime] = {}
    for droplet_id, pictures in attempts.pictures.items():
        for stamp in sorted(pictures):
            first.setdefault((droplet_id, stamp.date()), stamp)
    for row in tables["droplets"]:
        assert row["first_look_at"] == min(attempts.pictures.get(row["id"], ()), default=None), row
    days = {(row["droplet_id"], row["day"]): row for row in tables["droplet_days"]}
    assert days.keys() == last.keys()
    for key, picture in last.items():
        row, made = days[key], [each.created_at for each in picture]
        assert row["first_look_at"] == first[key]
        assert row["backups"] == len(picture)
        assert math.isclose(row["size_gigabytes"], sum(each.size_gigabytes for each in picture))
        assert (row["oldest_backup_at"], row["newest_backup_at"]) == (min(made, default=None), max(made, default=None))


def check_nothing_was_deleted(before: Tables, after: Tables) -> None:
    """No row goes (R3), no interval that ended changes, and no backup changes its Droplet (R6)."""
    for table, rows in before.items():
        keys = itemgetter(*metadata.tables[table].primary_key.columns.keys())
        assert {keys(row) for row in rows} <= {keys(row) for row in after[table]}, table
    for table in HISTORIES:
        kept = [_as_it_ended(row) for row in after[table]]
        assert all(_as_it_ended(row) in kept for row in before[table] if row["valid_to"] is not None), table
    owners = {row["id"]: row["droplet_id"] for row in after["backups"]}
    assert all(owners[row["id"]] == row["droplet_id"] for row in before["backups"])


def _as_it_ended(row: Row) -> Row:
    """Leave out what a later look may add to a version that ended: the reason that replaced the first."""
    return {name: value for name, value in row.items() if name not in ("replaced_by", "replaced_at")}


def check_brake(before: Tables, after: Tables, looked_at: set[int]) -> None:
    """More than half of what was looked at, and at least ten, never end at once out of the ordinary (R7).

    Expired backups are out of the ordinary where fewer than half are left of a Droplet whose backups are not off.
    """
    live = {row["id"]: row for row in before["backups"] if row["gone_at"] is None and row["droplet_id"] in looked_at}
    had = Counter(row["droplet_id"] for row in live.values())
    left = Counter(row["droplet_id"] for row in after["backups"] if row["gone_at"] is None)
    off = {row["droplet_id"] for row in after["backup_policies"] if row["valid_to"] is None and not row["is_enabled"]}
    collapsed = {number for number in had if 2 * left[number] < had[number]} - off
    fresh = [row for row in after["backups"] if row["id"] in live and live[row["id"]]["missing_since"] is None]
    marked = [row for row in fresh if row["missing_since"] is not None]
    ended = [
        row
        for row in fresh
        if row["gone_at"] is not None and (row["gone_reason"] != "expired" or row["droplet_id"] in collapsed)
    ]
    too_many = len(ended) + len(marked)
    assert not ended or too_many < 10 or too_many <= len(live) / 2
