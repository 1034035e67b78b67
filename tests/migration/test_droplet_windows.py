"""Revision 0006: the window that was shown last is kept, and plans have rates by the names of the API."""

from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from inventory.store.engine import Database
from inventory.store.schema import backup_policies, backup_rates, droplet_windows, droplets
from inventory.store.upgrade import configuration, upgrade
from tests.migration.conftest import MONDAY, TUESDAY
from tests.migration.later import downgrade

pytestmark = pytest.mark.costly


@pytest.mark.parametrize(
    ("policy", "is_kept"),
    [
        ({"plan": "hourly", "hour": 4}, True),
        ({"plan": None, "hour": 4}, True),
        ({"plan": "daily", "hour": None}, True),
        ({"plan": "weekly", "hour": 4, "weekday": "wed"}, True),
        ({"plan": "weekly", "hour": 4, "weekday": None}, True),
        ({"plan": "intra_daily_5h", "hour": 4}, True),
        ({"plan": "daily", "hour": 4}, False),
        ({"plan": "weekly", "hour": 4, "weekday": "WED"}, False),
        ({"plan": "intra_daily_4h", "hour": 0}, False),
        ({"plan": "hourly", "hour": 4, "is_enabled": False}, False),
        ({"plan": "hourly", "hour": 4, "valid_to": None, "valid_from": MONDAY}, True),
    ],
)
def test_what_was_shown_last_is_kept_where_the_policy_does_not_say_when_windows_open(
    filled: Database, policy: dict[str, Any], *, is_kept: bool
) -> None:
    downgrade(filled, configuration(), "0004")
    shown = {"next_window_starts_at": MONDAY, "next_window_ends_at": TUESDAY}
    with filled.writing() as connection:
        connection.execute(sa.update(droplets).values(shown))
        connection.execute(sa.delete(backup_policies))
        row = {"droplet_id": 101, "valid_from": TUESDAY, "is_enabled": True, **policy}
        connection.execute(sa.insert(backup_policies).values(row))
    upgrade(filled)
    with filled.reading() as connection:
        found = [tuple(row) for row in connection.execute(sa.select(droplet_windows))]
    # Since the last attempt, which is later than any look that showed it.
    assert found == ([(101, TUESDAY, None, MONDAY, TUESDAY)] if is_kept else [])


def rates(database: Database) -> dict[str, tuple[date, float | None, str]]:
    columns = (backup_rates.c.plan, backup_rates.c.valid_from, backup_rates.c.gibibyte_month_usd, backup_rates.c.source)
    is_new = backup_rates.c.plan.like("intra_daily_%")
    with database.reading() as connection:
        return {plan: tuple(rest) for plan, *rest in connection.execute(sa.select(*columns).where(is_new))}


def test_rates_are_added_by_the_names_of_the_api_and_what_a_user_wrote_stays(filled: Database) -> None:
    downgrade(filled, configuration(), "0004")
    assert rates(filled) == {}
    mine = {"plan": "intra_daily_6h", "valid_from": date(2026, 3, 2), "gibibyte_month_usd": 0.5, "source": "a letter"}
    with filled.writing() as connection:
        connection.execute(sa.insert(backup_rates).values(mine))
    upgrade(filled)
    found = rates(filled)
    assert {plan: usd for plan, (_, usd, _) in found.items()} == {
        "intra_daily_4h": 0.01,
        "intra_daily_6h": 0.5,
        "intra_daily_12h": 0.02,
        "intra_daily_24h": 0.03,
    }
    assert [plan for plan, (_, _, source) in sorted(found.items()) if "by analogy" in source] == [
        "intra_daily_12h",
        "intra_daily_24h",
    ]
    with filled.writing() as connection:
        edited = sa.update(backup_rates).where(backup_rates.c.plan == "intra_daily_4h").values(gibibyte_month_usd=0.02)
        connection.execute(edited)
    downgrade(filled, configuration(), "0004")
    assert set(rates(filled)) == {"intra_daily_4h", "intra_daily_6h"}
    upgrade(filled)
    assert rates(filled)["intra_daily_4h"][1] == 0.02
