"""The ordinary course is never held, mass loss always is, and what is held ends once it is confirmed (R7)."""

from datetime import timedelta

import pytest

from inventory.errors import EXIT_COMPLETE, EXIT_HELD, EXIT_PARTIAL
from inventory.simulator.faults import Fault
from inventory.simulator.fleet import Fleet, OldestGoes
from inventory.store.engine import Database
from tests.simulated import MONDAY, Account, backups_path

pytestmark = pytest.mark.costly

HOUR = timedelta(hours=1)


def marked(account: Account) -> set[int]:
    return {row["id"] for row in account.rows("backups") if row["missing_since"] is not None}


# The ordinary course


every_so_many_days = pytest.mark.parametrize(
    "days",
    [pytest.param(days, marks=() if days in (1, 2, 7, 8, 28, 29, 40) else pytest.mark.slow) for days in range(1, 41)],
)
oldest_goes_by_either = pytest.mark.parametrize("oldest_goes", ["by_age", "by_count"])


def fleet_on_schedule(database: Database, seed: int, oldest_goes: OldestGoes) -> Account:
    account = Account(database, Fleet(MONDAY, seed=seed, oldest_goes=oldest_goes))
    for plan, backups in (("daily", 7), ("daily", 1), ("weekly", 4), ("weekly", 0), ("intra_daily_4h", 18)):
        account.fleet.add_droplet(name=f"{plan}-{backups}", plan=plan, backups=backups)
    return account


@oldest_goes_by_either
@every_so_many_days
def test_fleet_on_schedule_is_never_held(database: Database, days: int, oldest_goes: OldestGoes) -> None:
    account = fleet_on_schedule(database, days, oldest_goes)
    for _ in range(6):
        assert account.sync().exit_code == EXIT_COMPLETE
        account.advance(days=days)
    assert set(account.reasons()) <= {"expired"}
    assert len(account.reasons()) >= 5


@oldest_goes_by_either
@every_so_many_days
def test_fleet_on_schedule_is_never_held_by_a_slow_run(database: Database, days: int, oldest_goes: OldestGoes) -> None:
    """Each request takes ten minutes: backups are made and expire between the ids, the policies and the listings."""
    account = fleet_on_schedule(database, days, oldest_goes)
    for _ in range(2):
        for hour in (0, 4, 8, 12, 16, 20):
            account.fleet.add_droplet(name=f"daily-at-{hour}", plan="daily", hour=hour, backups=7)
    for _ in range(6):
        account.api.delay = lambda: account.advance(minutes=10)
        assert account.sync(is_full=False).exit_code == EXIT_COMPLETE
        account.api.delay = lambda: None
        account.advance(days=days)
    assert set(account.reasons()) <= {"expired"}
    assert marked(account) == set()


@oldest_goes_by_either
@every_so_many_days
def test_fleet_that_keeps_only_its_newest_backups_is_held(
    database: Database, days: int, oldest_goes: OldestGoes
) -> None:
    """All but the newest of each Droplet are gone at once; that some had reached their age does not excuse it."""
    account = fleet_on_schedule(database, days, oldest_goes)
    for _ in range(3):
        account.sync()
        account.advance(days=days)
    for number in account.droplets:
        for backup in account.fleet.backups_of(number)[:-1]:
            account.fleet.lose(backup.id)
    before = account.reasons()
    assert account.sync().exit_code == EXIT_HELD
    assert account.reasons() == before
    assert account.sync().exit_code == EXIT_COMPLETE
    assert all(len(account.live(number)) <= 1 for number in account.droplets)


def test_policy_that_is_misread_lets_nothing_pass(account: Account) -> None:
    """Backups of up to six days, a policy that keeps them for one, and a listing that shows only the newest."""
    for number in account.droplets:
        account.fleet.change_policy(number, retention_days=1)
        for backup in account.fleet.backups_of(number)[:-3]:
            account.fleet.lose(backup.id)
    for backup in account.fleet.backups_of(account.droplets[0])[:-1]:
        account.fleet.lose(backup.id)
    assert account.sync().exit_code == EXIT_HELD
    assert account.reasons() == []


def test_retention_that_was_shortened_explains_what_goes_with_it(database: Database) -> None:
    account = Account(database)
    number = account.fleet.add_droplet(name="web", plan="weekly", backups=4)
    account.sync()
    account.advance(hours=1)
    account.fleet.change_policy(number, plan="daily")
    for backup in account.fleet.backups_of(number)[:-1]:
        account.fleet.lose(backup.id)
    assert account.sync().exit_code == EXIT_COMPLETE
    assert account.reasons() == ["expired"] * 3


