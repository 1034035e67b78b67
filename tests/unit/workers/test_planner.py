"""Every worker decides from the same rows which accounts are queued, and which jobs are lost."""

from datetime import UTC, datetime, timedelta

import pytest

from inventory.store.turns import Turn
from inventory.workers.planner import UnderWay, lost, wanted

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_what_is_due_is_queued_those_first_that_wait_for_longest() -> None:
    turns = [
        Turn("later", NOON + timedelta(seconds=1)),
        Turn("now", NOON),
        Turn("long", NOON - HOUR),
        Turn("never"),
        Turn("queued", NOON - HOUR),
        Turn("held", NOON - HOUR, is_held=True),
        Turn("abandoned", NOON - 2 * HOUR, is_abandoned=True),
        Turn("of-a-wrong-clock", NOON + 2 * HOUR),
    ]
    found = wanted(turns, {"queued"}, NOON, HOUR)
    assert found == ["never", "abandoned", "long", "now", "of-a-wrong-clock"]
    assert wanted(turns, {"queued", *found}, NOON, HOUR) == []


@pytest.mark.parametrize(
    ("turn", "is_stalled", "seen_seconds"),
    [
        (Turn("a", NOON), True, 0.0),
        (Turn("a", NOON, is_abandoned=True), False, 5.0),
        (Turn("a", NOON), False, 121.0),
    ],
)
def test_a_job_whose_worker_is_gone_or_has_forgotten_it_is_taken_back(
    turn: Turn, *, is_stalled: bool, seen_seconds: float
) -> None:
    assert lost([UnderWay(7, "a", is_stalled, seen_seconds)], {"a": turn}) == [7]


@pytest.mark.parametrize(
    ("turn", "is_stalled", "seen_seconds"),
    [
        (Turn("a", NOON), False, 100.0),
        (Turn("a", NOON, is_abandoned=True), False, 1.0),
        (Turn("a", NOON, is_held=True), True, 1000.0),
    ],
)
def test_a_job_stays_while_somebody_may_work_on_it(turn: Turn, *, is_stalled: bool, seen_seconds: float) -> None:
    assert lost([UnderWay(7, "a", is_stalled, seen_seconds)], {"a": turn}) == []
