"""The macros of the views answer alike on both databases: on PostgreSQL, in a zone whose clock changes on 8 March."""

from datetime import date, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.types import TypeEngine

from inventory.views.macros import MACROS, expand
from inventory.views.times import UtcDateTime
from tests.views.by_hand import at

NOON = at("03-09 12:00")
TYPES: dict[type, TypeEngine[Any]] = {
    datetime: UtcDateTime(),
    date: sa.Date(),
    float: sa.Double(),
    str: sa.Text(),
    int: sa.Integer(),
}
# The SQL, what :one and :two in it are, and the answer.
CASES: list[tuple[str, list[datetime | date | float], datetime | date | float | str]] = [
    ("day_of(:one)", [at("03-08 23:59:59")], date(2026, 3, 8)),
    ("day_of(:one)", [at("03-09 00:00")], date(2026, 3, 9)),
    ("month_of(:one)", [at("03-31 23:59:59")], date(2026, 3, 1)),
    ("month_of(:one)", [at("03-01 00:00")], date(2026, 3, 1)),
    ("month_of(seconds_before(time_of(month_of(:one), 0), 86400))", [at("03-31 12:00")], date(2026, 2, 1)),
    ("asked_from(:one)", [date(2026, 3, 9)], date(2026, 3, 9)),
    ("days_before(:one, 30)", [date(2026, 3, 9)], date(2026, 2, 7)),
    ("days_before(:one, -1)", [date(2026, 2, 28)], date(2026, 3, 1)),
    ("days_before(:one, 3 + 4)", [date(2026, 3, 9)], date(2026, 3, 2)),
    ("days_between(:one, :two)", [date(2026, 2, 28), date(2026, 3, 9)], 9),
    ("days_between('0001-01-07', :one) % 7", [date(2026, 3, 8)], 0),  # both are Sundays
    ("seconds_before(:one, 90 * 86400)", [NOON], at("03-09 12:00").replace(year=2025, month=12)),
    ("seconds_before(:one, 1)", [at("03-09 00:00")], at("03-08 23:59:59")),
    ("seconds_before(:one, -3600)", [at("03-08 06:30")], at("03-08 07:30")),
    ("seconds_between(:one, :two)", [at("03-08 06:00"), at("03-08 07:00:01")], 3601.0),
    ("seconds_between(:one, :two)", [NOON, at("03-09 11:59:59")], -1.0),
    ("seconds_between(:one, :two) / 86400", [NOON, at("03-11 00:00")], 1.5),
    ("seconds_between(:one, seconds_before(:one, 26 * 3600)) / 3600", [NOON], -26.0),
    ("seconds_of_week(:one)", [at("03-08 00:00")], 0),
    ("seconds_of_week(:one)", [at("03-07 23:59:59")], 604_799),
    ("seconds_of_week(:one)", [NOON], 129_600),
    ("greatest_of(:one, :two)", [NOON, at("03-09 12:00:01")], at("03-09 12:00:01")),
    ("greatest_of(:one, 0.0)", [-0.5], 0.0),
    ("greatest_of(:one - 1, (:one + 1) * 2)", [1.0], 4.0),
    ("least_of(:one, :two)", [NOON, at("03-09 12:00:01")], NOON),
    ("time_text(:one)", [at("03-08 23:59:59")], "2026-03-08 23:59:59"),
    ("rounded(:one)", [965.2600000000001], 965.26),
    ("rounded(:one)", [0.1 + 0.2], 0.3),
    ("rounded(:one)", [2.00005], 2.0001),  # stored a little below the half
    ("rounded(:one)", [2.00004999], 2.0),
    ("rounded(:one)", [12345.678949999999], 12345.679),
    ("rounded(:one)", [-0.00001], 0.0),
    ("rounded(:one)", [-2.5], -2.5),
    (
        "(SELECT min(by_code(o.name)) FROM (SELECT 'a' AS name UNION ALL SELECT 'B') AS o)",
        [],
        "B",
    ),
    (
        "day_of(greatest_of(:one, coalesce(seconds_before(:two, 3600), :one)))",
        [NOON, at("03-10 01:00")],
        date(2026, 3, 10),
    ),
    ("time_of(:one, 3600 + 61)", [date(2026, 3, 8)], at("03-08 01:01:01")),
    (
        "(SELECT max(time_of(:one, CAST(n.value AS integer))) FROM each_of(86399) AS n)",
        [date(2026, 3, 8)],
        at("03-08 23:59:59"),
    ),
    # With backups to find: tests/views/test_windows.py.
    ("(SELECT count(backup_for(w, :one)) FROM due_windows AS w WHERE w.droplet_id = 1)", [NOON], 0),
    # With looks to find: tests/database/test_looks.py.
    ("coalesce(last_look_before(1, :one), :one)", [NOON], NOON),
    ("coalesce(first_look_from(1, :one), :one)", [NOON], NOON),
    (
        "(SELECT list_of(o.region) FROM (SELECT 'nyc3' AS region UNION ALL SELECT 'ams3' ORDER BY region) AS o)",
        [],
        "ams3, nyc3",
    ),
    # What a size was before it changed: tests/migration/test_changed_at.py and the history machine.
    (
        "(SELECT size_at(b, :one) FROM (SELECT 1 AS id, :one AS changed_at, 2.5 AS size_gigabytes) AS b)",
        [NOON],
        2.5,
    ),
    ("number_of_weekday('SUN')", [], 0),
    ("number_of_weekday('SAT')", [], 6),
    ("coalesce(number_of_weekday('Sunday'), 9)", [], 9),
    (
        "(SELECT hours_between_windows(p) FROM (SELECT 'intra_daily_6h' AS plan, NULL AS weekday, 3 AS hour) AS p)",
        [],
        6,
    ),
    ("(SELECT hours_between_windows(p) FROM (SELECT 'weekly' AS plan, 'SAT' AS weekday, 0 AS hour) AS p)", [], 168),
]


@pytest.mark.parametrize(("call", "arguments", "answer"), CASES, ids=[call for call, *_ in CASES])
def test_a_macro_answers_alike_on_both_databases(
    connection: sa.Connection, call: str, arguments: list[Any], answer: datetime | date | float | str
) -> None:
    values = [
        sa.bindparam(name, value, TYPES[type(value)]) for name, value in zip(("one", "two"), arguments, strict=False)
    ]
    query = sa.text(f"SELECT {expand(call, connection.dialect.name)} AS answer").bindparams(*values)
    found = connection.execute(query.columns(answer=TYPES[type(answer)])).scalar_one()
    assert (str(found), type(found)) == (str(answer), type(answer))  # 0.0 is not -0.0


def test_every_macro_has_a_case() -> None:
    for macro in MACROS:
        assert any(macro.partition("(")[0] in call for call, *_ in CASES), macro


@pytest.mark.parametrize("call", ["day_of(a, b)", "days_before(a)", "day_of(lower(a)"])
def test_a_call_that_is_not_one_is_refused(call: str) -> None:
    with pytest.raises(ValueError, match=r"argument|no end"):
        expand(call, "sqlite")
