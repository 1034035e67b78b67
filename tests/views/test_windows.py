"""Which windows are due, whose backup is theirs, and what nobody can know: the corner cases."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from inventory.store.engine import Database
from inventory.views.rows import DropletRetention, DueWindow, MissedBackup, MonthCoverage
from tests.views.by_hand import ByHand, at


@pytest.fixture
def web(migrated_url: str) -> Iterator[ByHand]:
    database = Database(migrated_url)
    yield ByHand(database)
    database.close()


def due(web: ByHand, now: str) -> list[str]:
    return [f"{row.window_starts_at:%m-%d %H:%M}" for row in web.ask(DueWindow, now)]


def missed(web: ByHand, now: str, since: str | None = None) -> list[tuple[str, str]]:
    return [(f"{row.window_starts_at:%m-%d %H:%M}", row.verdict) for row in web.ask(MissedBackup, now, since)]


def test_a_window_between_two_policies_claims_nothing(web: ByHand) -> None:
    web.policy("03-01 12:00", "03-03 06:00")
    web.policy("03-03 06:00", hour=12)
    web.looks("03-01 12:00", "03-02 06:00", "03-03 06:00", "03-04 06:00", "03-05 06:00")
    # That of 2 March, 04:00 to 08:00, was open at the last look that is known to have meant it.
    assert missed(web, "03-05 06:00") == [("03-04 12:00", "missed"), ("03-03 12:00", "missed")]


def test_a_window_that_ends_at_the_last_look_of_its_policy_is_due(web: ByHand) -> None:
    web.policy("03-01 12:00", "03-03 08:00")
    web.policy("03-03 08:00", plan=None)
    web.looks("03-01 12:00", "03-02 08:00", "03-03 08:00")
    assert missed(web, "03-05 08:00") == [("03-02 04:00", "missed")]


def test_a_policy_read_as_its_window_opens_means_it(web: ByHand) -> None:
    web.policy("03-02 04:00")
    web.looks("03-01 12:00", "03-02 04:00")
    assert due(web, "03-02 20:00") == ["03-02 04:00"]


@pytest.mark.parametrize(
    ("created", "is_its"),
    [("03-02 03:59:59", False), ("03-02 04:00:00", True), ("03-02 19:59:59", True), ("03-02 20:00:00", False)],
)
def test_a_backup_belongs_to_the_window_it_was_made_in_or_up_to_12_hours_after(
    web: ByHand, created: str, *, is_its: bool
) -> None:
    web.policy("03-01 12:00")
    web.backup(1, created, seen="03-02 21:00")
    web.looks("03-01 12:00", "03-02 21:00")
    assert missed(web, "03-02 22:00") == ([] if is_its else [("03-02 04:00", "missed")])


def test_a_backup_fills_its_window_from_the_look_that_first_saw_it(web: ByHand) -> None:
    web.policy("03-01 12:00")
    web.backup(1, "03-02 05:00", seen="03-03 12:00")
    web.looks("03-01 12:00", "03-02 21:00", "03-03 12:00")
    assert missed(web, "03-03 11:59:59") == [("03-02 04:00", "missed")]
    assert missed(web, "03-03 12:00") == []


def test_a_window_is_due_12_hours_after_its_end_and_no_sooner(web: ByHand) -> None:
    web.policy("03-01 12:00")
    web.looks("03-01 12:00", "03-02 12:00")
    assert due(web, "03-02 19:59:59") == []
    assert due(web, "03-02 20:00:00") == ["03-02 04:00"]


def test_a_window_over_midnight_is_of_the_day_and_month_in_which_it_opens(web: ByHand) -> None:
    web.policy("03-01 12:00", hour=22)
    web.looks("03-01 12:00", "03-31 12:00", "04-01 15:00")
    assert due(web, "03-02 14:00") == ["03-01 22:00"]
    (march,) = web.ask(MonthCoverage, "04-01 15:00")
    assert (march.month, march.windows_due) == (at("03-01 00:00").date(), 31)


def test_what_nobody_looked_for_is_not_said_to_be_missed(web: ByHand) -> None:
    web.policy("03-01 12:00")
    # A backup of 2 March is awaited until 20:00, and gone on 9 March at 04:00 or later.
    web.looks("03-01 12:00", "03-02 19:59")
    assert missed(web, "03-02 21:00") == [("03-02 04:00", "not looked")]
    web.looks("03-09 04:00")
    assert missed(web, "03-09 04:00")[-1] == ("03-02 04:00", "not looked")
    web.looks("03-08 12:00")
    assert missed(web, "03-09 04:00")[-1] == ("03-02 04:00", "missed")


def test_a_droplet_never_looked_at_is_not_said_to_have_missed_anything(web: ByHand) -> None:
    web.policy("03-01 12:00")
    assert missed(web, "03-03 20:00") == [("03-03 04:00", "not looked"), ("03-02 04:00", "not looked")]
    (row,) = web.ask(DropletRetention, "03-03 20:00")
    assert (row.backups, row.expected_backups, row.verdict) == (None, None, "unknown")


def test_without_a_retention_every_later_look_counts(web: ByHand) -> None:
    web.policy("03-01 12:00", retention_days=None)
    web.looks("03-01 12:00", "03-31 12:00")
    assert missed(web, "03-31 12:00")[-1] == ("03-02 04:00", "missed")
    (row,) = web.ask(DropletRetention, "03-31 12:00")
    assert (row.retention_days, row.expected_backups, row.verdict) == (None, None, "unknown")


def test_before_pruned_before_nothing_is_claimed(web: ByHand) -> None:
    web.policy("03-01 12:00")
    web.backup(1, "02-25 05:00", seen="03-01 12:00")
    web.looks("03-01 12:00", "03-05 12:00")
    assert due(web, "03-05 12:00")[0] == "02-25 04:00"
    web.change("accounts", pruned_before=at("03-03 04:00:01"))
    assert due(web, "03-05 12:00") == ["03-04 04:00"]
    web.change("accounts", pruned_before=at("02-27 00:00"))
    assert due(web, "03-05 12:00")[0] == "02-27 04:00"


@pytest.mark.parametrize(
    "policy",
    [
        {"plan": "hourly"},
        {"plan": None},
        {"plan": "daily", "hour": None},
        {"plan": "weekly", "weekday": None},
        {"plan": "weekly", "weekday": "Wednesday"},
        {"plan": "weekly", "weekday": "wed"},
        {"plan": "weekly", "weekday": "we"},
        {"plan": "weekly", "weekday": ""},
    ],
)
def test_of_what_is_not_known_nothing_is_claimed(web: ByHand, policy: dict[str, str | None]) -> None:
    web.policy("03-01 12:00", **policy)
    web.looks("03-01 12:00", "03-09 12:00")
    assert due(web, "03-09 12:00") == []
    (row,) = web.ask(DropletRetention, "03-09 12:00")
    assert row.verdict == ("unknown" if policy["plan"] else "off")


def test_the_policy_of_the_first_look_held_before_but_no_longer_than_it_keeps(web: ByHand) -> None:
    web.policy("03-01 12:00")
    web.backup(1, "02-20 05:00", seen="03-01 12:00")  # kept too long: ten days
    web.backup(2, "02-28 05:00", seen="03-01 12:00")
    web.looks("03-01 12:00", "03-02 12:00")
    rows = web.ask(MissedBackup, "03-02 12:00")
    # 1 March 12:00 is a retention after 22 February 12:00.
    assert [f"{row.window_starts_at:%m-%d}" for row in rows] == ["03-01", "02-27", "02-26", "02-25", "02-24", "02-23"]
    assert all(row.is_before_first_look for row in rows)
    assert [row.verdict for row in rows] == ["missed"] * 6


def test_a_policy_of_the_first_look_that_is_not_the_first_that_was_read_held_not_before(web: ByHand) -> None:
    web.policy("03-01 12:00", "03-02 12:00", plan=None)
    web.policy("03-02 12:00")
    web.backup(1, "02-27 05:00", seen="03-02 12:00")
    web.looks("03-02 12:00", "03-03 21:00")
    assert due(web, "03-03 21:00") == ["03-03 04:00"]


def test_an_unselected_droplet_is_not_accused_of_what_came_later(web: ByHand) -> None:
    web.policy("03-01 12:00")
    web.looks("03-01 12:00", "03-03 12:00")
    web.unselect("03-03 12:00")
    assert due(web, "03-09 12:00") == ["03-02 04:00", "03-03 04:00"]
    assert missed(web, "03-09 12:00") == []
    assert missed(web, "03-03 11:59") == [("03-02 04:00", "not looked")]


def test_only_windows_since_the_day_asked_from_are_shown(web: ByHand) -> None:
    web.policy("03-01 12:00")
    web.looks("03-01 12:00", "03-09 12:00")
    assert [day for day, _ in missed(web, "03-09 12:00", since="03-07 00:00")] == ["03-08 04:00", "03-07 04:00"]


@pytest.mark.parametrize(
    ("weekday", "day"),
    [("SUN", "08"), ("MON", "02"), ("TUE", "03"), ("WED", "04"), ("THU", "05"), ("FRI", "06"), ("SAT", "07")],
)
def test_weekly_windows_are_those_of_the_weekday(web: ByHand, weekday: str, day: str) -> None:
    web.policy("03-01 12:00", plan="weekly", weekday=weekday)
    assert due(web, "03-08 20:00") == [f"03-{day} 04:00"]


def test_keeping_is_judged_by_the_smaller_of_the_retentions_then_and_now(web: ByHand) -> None:
    web.policy("03-01 12:00", "03-10 12:00", retention_days=14)
    web.policy("03-10 12:00", retention_days=3)
    web.looks(*(f"03-{day:02} 12:00" for day in range(1, 15)))
    (row,) = web.ask(DropletRetention, "03-14 12:00")
    # 12 and 13 March: that of 11 March opened 3 days and 8 hours ago.
    assert (row.expected_backups, row.verdict) == (2, "too few")
    (row,) = web.ask(DropletRetention, "03-14 04:00")
    assert row.expected_backups == 1  # 12 March: that of 11 March opened 3 days ago
    (row,) = web.ask(DropletRetention, "03-10 11:00")
    assert row.expected_backups == 7  # 2 to 8 March: for that of the 9th nobody has looked yet


def test_what_expired_by_the_retention_then_is_not_expected_by_a_longer_one_now(web: ByHand) -> None:
    web.policy("03-01 12:00", "03-06 12:00", retention_days=3)
    web.policy("03-06 12:00", retention_days=14)
    web.looks(*(f"03-{day:02} 12:00" for day in range(1, 8)))
    (row,) = web.ask(DropletRetention, "03-07 12:00")
    assert row.expected_backups == 1  # 5 March: that of 4 March opened 3 days and 8 hours ago


@pytest.mark.parametrize(("look", "expected"), [("03-02 19:59:59", 0), ("03-02 20:00:00", 1)])
def test_a_backup_is_expected_once_a_look_came_after_it_was_awaited(web: ByHand, look: str, expected: int) -> None:
    web.policy("03-01 12:00")
    web.looks("03-01 12:00", look)
    (row,) = web.ask(DropletRetention, "03-02 21:00")
    assert row.expected_backups == expected


def recounted(web: ByHand, now: str, on_again: str, retention_days: int) -> int:
    """Count one by one the windows whose backup should exist."""
    since = at(on_again) if at(now) >= at(on_again) else at("01-01 00:00")
    return sum(
        window.awaited_until_at <= (window.last_observed_at or since)
        and window.age_hours < 24 * retention_days
        and window.window_starts_at >= since
        for window in web.ask(DueWindow, now)
    )


@pytest.mark.parametrize(
    "policy",
    [
        {"plan": "daily", "hour": 20, "retention_days": 5},
        {"plan": "intra_daily_6h", "hour": 3, "retention_days": 5},
        *({"plan": "weekly", "weekday": day, "hour": 22, "retention_days": 28} for day in ("SUN", "WED", "SAT")),
    ],
    ids=lambda policy: policy.get("weekday", policy["plan"]),
)
def test_as_many_are_expected_as_windows_are_due_that_still_count(web: ByHand, policy: dict[str, Any]) -> None:
    web.policy("03-01 12:00", "03-14 12:00", **policy)
    web.policy("03-14 12:00", "03-17 12:00", plan=None)
    web.policy("03-17 12:00", **policy)
    web.looks(*(f"03-{day:02} 12:00" for day in range(1, 31)))
    counted = set()
    for hours in range(0, 30 * 24, 11):
        now = f"{at('03-01 13:00') + timedelta(hours=hours):%m-%d %H:%M}"
        (row,) = web.ask(DropletRetention, now)
        if row.plan is not None:
            assert row.expected_backups == recounted(web, now, "03-17 12:00", policy["retention_days"]), now
            counted.add(row.expected_backups)
    assert len(counted) > 2


def test_nothing_is_said_of_what_an_unselected_droplet_keeps(web: ByHand) -> None:
    web.policy("03-01 12:00")
    web.looks("03-01 12:00", "03-03 12:00")
    web.unselect("03-03 12:00")
    assert web.ask(DropletRetention, "03-03 12:00") == []
    assert len(web.ask(DropletRetention, "03-03 11:59:59")) == 1


def test_before_its_first_window_has_passed_a_droplet_keeps_enough(web: ByHand) -> None:
    web.policy("03-01 12:00")
    web.looks("03-01 12:00", "03-02 19:00")
    (row,) = web.ask(DropletRetention, "03-02 19:00")
    assert (row.backups, row.expected_backups, row.verdict, row.recovery_window_hours) == (0, 0, "enough", None)
