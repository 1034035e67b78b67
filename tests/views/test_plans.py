"""Plans that no document lists: which windows are due, what was made in them, and what nobody can know."""

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import product
from typing import Any

import pytest
import sqlalchemy as sa

from inventory.history.windows import follow_from
from inventory.judging.evidence import inspect
from inventory.judging.rules import Rules
from inventory.model import BackupPolicy
from inventory.report.summary import read, summarise
from inventory.report.summary_text import figures
from inventory.store.engine import Database
from inventory.views.macros import expand
from inventory.views.queries import Question
from inventory.views.readers import TwoReaders
from inventory.views.rows import DropletRetention, DueWindow, EmptyWindow, MissedBackup, MonthCoverage
from tests.views.by_hand import WEB, ByHand, at

EVERY_4_HOURS: dict[str, Any] = {"plan": "intra_daily_4h", "hour": 0}


@pytest.fixture
def web(migrated_url: str) -> Iterator[ByHand]:
    database = Database(migrated_url)
    yield ByHand(database)
    database.close()


def due(web: ByHand, now: str) -> list[str]:
    return [f"{row.window_starts_at:%m-%d %H:%M}" for row in web.ask(DueWindow, now)]


def missed(web: ByHand, now: str) -> list[str]:
    rows = web.ask(MissedBackup, now)
    return [f"{row.window_starts_at:%m-%d %H:%M}" for row in reversed(rows) if row.verdict == "missed"]


# Plans whose name says how often they run


@pytest.mark.parametrize(
    ("hours", "hour", "opening"),
    [
        (1, 0, range(24)),
        (2, 3, range(1, 24, 2)),
        (3, 5, range(2, 24, 3)),
        (4, 0, range(0, 24, 4)),
        (4, 22, range(2, 24, 4)),
        (6, 7, range(1, 24, 6)),
        (8, 8, range(0, 24, 8)),
        (12, 20, (8, 20)),
        (24, 5, (5,)),
    ],
)
def test_windows_open_so_many_hours_apart_from_the_hour_of_the_policy(
    web: ByHand, hours: int, hour: int, opening: range
) -> None:
    web.policy("03-01 12:00", plan=f"intra_daily_{hours}h", hour=hour)
    of_the_day = [window for window in due(web, "03-09 12:00") if window.startswith("03-05")]
    assert of_the_day == [f"03-05 {each:02}:00" for each in opening]


@pytest.mark.parametrize(
    "policy",
    [
        {"plan": "intra_daily_5h"},
        {"plan": "intra_daily_48h"},
        {"plan": "intra_daily_0h"},
        {"plan": "intra_daily_4h", "hour": None},
        {"plan": "intra_daily_4"},
        {"plan": "usage-4-hourly"},
    ],
)
def test_of_a_plan_whose_name_says_nothing_nothing_is_claimed(web: ByHand, policy: dict[str, Any]) -> None:
    web.policy("03-01 12:00", **policy)
    web.looks("03-01 12:00", "03-09 12:00")
    assert due(web, "03-09 12:00") == []
    (row,) = web.ask(DropletRetention, "03-09 12:00")
    assert (row.expected_backups, row.verdict) == (None, "unknown")


@pytest.mark.parametrize(("hours", "ends"), [(1, "01:00"), (3, "03:00"), (6, "04:00")])
def test_a_window_of_unknown_length_ends_after_4_hours_or_when_the_next_opens(
    web: ByHand, hours: int, ends: str
) -> None:
    web.policy("03-01 12:00", plan=f"intra_daily_{hours}h", hour=0, window_length_hours=None)
    window = next(row for row in web.ask(DueWindow, "03-03 12:00") if f"{row.window_starts_at:%d %H}" == "02 00")
    assert f"{window.window_ends_at:%H:%M}" == ends


