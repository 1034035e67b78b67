"""A Droplet is only spared its listing where what was read proves that nothing appeared or ended."""

from dataclasses import replace
from datetime import timedelta

import pytest

from inventory.history.detection import RELIST_AFTER, Remembered, proven_unchanged
from inventory.model import BackupPolicy, Droplet
from tests.unit.attempts import DROPLET_ID, NOON, droplet

AN_HOUR_AGO = NOON - timedelta(hours=1)
ON = frozenset({"backups", "ipv6"})
OFF = frozenset({"ipv6"})


def is_proven(shown: Droplet, stored: frozenset[int] | None) -> bool:
    remembered = {} if stored is None else {DROPLET_ID: Remembered(AN_HOUR_AGO, stored, is_policy_on=False)}
    return proven_unchanged([shown], remembered, {}, now=NOON, last_run_at=AN_HOUR_AGO) == {DROPLET_ID}


@pytest.mark.parametrize(
    ("ids", "features", "stored", "expected"),
    [
        ({1, 2}, ON, {1, 2}, True),
        ({1, 2}, None, {1, 2}, True),
        ({1}, ON, {1, 2}, False),
        ({1, 2}, ON, {1}, False),
        ({1, 2}, ON, None, False),
        ({1, 2}, ON, set(), False),
        # Absent or empty ids are not "none".
        (set(), ON, set(), False),
        (set(), None, set(), False),
        (None, ON, set(), False),
        (None, None, set(), False),
        (None, ON, {1}, False),
        (set(), OFF, {1}, False),
        (None, OFF, {1}, False),
        (set(), OFF, set(), True),
        (None, OFF, set(), True),
        (set(), OFF, None, False),
    ],
)
def test_ids_prove_only_what_they_say(
    ids: set[int] | None, features: frozenset[str] | None, stored: set[int] | None, *, expected: bool
) -> None:
    shown = droplet(backup_ids=None if ids is None else frozenset(ids), features=features)
    assert is_proven(shown, None if stored is None else frozenset(stored)) is expected


@pytest.mark.parametrize("ids", [set(), None])
@pytest.mark.parametrize(
    ("read", "stored", "expected"),
    [
        (BackupPolicy(is_enabled=True), False, False),
        (BackupPolicy(is_enabled=False), True, True),
        (None, True, False),
        (None, False, True),
    ],
)
def test_where_a_policy_is_on_ids_that_are_not_there_prove_nothing_whatever_the_features(
    ids: set[int] | None, read: BackupPolicy | None, *, stored: bool, expected: bool
) -> None:
    shown = droplet(backup_ids=None if ids is None else frozenset(ids), features=OFF)
    remembered = {DROPLET_ID: Remembered(AN_HOUR_AGO, frozenset(), is_policy_on=stored)}
    policies = {DROPLET_ID: read} if read else {}
    proven = proven_unchanged([shown], remembered, policies, now=NOON, last_run_at=AN_HOUR_AGO)
    assert proven == ({DROPLET_ID} if expected else set())


def fleet(size: int, *, listed: timedelta) -> tuple[list[Droplet], dict[int, Remembered]]:
    """So many Droplets that show what is stored, listed that long ago, the first longest ago."""
    droplets = [droplet(id=number, backup_ids=frozenset({number})) for number in range(1, size + 1)]
    remembered = {
        each.id: Remembered(NOON - listed + timedelta(seconds=each.id), frozenset({each.id}), is_policy_on=True)
        for each in droplets
    }
    return droplets, remembered


@pytest.mark.parametrize(
    ("hours_since_run", "listed_again"), [(1, 1), (24, 10), (24 * 30, 10), (0, 0), (-5, 0), (None, 10)]
)
def test_overdue_droplets_are_listed_a_seventh_of_the_fleet_a_day(
    hours_since_run: float | None, listed_again: int
) -> None:
    droplets, remembered = fleet(70, listed=RELIST_AFTER + timedelta(hours=2))
    last_run_at = None if hours_since_run is None else NOON - timedelta(hours=hours_since_run)
    proven = proven_unchanged(droplets, remembered, {}, now=NOON, last_run_at=last_run_at)
    assert set(range(1, 71)) - proven == set(range(1, listed_again + 1)), "the longest unlisted come first"


def test_share_is_of_all_that_is_remembered_also_where_most_of_it_is_listed_anyway() -> None:
    droplets, remembered = fleet(70, listed=RELIST_AFTER + timedelta(hours=2))
    changed = [replace(each, backup_ids=frozenset({each.id, 1_000})) for each in droplets[20:]]
    proven = proven_unchanged([*droplets[:20], *changed], remembered, {}, now=NOON, last_run_at=None)
    assert proven == set(range(11, 21)), "a seventh of 70, not of the 20 that show no change"


@pytest.mark.parametrize(("listed", "proven"), [(RELIST_AFTER - timedelta(seconds=1), 1), (RELIST_AFTER, 0)])
def test_nothing_is_overdue_before_its_time(listed: timedelta, proven: int) -> None:
    remembered = {DROPLET_ID: Remembered(NOON - listed, frozenset({1}), is_policy_on=True)}
    shown = [droplet(backup_ids=frozenset({1}))]
    assert len(proven_unchanged(shown, remembered, {}, now=NOON, last_run_at=None)) == proven


def test_droplets_are_listed_again_after_a_week() -> None:
    assert timedelta(days=7) == RELIST_AFTER