# Mass loss


def test_mass_loss_is_held_and_ends_with_the_next_run(account: Account) -> None:
    first, second, third = account.droplets
    lost = account.lose_all(first, second)
    account.advance(hours=1)

    report = account.sync()
    assert (report.status, report.exit_code, report.counts["backups_held"]) == ("held", EXIT_HELD, 12)
    assert account.reasons() == []
    assert marked(account) == set(lost)
    assert [account.stored(number)["last_observed_at"] for number in (first, second)] == [MONDAY, MONDAY]
    assert account.stored(third)["last_observed_at"] == MONDAY + HOUR

    account.advance(hours=1)
    report = account.sync()
    assert (report.exit_code, report.counts["backups_ended"]) == (EXIT_COMPLETE, 12)
    assert account.reasons() == ["unexplained"] * 12
    assert marked(account) == set()
    assert {row["gone_after_at"] for row in account.rows("backups") if row["gone_at"]} == {MONDAY}


def test_backups_switched_off_everywhere_are_held_too(account: Account) -> None:
    for number in account.droplets:
        account.fleet.disable_backups(number)
    assert account.sync().exit_code == EXIT_HELD
    assert account.sync().exit_code == EXIT_COMPLETE
    assert account.reasons() == ["backups_disabled"] * 18


def test_end_of_most_droplets_is_held_after_the_second_404(account: Account) -> None:
    for number in account.droplets[:2]:
        account.fleet.destroy(number)
    assert [account.sync().exit_code for _ in range(3)] == [EXIT_PARTIAL, EXIT_HELD, EXIT_COMPLETE]
    assert account.reasons() == ["droplet_destroyed"] * 12


def test_end_of_half_of_the_droplets_is_not_held(account: Account) -> None:
    """What the destroyed ones had is part of what was looked at: 12 of 24, not 12 of the 12 that are left."""
    account.fleet.add_droplet(name="db", backups=6)
    account.sync()
    for number in account.droplets[:2]:
        account.fleet.destroy(number)
    assert [account.sync().exit_code for _ in range(2)] == [EXIT_PARTIAL, EXIT_COMPLETE]
    assert account.reasons() == ["droplet_destroyed"] * 12


@pytest.mark.parametrize(("lost_of_each", "exit_code"), [((6, 3, 0), EXIT_COMPLETE), ((6, 4, 0), EXIT_HELD)])
def test_brake_needs_more_than_half(account: Account, lost_of_each: tuple[int, ...], exit_code: int) -> None:
    """Of 18 live backups 9 are half, and fewer than ten; 10 are both."""
    for number, lost in zip(account.droplets, lost_of_each, strict=True):
        for backup in account.fleet.backups_of(number)[:lost]:
            account.fleet.lose(backup.id)
    assert account.sync().exit_code == exit_code


def test_brake_reckons_with_all_that_was_looked_at(account: Account) -> None:
    """Ten of eighteen are too many, ten of twenty are not."""
    account.fleet.add_droplet(name="db", backups=2)
    account.sync()
    first, second, *_ = account.droplets
    account.lose_all(first)
    for backup in account.fleet.backups_of(second)[:4]:
        account.fleet.lose(backup.id)
    assert account.sync().exit_code == EXIT_COMPLETE


def test_mark_goes_where_the_backup_is_shown_again(account: Account) -> None:
    lost = account.lose_all(*account.droplets[:2])
    account.sync()
    for number in lost[:7]:
        account.fleet.return_backup(number)
    account.sync()
    assert marked(account) == set()
    assert {row["id"] for row in account.rows("backups") if row["gone_at"]} == set(lost[7:])
    assert all(row["valid_to"] is None for row in account.rows("backup_versions") if row["backup_id"] in lost[:7])


def test_failed_look_is_no_confirmation(account: Account) -> None:
    lost = account.lose_all(*(held := account.droplets[:2]))
    account.sync()
    account.api.faults = {backups_path(number): Fault(status=500) for number in held}
    assert account.sync().exit_code == EXIT_PARTIAL
    assert marked(account) == set(lost)


def test_accept_gone_ends_at_once_and_says_so_first(account: Account) -> None:
    lost = account.lose_all(*account.droplets[:2])
    report = account.sync(accept_gone=True)
    assert (report.exit_code, report.counts["backups_ended"]) == (EXIT_COMPLETE, 12)
    accepted = [event.backup_id for each in account.audience.accepted for event in each.events]
    assert sorted(accepted) == sorted(lost)