def test_a_window_without_its_own_backup_is_missed_only_if_none_was_made_until_12_hours_after_its_end(
    web: ByHand,
) -> None:
    web.policy("03-01 23:00", **EVERY_4_HOURS)
    # By hand: windows of 2 March open at 0, 4, 8, 12, 16 and 20; each ends 4 h and is over 16 h after it opened.
    web.backup(1, "03-02 01:00", seen="03-02 22:00")
    web.backup(2, "03-02 20:30", seen="03-02 22:00")  # of the window of 20:00; late for those of 8, 12 and 16
    web.looks("03-02 22:00", "03-03 23:00")
    assert due(web, "03-03 12:00") == [f"03-02 {hour:02}:00" for hour in range(0, 24, 4)]
    assert missed(web, "03-03 23:00")[0] == "03-02 04:00"
    assert missed(web, "03-03 23:00")[1:] == ["03-03 00:00", "03-03 04:00"]  # 20:30 was before they opened
    (march,) = web.ask(MonthCoverage, "03-03 12:00")
    assert (march.windows_due, march.windows_made, march.windows_missed, march.windows_not_looked) == (6, 5, 1, 0)


def test_one_backup_a_day_makes_the_four_windows_for_which_it_was_not_too_late(web: ByHand) -> None:
    web.policy("03-01 23:00", **EVERY_4_HOURS)
    for day in range(2, 9):
        web.backup(day, f"03-{day:02} 00:30", seen=f"03-{day:02} 23:00")
        web.looks(f"03-{day:02} 23:00")
    # 7 March: 0 has its own; 12, 16 and 20 have that of 8 March at 0:30; 4 and 8 were over at 20:00 and 24:00.
    empty = [row for row in web.ask(EmptyWindow, "03-08 23:00") if f"{row.window_starts_at:%m-%d}" == "03-07"]
    assert [(f"{row.window_starts_at:%H}", row.verdict) for row in empty] == [("04", "missed"), ("08", "missed")]


def test_three_days_without_a_new_backup_are_missed_windows(web: ByHand) -> None:
    web.policy("03-01 12:00", **EVERY_4_HOURS)
    web.backup(1, "03-02 00:10", seen="03-02 12:00")
    web.looks("03-02 12:00", "03-03 12:00", "03-04 12:00", "03-05 12:00")
    # The last that is over opened at 20:00 on 4 March.
    assert missed(web, "03-05 12:00") == [
        f"03-{day:02} {hour:02}:00" for day in (2, 3, 4) for hour in range(0, 24, 4) if (day, hour) > (2, 0)
    ]


def test_a_plan_of_4_hours_keeps_a_backup_for_each_window_that_is_over(web: ByHand) -> None:
    web.policy("03-01 12:00", retention_days=1, **EVERY_4_HOURS)
    for number, hour in enumerate(range(0, 24, 4)):
        web.backup(number + 1, f"03-03 {hour:02}:10", seen="03-04 12:00")
    web.looks("03-02 12:00", "03-04 12:00")
    (row,) = web.ask(DropletRetention, "03-04 12:00")
    # Opened less than 24 h ago, and 16 h or more: that of 3 March 16:00 and of 20:00; that of 12:00 may be gone.
    assert (row.backups, row.expected_backups, row.verdict) == (6, 2, "enough")


def test_the_policy_of_the_first_look_held_since_the_window_of_the_oldest_backup_and_not_before(web: ByHand) -> None:
    web.policy("03-01 12:00", **EVERY_4_HOURS)
    web.backup(1, "02-28 05:30", seen="03-01 12:00")
    web.looks("03-01 12:00")
    assert due(web, "03-01 12:00")[0] == "02-28 04:00"


# Plans whose windows are known only as they are announced


def announce(web: ByHand, since: str, until: str | None, starts: str, ends: str) -> None:
    web.insert(
        "droplet_windows",
        droplet_id=WEB,
        valid_from=at(since),
        valid_to=at(until) if until else None,
        starts_at=at(starts),
        ends_at=at(ends),
    )


def verdicts(web: ByHand, now: str) -> list[tuple[str, str]]:
    return [(f"{row.window_starts_at:%m-%d %H:%M}", row.verdict) for row in web.ask(EmptyWindow, now)]


# The window of 3 March, 02:30 to 06:30; each look is the first of its day, or what the policy's end says of it.
WINDOW = ("03-03 02:30", "03-03 06:30")


