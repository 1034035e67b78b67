"""Hours by a clock on the wall, also where it is put forward or back."""

from datetime import UTC, datetime, timedelta

import pytest

from inventory.notifying.hours import Due
from inventory.settings.hours import read_digest, read_quiet

MIDNIGHT = {"spring": datetime(2026, 3, 28, 23, tzinfo=UTC), "autumn": datetime(2026, 10, 24, 22, tzinfo=UTC)}
"""In Berlin, before 02:00 becomes 03:00, and before 03:00 becomes 02:00."""


@pytest.mark.parametrize(
    ("night", "written", "held"),
    [
        ("spring", "22:00-02:30", range(2)),
        ("autumn", "22:00-02:30", [0, 1, 2, 3]),
        ("spring", "01:00-07:00", [1, 2, 3, 4, 5]),
        ("autumn", "01:00-07:00", [1, 2, 3, 4, 5, 6, 7]),
    ],
)
def test_quiet_hours_over_both_changes_of_clocks(night: str, written: str, held: list[int]) -> None:
    quiet = read_quiet(f"{written} Europe/Berlin")
    hours = [number for number in range(12) if quiet.holds(MIDNIGHT[night] + timedelta(hours=number))]
    assert hours == [*held]


def test_they_begin_to_the_minute_and_end_before_one() -> None:
    quiet = read_quiet("22:00-07:00 UTC")
    times = {"21:59": False, "22:00": True, "06:59": True, "07:00": False}
    for text, is_held in times.items():
        assert quiet.holds(datetime.fromisoformat(f"2026-03-02T{text}:30Z")) == is_held


@pytest.mark.parametrize(
    ("written", "now", "local", "at"),
    [
        ("Mon 07:00 Europe/Berlin", "2026-03-30T05:00Z", "2026-03-30 07:00", "2026-03-30T05:00Z"),
        ("Mon 07:00 Europe/Berlin", "2026-03-30T04:59Z", "2026-03-23 07:00", "2026-03-23T06:00Z"),
        ("Mon 07:00 Europe/Berlin", "2026-10-26T05:59Z", "2026-10-19 07:00", "2026-10-19T05:00Z"),
        ("Mon 07:00 Europe/Berlin", "2026-10-26T06:00Z", "2026-10-26 07:00", "2026-10-26T06:00Z"),
        # It never comes: the next that does.
        ("Sun 02:30 Europe/Berlin", "2026-03-29T00:59Z", "2026-03-22 02:30", "2026-03-22T01:30Z"),
        ("Sun 02:30 Europe/Berlin", "2026-03-29T01:00Z", "2026-03-29 02:30", "2026-03-29T01:00Z"),
        # It comes twice: the first.
        ("Sun 02:30 Europe/Berlin", "2026-10-25T00:29Z", "2026-10-18 02:30", "2026-10-18T00:30Z"),
        ("Sun 02:30 Europe/Berlin", "2026-10-25T00:30Z", "2026-10-25 02:30", "2026-10-25T00:30Z"),
        ("Sun 02:30 Europe/Berlin", "2026-10-25T01:45Z", "2026-10-25 02:30", "2026-10-25T00:30Z"),
        # A whole day that never came, and a Monday that is still Sunday in UTC.
        ("Fri 07:00 Pacific/Apia", "2011-12-30T10:00Z", "2011-12-30 07:00", "2011-12-30T10:00Z"),
        ("Mon 07:00 Pacific/Apia", "2026-03-01T18:00Z", "2026-03-02 07:00", "2026-03-01T18:00Z"),
    ],
)
def test_a_digest_is_due_by_the_clocks_there(written: str, now: str, local: str, at: str) -> None:
    due = read_digest(written).last_before(datetime.fromisoformat(now))
    assert due == Due(local, datetime.fromisoformat(at))
