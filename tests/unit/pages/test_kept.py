"""Pages that were made rest beside a sync: none is begun for several times as long as the one before took."""

from collections.abc import Callable
from functools import partial

import pytest

from inventory.pages.kept import RESTED_SECONDS, RESTED_TIMES, Kept, Made


@pytest.fixture
def clock() -> list[float]:
    return [100.0]


@pytest.fixture
def kept(clock: list[float]) -> Kept[str]:
    return Kept(lambda: clock[0])


def lasting(clock: list[float], seconds: float, *, is_beside_sync: bool) -> Callable[[object], Made[str]]:
    def make(_state: object) -> Made[str]:
        clock[0] += seconds
        return Made("state", "made", is_beside_sync=is_beside_sync)

    return make


def test_without_a_sync_one_page_is_made_after_another(kept: Kept[str], clock: list[float]) -> None:
    make = lasting(clock, 1.0, is_beside_sync=False)
    assert [kept.get(name, make, 60) for name in "abc"] == ["made"] * 3


@pytest.mark.parametrize("took", [0.5, RESTED_SECONDS])
def test_beside_a_sync_the_next_page_waits(kept: Kept[str], clock: list[float], took: float) -> None:
    make = partial(lasting, clock, took)
    rest = min(RESTED_TIMES * took, RESTED_SECONDS)
    assert kept.get("a", make(is_beside_sync=True), 60) == "made"
    assert kept.get("b", make(is_beside_sync=True), 60) is None
    assert kept.get("a", make(is_beside_sync=True), 60) == "made", "what is there is given"
    clock[0] += rest - 0.01
    assert kept.get("b", make(is_beside_sync=False), 60) is None
    clock[0] += 0.01
    assert kept.get("b", make(is_beside_sync=False), 60) == "made"
    assert kept.get("c", make(is_beside_sync=False), 60) == "made", "the sync is over"


def test_two_made_at_once_rest_one_after_the_other(kept: Kept[str], clock: list[float]) -> None:
    def both(state: object) -> Made[str]:
        assert kept.get("b", lasting(clock, 0.5, is_beside_sync=True), 60) == "made"
        return lasting(clock, 0.0, is_beside_sync=True)(state)

    assert kept.get("a", both, 60) == "made"
    clock[0] += 2 * RESTED_TIMES * 0.5 - 0.01
    assert kept.get("c", lasting(clock, 0.5, is_beside_sync=False), 60) is None
    clock[0] += 0.01
    assert kept.get("c", lasting(clock, 0.5, is_beside_sync=False), 60) == "made"