def test_an_announced_window_is_due_from_12_hours_after_its_end_and_missed_at_the_next_look(web: ByHand) -> None:
    web.policy("03-01 12:00", plan="hourly")
    announce(web, "03-02 06:00", "03-03 07:00", *WINDOW)
    web.looks("03-01 12:00", "03-02 06:00", "03-03 07:00", "03-04 06:00")
    assert due(web, "03-03 18:29:59") == []
    (window,) = web.ask(DueWindow, "03-03 18:30")
    assert (window.plan, window.month, window.day) == ("hourly", date(2026, 3, 1), date(2026, 3, 3))
    assert (window.window_starts_at, window.window_ends_at) == (at(WINDOW[0]), at(WINDOW[1]))
    assert (window.awaited_until_at, window.expires_at) == (at("03-03 18:30"), at("03-10 02:30"))
    assert (window.age_days, window.age_hours) == (0, 16.0)
    assert (window.is_recent, window.is_before_first_look) == (True, False)
    assert verdicts(web, "03-04 05:59:59") == [("03-03 02:30", "not looked")]
    assert verdicts(web, "03-04 06:00") == [("03-03 02:30", "missed")]
    (march,) = web.ask(MonthCoverage, "03-04 06:00")
    assert (march.windows_due, march.windows_made, march.windows_missed, march.windows_not_looked) == (1, 0, 1, 0)


@pytest.mark.parametrize(
    ("since", "until", "is_due"),
    [
        ("03-02 06:00", None, True),
        ("03-02 06:00", "03-03 02:30", True),
        ("03-02 06:00", "03-03 02:29:59", False),  # another was shown before it opened
        ("03-03 02:30", None, True),
        ("03-03 02:30:01", None, False),  # first shown when it was open
    ],
)
def test_it_is_due_if_it_was_shown_until_it_opened(web: ByHand, since: str, until: str | None, *, is_due: bool) -> None:
    web.policy("03-01 12:00", plan="hourly")
    announce(web, since, until, *WINDOW)
    web.looks("03-01 12:00", "03-02 06:00", "03-03 07:00", "03-04 06:00")
    assert (due(web, "03-04 06:00") == ["03-03 02:30"]) is is_due


@pytest.mark.parametrize(
    ("changed", "looks", "is_due"),
    [
        (None, ["03-03 06:30"], True),
        (None, ["03-03 06:29:59"], False),  # nobody looked since its end
        ("03-03 12:00", ["03-03 06:30"], True),
        ("03-03 12:00", ["03-03 06:29:59"], False),  # the first look past its end read another policy
        ("03-03 06:30", ["03-03 01:00"], False),
    ],
)
def test_it_is_due_if_the_first_look_past_its_end_read_the_same_policy(
    web: ByHand, changed: str | None, looks: list[str], *, is_due: bool
) -> None:
    web.policy("03-01 12:00", changed, plan="hourly")
    if changed:
        web.policy(changed, plan="daily")
    announce(web, "03-02 06:00", changed, *WINDOW)
    web.looks("03-01 12:00", "03-02 06:00", *looks, *(["03-04 12:00"] if changed else []))
    assert ("03-03 02:30" in due(web, "03-04 12:00")) is is_due


@pytest.mark.parametrize(
    ("created", "is_its"),
    [("03-03 02:29:59", False), ("03-03 02:30", True), ("03-03 18:29:59", True), ("03-03 18:30", False)],
)
def test_an_announced_window_has_the_backups_made_from_its_start_until_12_hours_after_its_end(
    web: ByHand, created: str, *, is_its: bool
) -> None:
    web.policy("03-01 12:00", plan="hourly")
    announce(web, "03-02 06:00", None, *WINDOW)
    web.backup(1, created, seen="03-04 06:00")
    web.looks("03-02 06:00", "03-03 07:00", "03-04 06:00")
    assert (verdicts(web, "03-04 06:00") == []) is is_its


def test_nobody_knows_of_one_that_would_have_expired_before_the_next_look_or_that_may_be_pruned(web: ByHand) -> None:
    web.policy("03-01 12:00", plan="hourly", retention_days=1)
    announce(web, "03-02 06:00", None, *WINDOW)
    web.looks("03-02 06:00", "03-03 07:00", "03-04 02:30")
    assert verdicts(web, "03-04 06:00") == [("03-03 02:30", "not looked")]
    web.change("accounts", pruned_before=at("03-03 02:30"))
    assert due(web, "03-04 06:00") == ["03-03 02:30"]
    web.change("accounts", pruned_before=at("03-03 02:30:01"))
    assert due(web, "03-04 06:00") == []


