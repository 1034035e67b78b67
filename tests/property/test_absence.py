"""A Droplet that is missing: destroyed (R2), or only no longer meant (R6)."""

from datetime import timedelta

import pytest

from inventory.errors import EXIT_COMPLETE, EXIT_PARTIAL
from inventory.model import Selection
from inventory.simulator.faults import Fault
from tests.simulated import MONDAY, OBSERVATIONS, Account, backups_path

pytestmark = pytest.mark.costly

# Destroyed


def test_destroyed_droplet_ends_at_the_second_404_and_then_rests(account: Account) -> None:
    first, *_ = account.droplets
    account.selection = Selection(everything=False, droplet_ids=frozenset(account.droplets))
    account.sync()
    account.fleet.destroy(first)
    account.advance(minutes=30)

    before = account.dump(without={*OBSERVATIONS, "last_outcome", "last_error"})
    report = account.sync()
    assert (report.exit_code, [each.outcome for each in report.droplets]) == (EXIT_PARTIAL, ["not_found"])
    assert account.dump(without={*OBSERVATIONS, "last_outcome", "last_error"}) == before

    report = account.sync()
    assert (report.exit_code, report.counts["backups_ended"]) == (EXIT_COMPLETE, 6)
    assert account.reasons() == ["droplet_destroyed"] * 6
    assert account.stored(first)["gone_at"] is not None

    asked = []
    for _ in range(10):
        account.advance(days=1)
        account.api.asked.clear()
        assert account.sync().exit_code == EXIT_COMPLETE
        asked.append(f"/v2/droplets/{first}" in account.api.asked)
    assert asked.count(True) == 1


def test_one_404_between_looks_ends_nothing(account: Account) -> None:
    first, *_ = account.droplets
    path = backups_path(first)
    for status in (404, 200, 404, 200):
        account.api.faults[path] = Fault(status=status)
        account.sync()
    assert account.reasons() == []


def test_droplet_that_is_shown_survives_any_number_of_404_for_its_backups(account: Account) -> None:
    first, *_ = account.droplets
    account.api.faults[backups_path(first)] = Fault(status=404)
    assert [account.sync().exit_code for _ in range(4)] == [EXIT_PARTIAL] * 4
    assert account.stored(first)["gone_at"] is None
    assert account.reasons() == []


def test_droplet_that_comes_back_is_reopened(account: Account) -> None:
    first, second, third = account.droplets
    account.api.token_sees = {second, third}
    account.sync()
    account.sync()
    assert account.stored(first)["gone_at"] is not None
    account.api.token_sees = None
    report = account.sync()
    assert (report.exit_code, report.counts["backups_returned"]) == (EXIT_COMPLETE, 6)
    assert account.stored(first)["gone_at"] is None
    assert account.reasons() == []


# Out of the configuration


def test_removed_tag_unselects_and_ends_nothing(account: Account) -> None:
    account.selection = Selection(everything=False, tags=frozenset({"web"}))
    first, *_ = account.droplets
    account.fleet.untag(first, "web")
    account.lose_all(first)
    assert account.sync().exit_code == EXIT_COMPLETE
    assert account.stored(first)["unselected_since"] == MONDAY + timedelta(seconds=1)
    assert account.reasons() == []

    account.advance(hours=1)
    account.sync()
    assert account.stored(first)["unselected_since"] == MONDAY + timedelta(seconds=1)
    account.fleet.tag(first, "web")
    account.sync()
    assert account.stored(first)["unselected_since"] is None
    assert account.reasons() == ["unexplained"] * 6


def test_droplet_taken_out_of_the_ids_is_unselected_and_ends_nothing(account: Account) -> None:
    first, *others = account.droplets
    account.fleet.destroy(first)
    account.selection = Selection(everything=False, droplet_ids=frozenset(others))
    for _ in range(3):
        assert account.sync().exit_code == EXIT_COMPLETE
    assert account.stored(first)["unselected_since"] == MONDAY + timedelta(seconds=1)
    assert account.reasons() == []


def test_narrowed_sync_unselects_nothing_and_is_never_the_last_complete_one(account: Account) -> None:
    last_complete_at = account.rows("sync_runs")[0]["finished_at"]
    account.advance(hours=1)
    report = account.sync("web-1")
    assert (report.exit_code, report.mode, report.droplets_selected) == (EXIT_COMPLETE, "subset", 1)
    assert [account.stored(number)["unselected_since"] for number in account.droplets] == [None] * 3
    assert account.sync().last_complete_at == last_complete_at


@pytest.mark.parametrize(
    "selection", [Selection(everything=True), Selection(everything=False, tags=frozenset({"web"}))]
)
def test_tags_that_cannot_be_read_stay(account: Account, selection: Selection) -> None:
    account.selection = selection
    account.sync()
    before = account.dump(without=OBSERVATIONS)
    account.api.are_tags_readable = False
    if selection.tags:  # the API, too, finds none then
        account.api.faults["/v2/droplets"] = Fault(shows=lambda _: [], is_plausible=True)
    for _ in range(2):
        account.sync()
    assert account.dump(without=OBSERVATIONS) == before
