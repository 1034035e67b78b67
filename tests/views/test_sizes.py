"""What stands out in size, and how sizes grow: the corner cases."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

import pytest

from inventory.store.engine import Database
from inventory.views.rows import DropletSize, DropletSizeOnDay, SizeAnomaly, SizeGrowth
from tests.views.by_hand import WEB, ByHand, at

LAST_LOOK = "03-31 12:00"


@pytest.fixture
def web(migrated_url: str) -> Iterator[ByHand]:
    database = Database(migrated_url)
    yield ByHand(database)
    database.close()


@pytest.mark.parametrize(
    ("before", "size", "expected"),
    [
        ([1, 1, 1], 100, None),  # three before claim nothing
        ([1, 2, 4, 9], 5.5, (4, 3.0, "grown")),  # (2 + 4) / 2
        ([9, 4, 1, 2], 5.4, None),  # 1.8 times
        ([1, 2, 4, 9], 1.5, None),  # half
        ([1, 2, 4, 9], 1.4, (4, 3.0, "shrunk")),
        ([1, 2, 5, 9, 9], 9.1, (5, 5.0, "grown")),
        ([1, 2, 3, 4, 9, 9], 6.5, (6, 3.5, "grown")),
        ([7, 6, 5, 4, 3, 2, 1], 1, (7, 4.0, "shrunk")),
        # Of more than seven, the last seven: 3 3 3 4 8 8 8, not 1 1 1 ...
        ([1, 1, 1, 1, 1, 1, 8, 3, 8, 3, 8, 3, 4], 7.3, (7, 4.0, "grown")),
        ([1, 1, 1, 1, 1, 1, 8, 3, 8, 3, 8, 3, 4], 7.1, None),
        ([5, 5, 5, 5], 0, (4, 5.0, "zero")),
        ([0, 0, 0, 0], 0, (4, 0.0, "zero")),
        ([0, 0, 0, 0], 5, (4, 0.0, "grown")),
    ],
)
def test_a_backup_is_held_against_the_median_of_those_before_it(
    web: ByHand, before: Sequence[float], size: float, expected: tuple[int, float, str] | None
) -> None:
    web.backups([*before, size], seen=LAST_LOOK)
    web.looks(LAST_LOOK)
    newest = [row for row in web.ask(SizeAnomaly, LAST_LOOK) if row.is_newest]
    found = [(row.compared_backups, row.median_before_gigabytes, row.verdict) for row in newest]
    assert found == ([expected] if expected else [])


def test_ended_backups_are_compared_with_and_judged(web: ByHand) -> None:
    for number, size in enumerate((2, 2, 2, 2, 9), start=1):
        web.backup(number, f"03-{number:02} 05:00", seen="03-05 12:00", size_gigabytes=size, gone="03-12 12:00")
    web.looks("03-05 12:00", "03-12 12:00")
    (row,) = web.ask(SizeAnomaly, "03-12 12:00")
    assert (row.backup_id, row.size_gigabytes, row.verdict, row.is_newest) == (5, 9.0, "grown", True)
    assert web.ask(SizeAnomaly, "03-12 12:00", since="03-05 05:00:01") == []


def test_a_size_that_was_put_right_is_known_since_then(web: ByHand) -> None:
    web.backups([2, 2, 2, 2], seen="03-05 12:00")
    web.backup(5, "03-05 05:00", seen="03-05 12:00", size_gigabytes=2.0, changed_at=at("03-06 12:00"))
    web.looks("03-05 12:00", "03-06 12:00")
    now_right = {"backup_id": 5, "name": "web", "type": "backup", "min_disk_size": 25}
    web.execute("DELETE FROM backup_versions WHERE backup_id = 5")
    interval = {"valid_from": at("03-05 12:00"), "valid_to": at("03-06 12:00"), "closed_by": "change"}
    web.insert("backup_versions", **now_right, **interval, size_gigabytes=0.0)
    web.insert("backup_versions", **now_right, valid_from=at("03-06 12:00"), size_gigabytes=2.0)
    assert [row.verdict for row in web.ask(SizeAnomaly, "03-06 11:00")] == ["zero"]
    assert web.ask(SizeAnomaly, "03-06 12:00") == []


# Of size 0 while it is being made: made on Thursday, 5 March


@pytest.mark.parametrize(
    ("policy", "created", "over"),
    [
        ({}, "04:00", "03-05 08:00"),
        ({}, "07:59:59", "03-05 08:00"),
        ({"window_length_hours": 2}, "04:00", "03-05 06:00"),
        ({"window_length_hours": None}, "04:00", "03-05 08:00"),
        # Over midnight.
        ({"hour": 22}, "00:30", "03-05 02:00"),
        ({"hour": 22}, "22:30", "03-06 02:00"),
        ({"plan": "weekly", "weekday": "THU"}, "05:00", "03-05 08:00"),
        ({"plan": "weekly", "weekday": "WED", "hour": 22}, "00:30", "03-05 02:00"),
        ({"plan": "weekly", "weekday": "SAT", "hour": 22, "window_length_hours": 168}, "05:00", "03-07 22:00"),
        ({"plan": "intra_daily_4h", "hour": 0}, "17:00", "03-05 20:00"),
        ({"plan": "intra_daily_4h", "hour": 3, "window_length_hours": 1}, "15:20", "03-05 16:00"),
        ({"plan": "intra_daily_2h", "hour": 3, "window_length_hours": None}, "15:20", "03-05 17:00"),
        # In no window that is known: for 12 h.
        ({}, "08:00", "03-05 20:00"),
        ({}, "03:59:59", "03-05 15:59:59"),
        ({"plan": "weekly", "weekday": "FRI"}, "05:00", "03-05 17:00"),
        ({"plan": "weekly", "weekday": None}, "05:00", "03-05 17:00"),
        ({"plan": "unheard-of"}, "05:00", "03-05 17:00"),
        ({"hour": None}, "05:00", "03-05 17:00"),
        ({"is_enabled": False}, "05:00", "03-05 17:00"),
        (None, "05:00", "03-05 17:00"),
    ],
)
def test_a_backup_of_size_0_is_judged_when_its_window_is_over(
    web: ByHand, policy: dict[str, object] | None, created: str, over: str
) -> None:
    web.backups([2, 2, 2, 2], seen="03-04 12:00")
    web.backup(5, f"03-05 {created}", seen=f"03-05 {created}", size_gigabytes=0.0)
    web.looks("03-04 12:00", f"03-05 {created}")
    if policy is not None:
        web.policy("03-04 12:00", **policy)  # type: ignore[arg-type]
    second_before = f"{at(over) - timedelta(seconds=1):%m-%d %H:%M:%S}"
    assert web.ask(SizeAnomaly, second_before) == []
    assert [row.verdict for row in web.ask(SizeAnomaly, over)] == ["zero"]


def test_the_window_may_be_one_that_was_announced(web: ByHand) -> None:
    web.backups([2, 2, 2, 2], seen="03-04 12:00")
    web.backup(5, "03-05 05:00", seen="03-05 05:10", size_gigabytes=0.0)
    web.looks("03-04 12:00", "03-05 05:10")
    web.policy("03-04 12:00", plan="unheard-of")
    window = {"starts_at": at("03-05 04:00"), "ends_at": at("03-05 22:00")}
    web.insert("droplet_windows", droplet_id=WEB, valid_from=at("03-04 12:00"), valid_to=at("03-05 05:10"), **window)
    assert web.ask(SizeAnomaly, "03-05 21:59:59") == []
    assert [row.verdict for row in web.ask(SizeAnomaly, "03-05 22:00")] == ["zero"]


def test_the_window_is_that_of_the_policy_under_which_the_backup_was_begun(web: ByHand) -> None:
    web.backups([2, 2, 2, 2], seen="03-04 12:00")
    web.backup(5, "03-05 05:00", seen="03-05 05:10", size_gigabytes=0.0)
    web.looks("03-04 12:00", "03-05 05:10")
    web.policy("03-04 12:00", "03-05 06:00", window_length_hours=3)
    web.policy("03-05 06:00", window_length_hours=9)
    assert web.ask(SizeAnomaly, "03-05 06:59:59") == []
    assert [row.verdict for row in web.ask(SizeAnomaly, "03-05 07:00")] == ["zero"]


def test_a_policy_that_was_read_later_is_the_best_guess_of_the_window_once_it_is_known(web: ByHand) -> None:
    web.backups([2, 2, 2, 2, 0], seen="03-05 05:10")
    web.looks("03-05 05:10")
    web.policy("03-05 06:00", "03-05 06:30", window_length_hours=3)
    web.policy("03-05 06:30", window_length_hours=9)
    assert web.ask(SizeAnomaly, "03-05 06:59:59") == []
    assert [row.verdict for row in web.ask(SizeAnomaly, "03-05 07:00")] == ["zero"]


def test_only_size_0_is_taken_for_being_made(web: ByHand) -> None:
    web.backups([2, 2, 2, 2, 0.9], seen="03-05 05:10")
    web.looks("03-05 05:10")
    web.policy("03-04 12:00")
    assert [row.verdict for row in web.ask(SizeAnomaly, "03-05 05:10")] == ["shrunk"]


def test_growth_is_the_slope_times_what_is_kept(web: ByHand) -> None:
    web.backups([1, 2, 3], seen=LAST_LOOK)
    web.looks(LAST_LOOK)
    (row,) = web.ask(SizeGrowth, LAST_LOOK)
    assert (row.fitted_backups, row.size_gigabytes) == (3, 6.0)
    assert row.growth_per_day_gigabytes == 3.0
    assert row.size_in_90_days_gigabytes == 276.0  # 6 + 90 * 3


def test_the_newest_is_the_newest_that_was_seen_by_then(web: ByHand) -> None:
    web.backups([2, 2, 2, 2, 9], seen="03-06 12:00")
    web.backup(6, "03-06 05:00", seen="03-07 12:00", size_gigabytes=2.0)
    newest = [[row.is_newest for row in web.ask(SizeAnomaly, now)] for now in ("03-07 11:59:59", "03-07 12:00")]
    assert newest == [[True], [False]]


def test_of_two_backups_no_growth_is_claimed(web: ByHand) -> None:
    web.backups([1, 0, 2], seen=LAST_LOOK)  # one of size 0 is not known yet
    web.looks(LAST_LOOK)
    (row,) = web.ask(SizeGrowth, LAST_LOOK)
    assert (row.fitted_backups, row.growth_per_day_gigabytes, row.size_in_90_days_gigabytes) == (2, None, None)


def test_nothing_shrinks_below_zero(web: ByHand) -> None:
    web.backups([3, 2, 1], seen=LAST_LOOK)
    web.looks(LAST_LOOK)
    (row,) = web.ask(SizeGrowth, LAST_LOOK)
    assert (row.growth_per_day_gigabytes, row.size_in_90_days_gigabytes) == (-3.0, 0.0)


def test_backups_made_at_one_instant_have_no_slope(web: ByHand) -> None:
    for number in range(1, 4):
        web.backup(number, "03-01 05:00", seen=LAST_LOOK, size_gigabytes=float(number))
    web.looks(LAST_LOOK)
    (row,) = web.ask(SizeGrowth, LAST_LOOK)
    assert (row.fitted_backups, row.growth_per_day_gigabytes) == (3, None)


def test_only_the_last_90_days_are_fitted(web: ByHand) -> None:
    web.backups([1, 2, 3, 4], seen=LAST_LOOK)
    web.looks(LAST_LOOK)
    assert [row.fitted_backups for row in web.ask(SizeGrowth, "05-30 05:00")] == [3]
    assert [row.fitted_backups for row in web.ask(SizeGrowth, "05-30 04:59:59")] == [4]


def test_days_without_a_look_are_absent_and_the_last_is_as_it_was_then(web: ByHand) -> None:
    web.backup(1, "03-01 05:00", seen="03-01 12:00", size_gigabytes=2.0)
    web.backup(2, "03-03 05:00", seen="03-03 18:00", size_gigabytes=3.0)
    web.looks("03-01 12:00", size_gigabytes=2.0)
    web.looks("03-03 12:00", size_gigabytes=5.0)  # after the day's last look, at 18:00
    web.change("droplets", last_observed_at=at("03-03 18:00"))

    def sizes(now: str) -> list[tuple[int, float]]:
        return [(row.day.day, row.size_gigabytes) for row in web.ask(DropletSizeOnDay, now)]

    assert sizes("03-01 11:59") == []
    assert sizes("03-03 11:59") == [(1, 2.0)]
    assert sizes("03-03 12:00") == [(1, 2.0), (3, 2.0)]
    assert sizes("03-03 18:00") == sizes("03-09 00:00") == [(1, 2.0), (3, 5.0)]


def test_as_of_before_what_is_complete_the_sizes_are_those_of_the_day(web: ByHand) -> None:
    """Prune deletes a backup that ended before the days kept, however long it had lived."""
    web.looks("03-02 12:00", size_gigabytes=5)
    web.looks("03-05 12:00")
    web.change("accounts", pruned_before=at("01-01 00:00"), complete_since=at("03-04 00:00"))
    for moment, gigabytes in (("03-03 23:59:59", 5), ("03-04 00:00", 0)):
        assert [row.size_gigabytes for row in web.ask(DropletSize, moment)] == [gigabytes]
