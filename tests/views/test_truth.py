"""The views say of a fleet whose story is known what was worked out by hand, in tests/views/truth."""

import csv
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias, get_args, get_type_hints

import pytest
import sqlalchemy as sa

from inventory.store.ends import ends_out_of_course
from inventory.views.queries import Question, ask
from inventory.views.rows import ROWS, BackupLifetime
from tests.views.conftest import History
from tests.views.story import ENDS

TRUTH = Path(__file__).parent / "truth"
Row: TypeAlias = dict[str, Any]


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


READ: Mapping[type, Callable[[str], Any]] = {
    bool: {"true": True, "false": False}.__getitem__,
    int: int,
    float: float,
    str: str,
    date: date.fromisoformat,
    datetime: _instant,
}


def lines(name: str) -> Iterator[dict[str, str]]:
    """Read a table without its comments."""
    text = (TRUTH / f"{name}.csv").read_text("utf-8").splitlines()
    yield from csv.DictReader(line for line in text if not line.startswith("#"))


def typed(name: str, line: Mapping[str, str]) -> Row:
    """Give the values the types they have in the view's rows."""
    hints = get_type_hints(ROWS[name])
    types = {column: (get_args(hint) or (hint,))[0] for column, hint in hints.items()}
    return {column: READ[types.get(column, datetime)](text) if text else None for column, text in line.items()}


def answered(connection: sa.Connection, name: str, now: datetime = ENDS) -> list[Row]:
    """Ask of the account that the story is about."""
    question = Question(now, accounts={"default"})
    return [row._asdict() for row in ask(connection, ROWS[name], question)]


def assert_equal(found: Iterable[Row], expected: Iterable[Row]) -> None:
    """Compare in the columns that are expected, whatever the order."""
    wanted = sorted(expected, key=_key)
    columns = wanted[0].keys()
    given = sorted(({column: row[column] for column in columns} for row in found), key=_key)
    unlike = [pair for pair in zip(given, wanted, strict=False) if not all(map(_same, *(row.values() for row in pair)))]
    assert unlike[:2] == []
    assert len(given) == len(wanted)


def _key(row: Row) -> list[str]:
    return [str(value) for value in row.values() if not isinstance(value, float)]


def _same(one: object, other: object) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
    return one == other


@pytest.mark.parametrize(
    "name",
    [
        "missed_backups",
        "coverage_by_month",
        "droplet_retention",
        "unprotected_droplets",
        "size_growth",
        "monthly_cost",
        "account_overview",
    ],
)
def test_views_say_what_is_true(connection: sa.Connection, name: str) -> None:
    assert_equal(answered(connection, name), (typed(name, line) for line in lines(name)))


def test_every_backup_lives_and_goes_as_it_did(connection: sa.Connection) -> None:
    found = answered(connection, "backup_lifetimes")
    expected = list(_backups())
    assert_equal(found, expected)
    for row in found:
        lived = ((row["gone_at"] or ENDS) - row["created_at"]) / timedelta(days=1)
        assert math.isclose(row["lifetime_days"], lived, abs_tol=1e-4)


def test_what_ended_out_of_course_is_what_the_view_says(connection: sa.Connection) -> None:
    """As of every third day of the story, in which backups come back and reasons are replaced."""
    reasons = set()
    for days_before in range(0, 33, 3):
        now = ENDS - timedelta(days=days_before)
        since = now - timedelta(days=14)
        expected = [
            (row.droplet_id, row.gone_at, row.gone_reason, row.size_gigabytes)
            for row in ask(connection, BackupLifetime, Question(now))
            if row.gone_at and row.gone_at >= since and row.gone_reason != "expired"
        ]
        found = ends_out_of_course(connection, since, now)
        assert sorted(map(tuple, found)) == sorted(expected)
        of_one = {found[0].droplet_id} if found else set()
        assert ends_out_of_course(connection, since, now, of_one) == [row for row in found if row.droplet_id in of_one]
        stamps = [row.valid_to for row in found]
        assert stamps == sorted(stamps)
        reasons |= {reason for _, _, reason, _ in found}
    assert reasons >= {"unexplained", "droplet_destroyed", "backups_disabled", "converted"}


