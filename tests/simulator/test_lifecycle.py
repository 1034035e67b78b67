"""Lifecycle: how a fleet's backups are made, kept and lost, by a clock and a seed."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.simulator.fleet import Fleet, OldestGoes
from inventory.simulator.story import MEMBERS, SCRIPT, seeded_fleet
from inventory.simulator.values import WEEKDAYS, WINDOW_LENGTH, Event, SimulatedBackup
from tests.examples import examples
from tests.simulator.conftest import MONDAY

pytestmark = pytest.mark.costly

DAY = timedelta(days=1)
PLANS = {"daily": (7, 7 * DAY), "weekly": (4, 28 * DAY), "hourly": (18, 3 * DAY), "intra_daily_4h": (42, 7 * DAY)}

both_ways = pytest.mark.parametrize("oldest_goes", get_args(OldestGoes))


def alone(plan: str | None = "daily", *, oldest_goes: OldestGoes = "by_age", backups: int = 0) -> tuple[Fleet, int]:
    fleet = Fleet(MONDAY, oldest_goes=oldest_goes)
    return fleet, fleet.add_droplet(name="web-01", plan=plan, backups=backups)


def pass_days(fleet: Fleet, days: float) -> None:
    fleet.advance(to=fleet.now + days * DAY)


def events(fleet: Fleet, *kinds: str) -> list[Event]:
    return [event for event in fleet.events if event.kind in kinds]


def state(fleet: Fleet) -> object:
    """Everything that can be known of a fleet."""
    backups = {number: fleet.backups_of(number) for number in fleet.droplets}
    return fleet.now, fleet.droplets, fleet.destroyed, backups, fleet.snapshots, fleet.events


# Made, kept, expired


@both_ways
@pytest.mark.parametrize(("plan", "keeps"), [(plan, keeps) for plan, (keeps, _) in PLANS.items()])
def test_plan_keeps_as_many_as_it_makes_in_its_retention(plan: str, keeps: int, oldest_goes: OldestGoes) -> None:
    fleet, droplet = alone(plan, oldest_goes=oldest_goes)
    pass_days(fleet, 60)
    # By age, the oldest goes up to a window's length before the next is made, or after.
    slack = 1 if oldest_goes == "by_age" else 0
    for _ in range(200):
        pass_days(fleet, 0.13)
        assert abs(len(fleet.backups_of(droplet)) - keeps) <= slack


@pytest.mark.parametrize(("plan", "retention"), [(plan, retention) for plan, (_, retention) in PLANS.items()])
def test_by_age_a_backup_goes_the_moment_its_retention_has_passed(plan: str, retention: timedelta) -> None:
    fleet, _ = alone(plan)
    pass_days(fleet, 100)
    made = {event.backup_id: event.at for event in events(fleet, "made")}
    expired = {event.backup_id: event.at for event in events(fleet, "expired")}
    assert expired == {number: at + retention for number, at in made.items() if at + retention <= fleet.now}
    assert expired


@pytest.mark.parametrize(("plan", "retention"), [(plan, retention) for plan, (_, retention) in PLANS.items()])
def test_by_count_the_oldest_goes_when_the_next_is_made(plan: str, retention: timedelta) -> None:
    fleet, _ = alone(plan, oldest_goes="by_count")
    pass_days(fleet, 100)
    made = {event.backup_id: event.at for event in events(fleet, "made")}
    expired = events(fleet, "expired")
    assert expired
    for event in expired:
        assert event.at in made.values()
        assert abs(event.at - made[event.backup_id] - retention) < WINDOW_LENGTH


def test_by_count_nothing_goes_while_nothing_is_made() -> None:
    fleet, droplet = alone(oldest_goes="by_count", backups=7)
    before = fleet.backups_of(droplet)
    pass_days(fleet, 0.01)
    fleet.miss_next(droplet)
    fleet.advance(to=next_window_end(fleet, droplet))
    assert fleet.backups_of(droplet) == before


def next_window_end(fleet: Fleet, droplet: int) -> datetime:
    opens_at = fleet.droplets[droplet].next_window_starts_at
    assert opens_at is not None
    return opens_at + WINDOW_LENGTH


@pytest.mark.parametrize(("plan", "weekday"), [("daily", None), ("weekly", "THU")])
def test_backups_are_made_in_their_windows(plan: str, weekday: str | None) -> None:
    fleet = Fleet(MONDAY)
    fleet.add_droplet(name="web-01", plan=plan, weekday=weekday, hour=20)
    pass_days(fleet, 70)
    made = [event.at for event in events(fleet, "made")]
    assert len(made) == (10 if plan == "weekly" else 70)
    for at in made:
        opened_at = at.replace(hour=20, minute=0, second=0)
        assert opened_at <= at < opened_at + WINDOW_LENGTH
        assert weekday is None or WEEKDAYS[at.isoweekday() % 7] == weekday


def test_shown_window_is_the_one_in_which_the_next_backup_comes() -> None:
    fleet, droplet = alone()
    for _ in range(20):
        opens_at = fleet.droplets[droplet].next_window_starts_at
        assert opens_at is not None
        fleet.advance(to=opens_at + WINDOW_LENGTH)
        assert opens_at <= fleet.backups_of(droplet)[-1].created_at < opens_at + WINDOW_LENGTH


def test_newer_images_have_larger_ids() -> None:
    fleet = seeded_fleet(droplets=24, starts_at=MONDAY, days=100)
    made = [event for event in events(fleet, "made") if event.at > MONDAY]
    assert len(made) > 1000
    for one, next_one in pairwise(made):
        assert (one.backup_id or 0) < (next_one.backup_id or 0)


@pytest.mark.parametrize("backups", [1, 6, 40])
@pytest.mark.parametrize("plan", PLANS)
def test_newcomer_can_have_backups_none_of_which_is_too_old(plan: str, backups: int) -> None:
    fleet, droplet = alone(plan, backups=backups)
    _, retention = PLANS[plan]
    made = [backup.created_at for backup in fleet.backups_of(droplet)]
    assert len(set(made)) == backups
    assert fleet.now - retention < min(made)
    assert max(made) <= fleet.now
    assert fleet.droplets[droplet].created_at <= min(made)


def test_missed_backup_leaves_a_gap_and_no_more() -> None:
    fleet, droplet = alone()
    pass_days(fleet, 20)
    fleet.miss_next(droplet)
    pass_days(fleet, 3)
    assert len(events(fleet, "missed")) == 1
    gaps = [later.created_at - earlier.created_at for earlier, later in pairwise(fleet.backups_of(droplet))]
    assert sorted(round(gap / DAY) for gap in gaps) == [1] * (len(gaps) - 1) + [2]


# What removes backups


def test_switching_backups_off_deletes_all_and_makes_none() -> None:
    fleet, droplet = alone(backups=6)
    had = {backup.id for backup in fleet.backups_of(droplet)}
    fleet.disable_backups(droplet)
    assert fleet.backups_of(droplet) == ()
    assert {event.backup_id for event in events(fleet, "deleted")} == had
    assert fleet.droplets[droplet].next_window_starts_at is None
    pass_days(fleet, 30)
    assert fleet.backups_of(droplet) == ()
    fleet.enable_backups(droplet, "daily")
    pass_days(fleet, 2)
    assert len(fleet.backups_of(droplet)) == 2


def test_destroying_a_droplet_deletes_all_and_makes_none() -> None:
    fleet, droplet = alone(backups=6)
    fleet.destroy(droplet)
    pass_days(fleet, 30)
    assert fleet.backups_of(droplet) == ()
    assert droplet not in fleet.droplets
    assert fleet.destroyed[droplet].name == "web-01"
    assert len(events(fleet, "deleted")) == 6
    assert len(events(fleet, "made")) == 6


@both_ways
def test_converting_removes_one_that_never_expires(oldest_goes: OldestGoes) -> None:
    fleet, droplet = alone(oldest_goes=oldest_goes, backups=6)
    converted = fleet.backups_of(droplet)[-1]
    fleet.convert(converted.id)
    assert converted not in fleet.backups_of(droplet)
    assert len(fleet.backups_of(droplet)) == 5
    pass_days(fleet, 60)
    fleet.destroy(droplet)
    assert fleet.snapshots.keys() == {converted.id}
    assert fleet.snapshots[converted.id].type == "snapshot"


def test_what_is_gone_cannot_be_removed_again() -> None:
    fleet, droplet = alone(backups=2)
    first, second = (backup.id for backup in fleet.backups_of(droplet))
    fleet.lose(first)
    fleet.convert(second)
    for remove in (fleet.lose, fleet.convert, fleet.edit_backup):
        for number in (first, second, 7):
            with pytest.raises(ValueError, match=f"there is no backup {number}"):
                remove(number)
    fleet.return_backup(second)
    assert [backup.id for backup in fleet.backups_of(droplet)] == [second]
    assert fleet.snapshots == {}


# What changes Droplets


def test_renaming_does_not_rename_what_was_made_before() -> None:
    fleet, droplet = alone()
    pass_days(fleet, 3)
    before = fleet.backups_of(droplet)
    fleet.rename(droplet, "shop-01")
    pass_days(fleet, 1)
    *kept, made = fleet.backups_of(droplet)
    assert tuple(kept) == before
    assert made.name == f"shop-01- {made.created_at:%Y-%m-%d}"


def test_resizing_changes_the_price_and_what_later_backups_need() -> None:
    fleet, droplet = alone()
    pass_days(fleet, 3)
    price = fleet.droplets[droplet].size.price_monthly_usd
    fleet.resize(droplet, "s-4vcpu-8gb")
    pass_days(fleet, 1)
    assert fleet.droplets[droplet].size.price_monthly_usd > price
    assert [backup.min_disk_size for backup in fleet.backups_of(droplet)] == [25, 25, 25, 160]


def test_changed_plan_makes_new_backups_and_leaves_the_old_their_retention() -> None:
    fleet, droplet = alone(backups=6)
    old = fleet.backups_of(droplet)
    fleet.change_policy(droplet, plan="weekly")
    pass_days(fleet, 6)
    assert set(fleet.backups_of(droplet)) & set(old)
    pass_days(fleet, 15)
    kept = fleet.backups_of(droplet)
    assert not set(kept) & set(old)
    assert [round((later.created_at - earlier.created_at) / DAY) for earlier, later in pairwise(kept)] == [7, 7]


def test_policy_of_backups_that_are_off_cannot_change() -> None:
    fleet, droplet = alone(None)
    with pytest.raises(ValueError, match="are off"):
        fleet.change_policy(droplet, plan="weekly")


def sizes(growth: object) -> list[float]:
    fleet = Fleet(MONDAY)
    droplet = fleet.add_droplet(name="web-01", growth=growth, size_gigabytes=10.0, retention_days=200)  # type: ignore[arg-type]  # each of them
    pass_days(fleet, 150)
    return [backup.size_gigabytes for backup in fleet.backups_of(droplet)]


def test_sizes_develop_as_their_droplet_does() -> None:
    assert set(sizes("flat")) == {10.0}
    growing, shrinking, stepping = sizes("growing"), sizes("shrinking"), sizes("stepping")
    assert growing[-1] > 1.5 * growing[0]
    assert shrinking[-1] < 0.7 * shrinking[0]
    jumps = [later / earlier for earlier, later in pairwise(stepping)]
    assert len([jump for jump in jumps if jump > 1.4]) == 4
    assert all(jump > 1.4 or 0.97 < jump < 1.03 for jump in jumps)


# Clock and chance


def test_clock_never_goes_back() -> None:
    fleet, _ = alone()
    with pytest.raises(ValueError, match="cannot go back"):
        fleet.advance(to=MONDAY - timedelta(seconds=1))


@both_ways
@settings(max_examples=examples(0.1))
@given(hours=st.lists(st.floats(0, 24 * 9), max_size=12), seed=st.integers(0, 3))
def test_many_steps_lead_where_one_does(hours: list[float], seed: int, oldest_goes: OldestGoes) -> None:
    until = MONDAY + 95 * DAY
    at_once = seeded_fleet(seed=seed, droplets=13, starts_at=MONDAY, days=95, oldest_goes=oldest_goes)
    in_steps = seeded_fleet(seed=seed, droplets=13, starts_at=MONDAY, oldest_goes=oldest_goes)
    for each in hours:
        in_steps.advance(to=min(until, in_steps.now + timedelta(hours=each)))
    in_steps.advance(to=until)
    assert state(in_steps) == state(at_once)


def test_seed_decides_everything() -> None:
    def life(seed: int) -> object:
        return state(seeded_fleet(seed=seed, droplets=13, starts_at=MONDAY, days=100))

    assert life(1) == life(1)
    assert life(1) != life(2)


def test_droplets_do_not_depend_on_each_other() -> None:
    """What one's backups are has nothing to do with how many others there are."""

    def backups(droplets: int) -> list[tuple[SimulatedBackup, ...]]:
        fleet = seeded_fleet(droplets=droplets, starts_at=MONDAY, days=80)
        return [fleet.backups_of(number) for number in list(fleet.droplets)[:3]]

    def figures(found: list[tuple[SimulatedBackup, ...]]) -> list[list[tuple[object, ...]]]:
        # Ids differ where two are made in the same second.
        return [[(each.created_at, each.size_gigabytes, each.name) for each in listed] for listed in found]

    assert figures(backups(3)) == figures(backups(40))


@pytest.mark.parametrize("seed", range(3))
def test_script_happens_in_every_seeded_fleet(seed: int) -> None:
    fleet = seeded_fleet(seed=seed, droplets=len(MEMBERS), starts_at=MONDAY, days=90)
    happened = {event.kind for event in fleet.events}
    assert happened >= {"missed", "converted", "lost", "renamed", "resized", "policy_changed", "backups_enabled"}
    assert "old-01" in {each.name for each in fleet.destroyed.values()}
    assert [event.at for event in events(fleet, "backups_disabled")] == [MONDAY + timedelta(days=SCRIPT[-1][0])]
