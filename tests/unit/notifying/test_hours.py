"""Hours by a clock on the wall, also where it is put forward or back."""

from datetime import UTC, datetime, timedelta

import pytest

from inventory.settings.hours import read_quiet

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
