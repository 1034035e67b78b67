"""What backups cost: the corner cases. Weekly 20 %, daily 30 % of the Droplet's price, which is 6 US dollars."""

from collections.abc import Iterator
from datetime import date

import pytest

from inventory.store.engine import Database
from inventory.views.rows import CostNow, MonthlyCost
from tests.views.by_hand import WEB, ByHand, at


@pytest.fixture
def web(migrated_url: str) -> Iterator[ByHand]:
    database = Database(migrated_url)
    yield ByHand(database)
    database.close()


def cost(web: ByHand, now: str, month: int = 3) -> MonthlyCost:
    (row,) = [row for row in web.ask(MonthlyCost, now) if row.month.month == month]
    return row


@pytest.mark.parametrize(
    ("weekday", "month", "due"),
    [
        ("SUN", 2, 4),
        ("SAT", 2, 4),
        ("SUN", 3, 5),
        ("TUE", 3, 5),
        ("WED", 3, 4),
        ("WED", 4, 5),
        ("THU", 4, 5),
        ("FRI", 4, 4),
        ("SUN", 5, 5),
        ("MON", 5, 4),
    ],
)
def test_a_weekly_backup_costs_its_share_of_the_months_weekdays(
    web: ByHand, weekday: str, month: int, due: int
) -> None:
    web.policy("03-01 12:00", plan="weekly", weekday=weekday)
    web.backup(1, f"{month:02}-10 05:00", seen="05-31 12:00")
    web.looks("05-31 12:00")
    assert cost(web, "05-31 12:00", month).estimated_usd == pytest.approx(round(1.2 / due, 4))


@pytest.mark.parametrize(("month", "days"), [(2, 28), (3, 31), (4, 30)])
def test_a_daily_backup_costs_its_share_of_the_months_days(web: ByHand, month: int, days: int) -> None:
    web.policy("03-01 12:00")
    web.backup(1, f"{month:02}-10 05:00", seen="05-31 12:00")
    web.looks("05-31 12:00")
    assert cost(web, "05-31 12:00", month).estimated_usd == pytest.approx(round(1.8 / days, 4))


def test_no_month_costs_more_than_the_percent(web: ByHand) -> None:
    web.policy("03-01 12:00")
    for number in range(40):
        web.backup(number + 1, f"03-{number % 31 + 1:02} 0{number // 31}:00", seen="04-01 12:00")
    web.looks("04-01 12:00")
    row = cost(web, "04-01 12:00")
    assert (row.backups_made, row.estimated_usd) == (40, 1.8)


def test_the_price_is_that_of_when_the_backup_was_made(web: ByHand) -> None:
    web.policy("03-01 12:00")
    web.change("droplet_versions", valid_to=at("03-11 00:00"))
    then = {"name": "web", "region": "nyc3", "size_slug": "l", "price_monthly_usd": 12.0, "status": "active"}
    web.insert("droplet_versions", droplet_id=WEB, account_id=1, valid_from=at("03-11 00:00"), **then)
    for number, created in enumerate(("03-10 23:59:59", "03-11 00:00:00", "03-12 05:00:00"), start=1):
        web.backup(number, created, seen="03-31 12:00")
    web.looks("03-31 12:00")
    row = cost(web, "03-31 12:00")
    assert row.estimated_usd == 0.2903  # 1.80 / 31 + 2 * 3.60 / 31
    assert (row.as_weekly_usd, row.as_daily_usd) == (2.4, 3.6)


def test_a_price_read_later_is_not_known_before(web: ByHand) -> None:
    web.policy("03-01 12:00")
    web.backup(1, "03-02 05:00", seen="03-02 12:00")
    web.looks("03-02 12:00", "03-12 12:00")
    web.change("droplet_versions", valid_to=at("03-11 00:00"))
    then = {"name": "web", "region": "nyc3", "size_slug": "l", "price_monthly_usd": 12.0, "status": "active"}
    web.insert("droplet_versions", droplet_id=WEB, account_id=1, valid_from=at("03-11 00:00"), **then)
    assert [cost(web, now).as_daily_usd for now in ("03-10 12:00", "03-12 12:00")] == [1.8, 3.6]


def test_rates_are_those_of_the_months_first_day(web: ByHand) -> None:
    web.policy("03-01 12:00")
    web.execute("UPDATE backup_rates SET valid_to = '2026-03-15' WHERE plan = 'daily'")
    web.insert("backup_rates", plan="daily", valid_from=date(2026, 3, 15), price_percent=60.0, source="a letter")
    web.backup(1, "03-20 05:00", seen="04-30 12:00")
    web.backup(2, "04-20 05:00", seen="04-30 12:00")
    web.looks("04-30 12:00")
    assert cost(web, "04-30 12:00").estimated_usd == 0.0581  # 1.80 / 31
    assert cost(web, "04-30 12:00", 4).estimated_usd == 0.12  # 3.60 / 30
    assert [row.estimated_usd for row in web.ask(CostNow, "03-14 12:00")] == [1.8]
    assert [row.estimated_usd for row in web.ask(CostNow, "03-15 00:00")] == [3.6]


