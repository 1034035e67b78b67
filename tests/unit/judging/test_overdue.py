"""When a sync is overdue; docs/checks.md has the same table."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.judging.overdue import WITHOUT_SCHEDULE, is_overdue, overdue_after

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("gap_hours", "hours"),
    [(1 / 60, 6 / 60), (1 / 6, 1 / 3), (1, 2), (2, 4), (6, 8), (24, 26), (48, 50), (7 * 24, 170)],
)
def test_a_sync_is_overdue_after_the_longest_gap_and_some_grace(gap_hours: float, hours: float) -> None:
    assert overdue_after(gap_hours * HOUR) == timedelta(seconds=round(hours * 3600))


def test_without_a_schedule_a_sync_a_day_is_assumed() -> None:
    assert WITHOUT_SCHEDULE == 26 * HOUR


@given(st.timedeltas(timedelta(milliseconds=1), timedelta(days=400)), st.timedeltas(timedelta(0), timedelta(days=400)))
def test_who_is_asked_less_often_is_overdue_later(gap: timedelta, more: timedelta) -> None:
    after = overdue_after(gap)
    assert after.microseconds == 0
    assert gap + timedelta(minutes=5) <= after <= gap + 2 * HOUR + timedelta(seconds=1)
    assert after <= overdue_after(gap + more)


@pytest.mark.parametrize(
    ("last", "expected"),
    [(NOW - 2 * HOUR, False), (NOW - 2 * HOUR - timedelta(seconds=1), True), (NOW + HOUR, False), (None, True)],
)
def test_the_age_of_the_last_complete_sync_decides(last: datetime | None, *, expected: bool) -> None:
    assert is_overdue(last, 2 * HOUR, NOW) is expected
