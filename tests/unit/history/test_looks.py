"""The stamp of every look of a day is kept, up to 96 looks; of more, one each quarter of an hour."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.history.looks import day_that_is_over, looked_at, next_stamp
from inventory.model import DropletState
from tests.unit.attempts import NOON, after, seen

SECOND = timedelta(seconds=1)
MIDNIGHT = NOON.replace(hour=0)


def after_looks(*stamps: datetime) -> DropletState:
    state = replace(after(None, seen(at=stamps[0])).state, looks=None, last_observed_at=None)
    for stamp in stamps:
        state = looked_at(state, stamp)
    return state


def kept(state: DropletState) -> list[datetime]:
    return [MIDNIGHT + int(second) * SECOND for second in (state.looks or "").split(",")]


@given(st.sets(st.integers(0, 86_399), min_size=1, max_size=96))
def test_every_look_of_a_day_is_kept(seconds: set[int]) -> None:
    stamps = [MIDNIGHT + second * SECOND for second in sorted(seconds)]
    assert kept(after_looks(*stamps)) == stamps


def test_looks_of_an_earlier_day_are_left_out() -> None:
    assert after_looks(NOON, NOON + timedelta(days=1)).looks == "43200"


def test_of_very_many_looks_none_is_missed_by_more_than_a_quarter_of_an_hour() -> None:
    stamps = [MIDNIGHT + timedelta(minutes=minute) for minute in range(24 * 60)]
    found = kept(after_looks(*stamps))
    assert len(found) <= 2 * 96
    for moment in stamps:
        assert moment - max(each for each in found if each <= moment) < timedelta(minutes=15)


@pytest.mark.parametrize(
    ("now", "unselected_since", "stamp"),
    [
        (NOON + 9 * SECOND, None, NOON + 9 * SECOND),
        (NOON, None, NOON + SECOND),
        (NOON - timedelta(hours=1), None, NOON + SECOND),
        (NOON + SECOND, NOON + SECOND, NOON + 2 * SECOND),
        (NOON + SECOND, NOON - SECOND, NOON + SECOND),
    ],
)
def test_a_stamp_is_later_than_the_last_attempt_and_selection(
    now: datetime, unselected_since: datetime | None, stamp: datetime
) -> None:
    assert next_stamp(now, NOON, unselected_since) == stamp


@pytest.mark.parametrize(("looks", "is_kept"), [(95, True), (96, False)])
def test_the_first_look_left_out_is_the_97th(looks: int, is_kept: bool) -> None:  # noqa: FBT001
    stamps = [MIDNIGHT + number * SECOND for number in range(looks)]
    assert (MIDNIGHT + looks * SECOND in kept(after_looks(*stamps, MIDNIGHT + looks * SECOND))) is is_kept


def test_without_looks_no_day_is_over() -> None:
    state = after_looks(NOON)
    tomorrow = NOON + timedelta(days=1)
    assert day_that_is_over(state, tomorrow) == NOON.date()
    assert day_that_is_over(state, NOON + SECOND) is None
    assert day_that_is_over(replace(state, looks=None), tomorrow) is None
    assert day_that_is_over(replace(state, last_observed_at=None), tomorrow) is None