def _backups() -> Iterator[Row]:
    """Give the backups, of each line as many as it stands for."""
    for line in lines("backup_lifetimes"):
        times, every_days = int(line.pop("times")), int(line.pop("every_days"))
        for number in range(times):
            created_at = _instant(line["created_at"]) + timedelta(days=number * every_days)
            moments = {column: _later(text, created_at) for column, text in line.items()}
            yield typed("backup_lifetimes", moments | {"created_at": f"{created_at:%Y-%m-%d %H:%M}"})


def _later(text: str, created_at: datetime) -> str:
    """Give the moment that is so many hours after another, if text says so."""
    if hours := re.fullmatch(r"\+(\d+)h", text):
        return f"{created_at + timedelta(hours=int(hours[1])):%Y-%m-%d %H:%M}"
    return text


def test_what_exists_is_what_has_not_gone(connection: sa.Connection) -> None:
    columns = ("droplet", "created_at", "size_gigabytes", "first_seen_at", "last_seen_at")
    live = [{column: row[column] for column in columns} for row in _backups() if row["gone_at"] is None]
    assert_equal(answered(connection, "live_backups"), live)


def test_each_droplet_that_exists_has_its_own_tags(connection: sa.Connection) -> None:
    found = [(row["droplet"], row["tag"]) for row in answered(connection, "droplet_tag_list")]
    assert found == [("mail", "env:prod"), ("shop", "env:prod"), ("shop", "web")]


def test_sizes_that_stand_out_are_found(connection: sa.Connection) -> None:
    assert_equal(
        answered(connection, "size_anomalies"), (typed("size_anomalies", line) for line in lines("size_anomalies"))
    )


def test_what_happened_is_shown(connection: sa.Connection) -> None:
    made = {row["backup_id"]: row["created_at"] for row in answered(connection, "backup_lifetimes")}
    told = [{**row, "backup_created_at": made.get(row["backup_id"])} for row in answered(connection, "changes")]
    expected = [typed("changes", line) for line in lines("changes")]
    ordinary = [row for row in told if row["event"] == "backup_appeared" or row["gone_reason"] == "expired"]
    assert_equal([row for row in told if row not in ordinary], expected)
    backups = list(_backups())
    came_and_went = [("backup_appeared", row["droplet"], row["first_seen_at"], row["created_at"]) for row in backups]
    came_and_went += [
        ("backup_ended", row["droplet"], row["gone_at"], row["created_at"])
        for row in backups
        if row["gone_reason"] == "expired"
    ]
    assert sorted(came_and_went) == sorted(
        (row["event"], row["droplet"], row["learned_at"], row["backup_created_at"]) for row in ordinary
    )


def test_a_half_seen_day_is_no_dip(connection: sa.Connection) -> None:
    expected = [typed("fleet_size_by_day", line) for line in lines("fleet_size_by_day")]
    found = answered(connection, "fleet_size_by_day")
    days = {row["day"] for row in expected}
    assert_equal([row for row in found if row["day"] in days], expected)
    assert date(2026, 3, 18) not in {row["day"] for row in found}


def test_what_could_have_been_restored(connection: sa.Connection, history: History) -> None:
    expected = [typed("restorable_backups", line) for line in lines("restorable_backups")]
    for at, droplet in sorted({(row["at"], row["droplet"]) for row in expected}):
        of = history.ids["web" if droplet == "shop" else droplet]
        asked = ask(connection, ROWS["restorable_backups"], Question(at, droplet_ids={of}))
        rows = [{"at": at, **row._asdict()} for row in asked]
        assert_equal(rows, (row for row in expected if (row["at"], row["droplet"]) == (at, droplet)))