def test_dry_run_neither_marks_nor_confirms(account: Account) -> None:
    account.lose_all(*account.droplets[:2])
    before = account.dump()
    assert account.sync(is_dry_run=True).exit_code == EXIT_HELD
    assert account.dump() == before
    account.sync()
    before = account.dump()
    assert account.sync(is_dry_run=True).counts["backups_ended"] == 12
    assert account.dump() == before
    assert len(account.rows("sync_runs")) == 2


# Ends that the Droplet contradicts


def hide(account: Account, droplet_id: int, backups: int = 1) -> set[int]:
    """Let a Droplet's listing lack its oldest backups, with a total to match; return their ids."""
    account.api.faults[backups_path(droplet_id)] = Fault(shows=lambda entries: entries[backups:], is_plausible=True)
    return {backup.id for backup in account.fleet.backups_of(droplet_id)[:backups]}


def test_contradicted_end_is_put_off_alone(account: Account) -> None:
    """Two Droplets lose one backup each; one of them still names it."""
    first, second, _ = account.droplets
    account.fleet.lose(account.fleet.backups_of(second)[0].id)
    account.advance(hours=1)
    hidden = hide(account, first)

    report = account.sync()
    assert (report.exit_code, report.status, report.counts["backups_held"]) == (EXIT_COMPLETE, "complete", 1)
    (note,) = report.notes
    assert note.startswith(f"Droplet {first} still names 1 of its backups that its listing lacks")
    assert marked(account) == hidden
    assert account.reasons() == ["unexplained"]
    assert account.stored(first)["last_observed_at"] == MONDAY + HOUR

    hide(account, first)
    assert account.sync().exit_code == EXIT_COMPLETE
    assert account.reasons() == ["unexplained"] * 2
    assert marked(account) == set()


def test_contradicted_ends_count_for_the_brake(account: Account) -> None:
    """Of 18 backups 5 are lost, and 5 hidden: together they are too many."""
    first, second, _ = account.droplets
    hidden = hide(account, first, 5)
    lost = {backup.id for backup in account.fleet.backups_of(second)[:5]}
    for number in lost:
        account.fleet.lose(number)
    assert account.sync().exit_code == EXIT_HELD
    assert marked(account) == hidden | lost
    assert account.stored(first)["last_outcome"] == account.stored(second)["last_outcome"] == "held"


def test_contradicted_end_that_the_user_accepts_is_written(account: Account) -> None:
    hidden = hide(account, account.droplets[0])
    assert account.sync(accept_gone=True).counts["backups_ended"] == 1
    assert {row["id"] for row in account.rows("backups") if row["gone_at"]} == hidden


@pytest.mark.parametrize("becomes", ["gone", "converted"])
def test_end_between_the_ids_and_the_listing_is_no_contradiction(account: Account, becomes: str) -> None:
    """The Droplet is asked once more, and names the backup no longer."""
    first, *_ = account.droplets
    oldest = account.fleet.backups_of(first)[0].id
    act = account.fleet.lose if becomes == "gone" else account.fleet.convert
    account.api.faults[backups_path(first)] = Fault(before={1: lambda: act(oldest)})
    account.api.asked.clear()
    report = account.sync()
    assert (report.exit_code, report.counts["backups_held"]) == (EXIT_COMPLETE, 0)
    assert account.reasons() == ["unexplained" if becomes == "gone" else "converted"]
    assert account.api.asked.count(f"/v2/droplets/{first}") == 1


@pytest.mark.parametrize("answer", [Fault(status=500), Fault(status=404)])
def test_droplet_that_cannot_be_asked_once_more_has_said_what_it_said(account: Account, answer: Fault) -> None:
    first, *_ = account.droplets
    hidden = hide(account, first)
    account.api.faults[f"/v2/droplets/{first}"] = answer
    assert account.sync().exit_code == EXIT_COMPLETE
    assert marked(account) == hidden


def test_droplets_that_agree_with_their_listings_are_not_asked_once_more(account: Account) -> None:
    account.fleet.lose(account.fleet.backups_of(account.droplets[0])[0].id)
    account.api.faults[backups_path(account.droplets[1])] = Fault(shows=lambda entries: entries[1:])
    account.api.asked.clear()
    assert account.sync().exit_code == EXIT_PARTIAL
    assert not {f"/v2/droplets/{number}" for number in account.droplets} & set(account.api.asked)