def test_of_a_plan_that_says_when_its_windows_open_no_announced_one_counts_too(web: ByHand) -> None:
    web.policy("03-01 12:00", **EVERY_4_HOURS)
    before = due(web, "03-04 06:00")
    announce(web, "03-02 06:00", None, *WINDOW)
    web.looks("03-02 06:00", "03-04 06:00")
    assert due(web, "03-04 06:00") == before


def test_what_follows_from_a_policy_is_the_same_where_it_is_kept_and_where_it_is_asked(web: ByHand) -> None:
    plans = [
        None,
        "daily",
        "weekly",
        "Daily",
        "hourly",
        *(f"intra_daily_{hours}h" for hours in range(26)),
        "intra_daily_h",
    ]
    policies = [
        BackupPolicy(is_enabled=True, plan=plan, weekday=weekday, hour=hour)
        for plan, weekday, hour in product(plans, [None, "SUN", "sun"], [None, 0, 23])
    ]
    for number, policy in enumerate(policies):
        row = {"plan": policy.plan, "weekday": policy.weekday, "hour": policy.hour, "is_enabled": True}
        web.insert(
            "backup_policies",
            droplet_id=WEB,
            valid_from=at("01-01 00:00") + timedelta(hours=number),
            valid_to=at("12-01 00:00"),
            **row,
        )
    web.ask(DueWindow, "01-01 00:00")
    with web.database.reading() as connection:
        call = expand("hours_between_windows(p)", connection.dialect.name)
        query = f"SELECT {call} IS NOT NULL FROM backup_policies AS p ORDER BY p.valid_from"  # noqa: S608
        found = [bool(row[0]) for row in connection.execute(sa.text(query))]
    assert found == [follow_from(policy) for policy in policies]


# None left


def findings(web: ByHand, now: str) -> list[tuple[str, str, str]]:
    with web.database.reading() as connection:
        verdict = inspect(connection, at(now), Rules(), ())
    found = [(each.name, each.severity, each.what) for each in verdict.findings]
    return [each for each in found if each[0] != "sync-overdue"]


def emptied(web: ByHand, now: str) -> bool:
    (row,) = web.ask(DropletRetention, now)
    is_told = [each for each in findings(web, now) if each[0] == "too-few-backups" and each[1] == "critical"] != []
    assert is_told == (row.verdict == "too few")
    return is_told


@pytest.mark.parametrize("plan", ["daily", "weekly", "intra_daily_4h", "intra_daily_5h", "hourly"])
def test_a_droplet_whose_policy_is_on_and_that_has_no_backup_left_is_critical_whatever_the_plan(
    web: ByHand, plan: str
) -> None:
    web.policy("03-01 12:00", plan=plan)
    web.backup(1, "03-01 05:00", seen="03-01 12:00", gone="03-02 12:00")
    web.looks("03-01 12:00", size_gigabytes=1.0)
    web.looks("03-02 12:00")
    assert not emptied(web, "03-02 11:59:59")
    assert emptied(web, "03-02 12:00")
    (row,) = web.ask(DropletRetention, "03-02 12:00")
    assert (row.backups, row.verdict) == (0, "too few")


def test_a_droplet_that_never_had_a_backup_has_none_left_to_miss(web: ByHand) -> None:
    web.policy("03-01 12:00", plan="hourly")
    web.looks("03-01 12:00", "03-20 12:00")
    assert not emptied(web, "03-20 12:00")
    (row,) = web.ask(DropletRetention, "03-20 12:00")
    assert row.verdict == "unknown"


def test_one_that_misses_its_first_backup_is_told_so_once(web: ByHand) -> None:
    web.policy("03-01 12:00")
    web.looks("03-01 12:00", "03-02 21:00")
    assert web.ask(DropletRetention, "03-02 21:00")[0].verdict == "too few"
    assert [each[:2] for each in findings(web, "03-02 21:00")] == [("missed-backup", "warning")]