def test_a_plan_by_size_costs_the_mean_of_what_was_held(web: ByHand) -> None:
    web.policy("03-01 12:00", plan="usage-daily")
    web.backup(1, "03-01 05:00", seen="03-01 12:00", size_gigabytes=20.0)
    web.looks("03-01 12:00", "03-02 12:00", size_gigabytes=10.0)
    web.looks("03-05 12:00", "03-31 12:00", size_gigabytes=20.0)
    row = cost(web, "03-31 12:00")
    assert (row.days_observed, row.mean_size_gigabytes) == (4, 15.0)
    assert row.estimated_usd == row.as_usage_daily_usd == 0.45  # 15 * 0.03
    assert row.as_usage_weekly_usd == 0.6
    assert (row.backups_made, row.backups_without_rate) == (1, 0)
    assert [row.estimated_usd for row in web.ask(CostNow, "03-31 12:00")] == [0.6]  # 20 * 0.03


@pytest.mark.parametrize(
    ("plan", "usd"),
    [("intra_daily_4h", 0.2), ("intra_daily_6h", 0.3), ("intra_daily_12h", 0.4), ("intra_daily_24h", 0.6)],
)
def test_a_usage_based_plan_is_charged_by_the_name_that_the_api_gives_it(web: ByHand, plan: str, usd: float) -> None:
    web.policy("03-01 12:00", plan=plan)
    web.backup(1, "03-01 05:00", seen="03-01 12:00", size_gigabytes=20.0)
    web.looks("03-01 12:00", size_gigabytes=20.0)
    assert cost(web, "03-01 12:00").estimated_usd == usd
    assert [row.estimated_usd for row in web.ask(CostNow, "03-01 12:00")] == [usd]


def test_a_month_of_two_kinds_of_plans_is_the_sum(web: ByHand) -> None:
    web.policy("03-01 12:00", "03-21 12:00")
    web.policy("03-21 12:00", plan="usage-daily")
    web.backup(1, "03-02 05:00", seen="03-02 12:00", size_gigabytes=10.0)
    web.looks("03-02 12:00", "03-11 12:00", "03-21 12:00", "03-31 12:00", size_gigabytes=10.0)
    row = cost(web, "03-31 12:00")
    # 1.80 / 31, and two of four observed days at 10 * 0.03.
    assert row.estimated_usd == 0.2081
    assert [row.estimated_usd for row in web.ask(CostNow, "03-21 11:59:59")] == [1.8]
    assert [row.estimated_usd for row in web.ask(CostNow, "03-21 12:00")] == [0.3]


def test_a_plan_by_size_costs_nothing_from_the_day_it_ended(web: ByHand) -> None:
    web.policy("03-01 12:00", "03-21 12:00", plan="usage-daily")
    web.policy("03-21 12:00")
    web.backup(1, "03-02 05:00", seen="03-02 12:00", size_gigabytes=10.0)
    web.looks("03-02 12:00", "03-11 12:00", "03-21 12:00", "03-31 12:00", size_gigabytes=10.0)
    assert cost(web, "03-31 12:00").estimated_usd == 0.15  # two of four observed days at 10 * 0.03


def test_a_plan_without_a_rate_has_no_cost(web: ByHand) -> None:
    web.policy("03-01 12:00", plan="hourly")
    web.backup(1, "03-02 05:00", seen="03-02 12:00")
    web.looks("03-02 12:00")
    row = cost(web, "03-02 12:00")
    assert (row.backups_made, row.backups_without_rate, row.estimated_usd) == (1, 1, None)
    assert row.as_daily_usd == 1.8
    assert [row.estimated_usd for row in web.ask(CostNow, "03-02 12:00")] == [None]


@pytest.mark.parametrize("size_gigabytes", [0.0, 10.0])
def test_a_plan_without_a_rate_has_no_cost_in_a_month_in_which_nothing_was_made(
    web: ByHand, size_gigabytes: float
) -> None:
    web.policy("03-01 12:00", plan="hourly")
    web.looks("03-02 12:00", size_gigabytes=size_gigabytes)
    row = cost(web, "03-02 12:00")
    assert (row.backups_made, row.backups_without_rate, row.estimated_usd) == (0, 0, None)


def test_what_was_held_before_any_policy_was_read_has_no_cost(web: ByHand) -> None:
    web.looks("03-01 12:00", "03-02 12:00", size_gigabytes=10.0)
    assert cost(web, "03-02 12:00").estimated_usd is None


def test_while_backups_are_off_a_plan_without_a_rate_costs_nothing_until_it_is_in_force(web: ByHand) -> None:
    web.policy("03-01 12:00", "04-10 12:00", plan=None)
    web.policy("04-10 12:00", plan="hourly")
    web.looks("03-02 12:00", "04-02 12:00", "04-10 12:00")
    assert cost(web, "04-10 12:00").estimated_usd == 0.0
    assert cost(web, "04-09 12:00", 4).estimated_usd == 0.0
    assert cost(web, "04-10 12:00", 4).estimated_usd is None


