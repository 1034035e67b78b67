"""When a sync is due: in UTC, whatever the clock and the host's zone do."""

import re
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from inventory.settings.schedule import Schedule
from tests.examples import examples

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
NOON_THEN = NOON.replace(tzinfo=None)


@pytest.mark.parametrize(
    ("written", "due"),
    [
        (60.0, "2026-03-02 13:00"),
        (0.5, "2026-03-02 12:00:30"),
        ("17 * * * *", "2026-03-02 12:17"),
        ("0 12 * * *", "2026-03-03 12:00"),
        ("*/20 * * * *", "2026-03-02 12:20"),
        ("0 3 * * sat-sun", "2026-03-07 03:00"),
        ("0 3 1 * *", "2026-04-01 03:00"),
    ],
)
def test_the_next_due_time_follows_the_one_that_was_met(written: float | str, due: str) -> None:
    assert Schedule(written).after(NOON) == datetime.fromisoformat(due).replace(tzinfo=UTC)


@pytest.mark.parametrize("minutes", [1, 20, 60])
@given(
    minute=st.integers(0, 100_000),
    off=st.integers(-1_500_000, 1_500_000).map(lambda each: timedelta(microseconds=each)),
)
@example(minute=60, off=timedelta(microseconds=-1))
@example(minute=60, off=timedelta(0))
@example(minute=60, off=timedelta(microseconds=1))
def test_no_due_time_is_passed_over_however_near_it_is(minutes: int, minute: int, off: timedelta) -> None:
    moment = NOON + minute * MINUTE + off
    schedule = Schedule("0 * * * *" if minutes == 60 else f"*/{minutes} * * * *")
    assert schedule.after(moment) == NOON + ((moment - NOON) // (minutes * MINUTE) + 1) * minutes * MINUTE


@pytest.mark.parametrize("written", ["61 * * * *", "* * * * someday", "0 0 31 2 *"])
def test_an_expression_that_means_nothing_is_told_in_a_sentence(written: str) -> None:
    with pytest.raises(ValueError, match=rf'"{re.escape(written)}" (is no cron expression: |never comes)'):
        Schedule(written)


@pytest.mark.parametrize(
    ("last", "due"),
    [
        (None, NOON),
        (NOON - timedelta(minutes=20), NOON + timedelta(minutes=40)),
        (NOON - HOUR, NOON),
        (NOON - 1000 * HOUR, NOON),
        (NOON + HOUR, NOON),
    ],
    ids=["never", "lately", "just due", "long ago", "by a clock that was wrong"],
)
def test_the_first_due_time_after_a_start_comes_from_the_last_run(last: datetime | None, due: datetime) -> None:
    assert Schedule(60.0).first_due(last, NOON) == due


@pytest.mark.parametrize(
    ("written", "hours"),
    [
        (60.0, 1),
        (10.0, 1 / 6),
        ("17 * * * *", 1),
        ("*/7 * * * *", 7 / 60),
        ("0 1,5 * * *", 20),
        ("0 3 * * sun", 7 * 24),
        ("0 3 * * mon-fri", 3 * 24),
        # More due times in a week than anybody would walk through.
        ("*/5 9-17 * * mon-fri", 2 * 24 + 15 + 5 / 60),
        ("* 3-23 * * mon", 6 * 24 + 3 + 1 / 60),
        ("0 3 1 * *", 31 * 24),
        ("0 3 1,15 * *", 17 * 24),
        ("0 0 29 2 *", 1461 * 24),
        # From the last Monday of a June, the 24th, to the first of the next, the 2nd.
        ("0 0 * 6 mon", 343 * 24),
    ],
)
def test_the_longest_gap_is_found(written: float | str, hours: float) -> None:
    assert Schedule(written).longest_gap == timedelta(seconds=round(hours * 3600))


def parts(least: int, most: int) -> st.SearchStrategy[str]:
    """Write a field of a cron expression: everything, steps, ranges and lists."""
    number = st.integers(least, most)
    some = st.lists(number, min_size=1, max_size=3).map(lambda each: ",".join(map(str, each)))
    ranges = st.tuples(number, number).map(lambda each: f"{min(each)}-{max(each)}")
    return st.one_of(st.just("*"), st.integers(1, most // 2).map("*/{}".format), some, ranges)


quickly = settings(max_examples=examples(0.3))
WEEKDAYS = st.sampled_from(["*", "mon", "sat-sun", "tue,thu", "mon-fri", "*/3"])


@quickly
@given(hour=parts(0, 23), weekday=WEEKDAYS, begins=st.datetimes(NOON_THEN, NOON_THEN + 9 * DAY))
def test_the_longest_gap_is_the_longest_of_any_fortnight(hour: str, weekday: str, begins: datetime) -> None:
    schedule = Schedule(f"17 {hour} * * {weekday}")
    times = [schedule.after(begins.replace(tzinfo=UTC))]
    while times[-1] - times[0] <= 14 * DAY:
        times.append(schedule.after(times[-1]))
    assert max(later - earlier for earlier, later in pairwise(times)) == schedule.longest_gap


@quickly
@given(day=parts(1, 28), month=parts(1, 12), begins=st.datetimes(NOON_THEN, NOON_THEN + 9000 * DAY))
def test_no_two_due_dates_are_further_apart(day: str, month: str, begins: datetime) -> None:
    schedule = Schedule(f"0 3 {day} {month} *")
    times = [schedule.after(begins.replace(tzinfo=UTC))]
    for _ in range(30):
        times.append(schedule.after(times[-1]))
    assert max(later - earlier for earlier, later in pairwise(times)) <= schedule.longest_gap


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
@pytest.mark.parametrize("day", ["2026-03-08", "2026-03-29", "2026-04-05", "2026-10-04", "2026-10-25", "2026-11-01"])
@pytest.mark.parametrize("written", [60.0, "30 * * * *", "30 2 * * *"])
def test_nights_with_a_change_of_hour_are_like_others(
    zone: str, day: str, written: float | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once for each due time of UTC, never twice, and none skipped."""
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        begins = datetime.fromisoformat(f"{day}T00:30:00+00:00") - timedelta(hours=22)
        times = [begins]
        for _ in range(48):
            times.append(Schedule(written).after(times[-1]))
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()
    steps = {later - earlier for earlier, later in pairwise(times[1:])}
    assert steps == {timedelta(days=1) if written == "30 2 * * *" else HOUR}