@pytest.mark.parametrize(
    ("plan", "over"),
    [
        # Switched on again on Monday 9 March at 12:00; each window is over 12 h after its end.
        ({"plan": "daily"}, "03-10 20:00"),
        ({"plan": "daily", "retention_days": None}, "03-10 20:00"),
        ({"plan": "weekly", "weekday": "WED"}, "03-11 20:00"),
        ({"plan": "intra_daily_4h", "hour": 0}, "03-10 04:00"),  # the window of 9 March, 12:00 to 16:00
        # Nobody knows its windows: seven days.
        ({"plan": "hourly"}, "03-16 12:00"),
        ({"plan": "daily", "hour": None}, "03-16 12:00"),
    ],
)
def test_switched_on_again_it_has_time_until_its_first_window_is_over(
    web: ByHand, plan: dict[str, Any], over: str
) -> None:
    web.policy("03-01 12:00", "03-08 12:00", **plan)
    web.policy("03-08 12:00", "03-09 12:00", plan=None)
    web.policy("03-09 12:00", **plan)
    web.backup(1, "03-06 05:00", seen="03-06 12:00", gone="03-08 12:00", reason="backups_disabled")
    web.looks("03-01 12:00", "03-06 12:00", size_gigabytes=1.0)
    day = at(over)
    web.looks("03-08 12:00", "03-09 12:00", f"{day - timedelta(seconds=1):%m-%d %H:%M:%S}")
    assert not emptied(web, over), "nobody has looked since"
    (row,) = web.ask(DropletRetention, over)
    assert not row.expected_backups, "of the windows before, all backups are deleted"
    web.change("droplets", last_observed_at=day)
    assert emptied(web, over)


def test_windows_that_were_announced_before_it_was_switched_on_again_say_nothing(web: ByHand) -> None:
    web.policy("03-01 12:00", "03-08 12:00", plan="hourly")
    web.policy("03-08 12:00", "03-09 12:00", plan=None)
    web.policy("03-09 12:00", plan="hourly")
    announce(web, "03-05 12:00", "03-06 12:00", "03-06 04:00", "03-06 08:00")
    web.backup(1, "03-06 05:00", seen="03-06 12:00", gone="03-08 12:00", reason="backups_disabled")
    web.looks("03-01 12:00", "03-05 12:00", "03-06 12:00", "03-07 12:00", size_gigabytes=1.0)
    web.looks("03-08 12:00", "03-09 12:00", "03-10 12:00")
    assert due(web, "03-10 12:00") == ["03-06 04:00"]
    assert not emptied(web, "03-10 12:00")


def test_the_summary_counts_a_droplet_with_none_left_as_unprotected_and_knows_no_cost_without_a_rate(
    web: ByHand,
) -> None:
    web.policy("03-01 12:00", plan="hourly")
    web.backup(1, "03-01 05:00", seen="03-01 12:00", gone="03-02 12:00")
    web.looks("03-02 12:00")
    now = at("03-02 12:00")
    web.ask(DropletRetention, "03-02 12:00")
    with web.database.reading() as connection:
        summary = summarise(connection, Question(now), *read(TwoReaders(connection), Question(now)))
    shown = {each.what: (each.figure, each.note) for each in figures(summary)}
    assert shown["Protected"] == ("0 of 1", "1 with none left")
    assert shown["Cost"] == ("unknown", "a month, estimated (1 Droplet: no rate or price)")


@pytest.mark.parametrize("starts", ["03-10 02:00", "03-24 02:00"])
def test_switched_on_again_under_an_undocumented_plan_it_has_time_until_the_first_announced_window_is_over(
    web: ByHand, starts: str
) -> None:
    web.policy("03-01 12:00", "03-09 12:00", plan=None)
    web.policy("03-09 12:00", plan="hourly")
    web.backup(1, "02-27 05:00", seen="03-01 12:00", gone="03-02 12:00", reason="backups_disabled")
    ends_at = at(starts) + timedelta(hours=4)
    announce(web, "03-09 12:00", None, starts, f"{ends_at:%m-%d %H:%M}")
    over = ends_at + timedelta(hours=12)
    web.looks("03-01 12:00", "03-09 12:00", f"{over - timedelta(seconds=1):%m-%d %H:%M:%S}")
    assert not emptied(web, f"{over:%m-%d %H:%M}")
    web.change("droplets", last_observed_at=over)
    assert emptied(web, f"{over:%m-%d %H:%M}")