def test_a_plan_by_size_has_no_cost_in_a_month_without_a_look(web: ByHand) -> None:
    web.policy("02-01 12:00", plan="usage-daily")
    web.backup(1, "03-20 05:00", seen="04-02 12:00", size_gigabytes=10.0)
    web.backup(2, "04-01 05:00", seen="04-02 12:00", size_gigabytes=10.0)
    web.looks("04-02 12:00", size_gigabytes=20.0)
    row = cost(web, "04-02 12:00")
    assert (row.backups_made, row.days_observed, row.estimated_usd) == (1, 0, None)
    assert cost(web, "04-02 12:00", 4).estimated_usd == 0.6


def test_a_plan_by_size_has_no_cost_where_only_the_days_before_it_were_looked_at(web: ByHand) -> None:
    web.policy("02-01 12:00", "03-11 12:00")
    web.policy("03-11 12:00", plan="usage-daily")
    web.backup(1, "03-20 05:00", seen="04-02 12:00", size_gigabytes=10.0)
    web.looks("03-02 12:00", "04-02 12:00", size_gigabytes=10.0)
    assert cost(web, "04-02 12:00").estimated_usd is None


def test_a_policy_never_read_has_no_cost(web: ByHand) -> None:
    web.backup(1, "03-02 05:00", seen="03-02 12:00")
    web.looks("03-02 12:00")
    row = cost(web, "03-02 12:00")
    assert (row.backups_without_rate, row.estimated_usd) == (1, None)
    assert [row.estimated_usd for row in web.ask(CostNow, "03-02 12:00")] == [None]


def test_without_a_price_there_is_no_cost(migrated_url: str) -> None:
    database = Database(migrated_url)
    web = ByHand(database, price=None)
    web.policy("03-01 12:00")
    web.backup(1, "03-02 05:00", seen="03-02 12:00", size_gigabytes=10.0)
    web.looks("03-02 12:00", size_gigabytes=10.0)
    row = cost(web, "03-02 12:00")
    assert (row.backups_without_rate, row.estimated_usd, row.as_daily_usd) == (1, None, None)
    assert row.as_usage_daily_usd == 0.3
    assert [row.estimated_usd for row in web.ask(CostNow, "03-02 12:00")] == [None]
    database.close()


def test_with_backups_off_nothing_is_due_to_be_paid(web: ByHand) -> None:
    web.policy("03-01 12:00", plan=None)
    web.looks("03-02 12:00")
    assert cost(web, "03-02 12:00").estimated_usd == 0.0
    assert [row.estimated_usd for row in web.ask(CostNow, "03-02 12:00")] == [0.0]


def test_a_backup_of_while_they_were_off_is_of_the_policy_read_next(web: ByHand) -> None:
    web.policy("03-01 12:00", "03-05 12:00", plan="weekly")
    web.policy("03-05 12:00", "03-09 12:00", plan=None)
    web.policy("03-09 12:00")
    web.backup(1, "03-09 05:00", seen="03-09 12:00")
    web.looks("03-09 12:00")
    assert cost(web, "03-09 12:00").estimated_usd == 0.0581  # 1.80 / 31


@pytest.mark.parametrize(
    ("first_look", "now", "gone", "is_complete"),
    [
        ("03-01 12:00", "04-01 00:00", None, True),
        ("03-01 12:00", "03-31 23:59", None, False),
        ("03-02 12:00", "04-01 00:00", None, False),
        ("03-01 12:00", "04-02 00:00", "04-01 12:00", True),
        ("03-01 12:00", "04-02 00:00", "03-31 12:00", False),
    ],
)
def test_a_month_is_complete_once_it_is_over_if_the_droplet_was_known_all_along(
    web: ByHand, first_look: str, now: str, gone: str | None, *, is_complete: bool
) -> None:
    web.policy("03-01 12:00")
    web.looks(first_look, *([gone] if gone else []))
    if gone:
        web.change("droplet_versions", valid_to=at(gone))
        web.change("droplets", gone_at=at(gone))
    assert cost(web, now).is_complete_month is is_complete


@pytest.mark.parametrize(("since", "is_complete"), [("03-31 12:00", False), ("04-01 12:00", True)])
def test_a_month_in_which_a_droplet_was_no_longer_selected_is_not_complete(
    web: ByHand, since: str, *, is_complete: bool
) -> None:
    web.policy("03-01 12:00")
    web.looks("03-01 12:00")
    web.unselect(since)
    assert cost(web, "04-02 00:00").is_complete_month is is_complete


def test_a_month_some_of_whose_backups_may_be_pruned_has_no_cost(web: ByHand) -> None:
    web.policy("02-01 12:00")
    for number, month in enumerate((2, 3), start=1):
        web.backup(number, f"{month:02}-10 05:00", seen="03-31 12:00")
    web.looks("02-01 12:00", "03-31 12:00", "04-02 12:00")
    assert all(cost(web, "04-02 12:00", month).estimated_usd is not None for month in (2, 3))
    web.change("accounts", pruned_before=at("03-01 00:00"))
    february, march = (cost(web, "04-02 12:00", month) for month in (2, 3))
    assert (february.estimated_usd, february.is_complete_month) == (None, False)
    assert march.estimated_usd == pytest.approx(1.8 / 31, abs=1e-4)
