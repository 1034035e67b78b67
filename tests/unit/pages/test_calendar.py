"""What a day of the calendar says, from rows of the views."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from inventory.pages.calendar import Past, State, cells, days_until, months
from inventory.store.droplet_records import PolicyRecord
from inventory.views.rows import BackupLifetime, DueWindow, EmptyWindow, KnownDroplet

DAY = date(2026, 3, 10)
NEXT = DAY + timedelta(days=1)


def at(hour: int, day: date = DAY) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hour)


def droplet(**what: Any) -> KnownDroplet:  # noqa: ANN401 - any column
    usual: dict[str, Any] = {"droplet_id": 1, "created_at": at(0) - timedelta(days=30), "first_seen_at": at(0)}
    return KnownDroplet(**dict.fromkeys(KnownDroplet._fields) | usual | what)  # type: ignore[arg-type]


def window(hour: int, day: date = DAY) -> DueWindow:
    times = {"window_starts_at": at(hour, day), "window_ends_at": at(hour + 4, day)}
    usual: dict[str, Any] = {"day": day, "awaited_until_at": at(hour + 16, day), **times}
    return DueWindow(**dict.fromkeys(DueWindow._fields) | usual)  # type: ignore[arg-type]


def empty(hour: int, verdict: str) -> EmptyWindow:
    usual: dict[str, Any] = {"window_starts_at": at(hour), "window_ends_at": at(hour + 4), "verdict": verdict}
    return EmptyWindow(**dict.fromkeys(EmptyWindow._fields) | usual)  # type: ignore[arg-type]


def backup(hour: int) -> BackupLifetime:
    usual: dict[str, Any] = {"created_at": at(hour), "size_gigabytes": 3.25}
    return BackupLifetime(**dict.fromkeys(BackupLifetime._fields) | usual)  # type: ignore[arg-type]


def policy(*, is_enabled: bool, valid_from: datetime, valid_to: datetime | None = None) -> PolicyRecord:
    return PolicyRecord(valid_from, valid_to, is_enabled, None, None, None, None, None)


@pytest.mark.parametrize(
    ("past", "state", "words"),
    [
        (Past(droplet(), [window(4)], backups=[backup(5)]), State.MADE, "10 Mar: made 05:00Z, 3.2 GB"),
        (Past(droplet(), [window(4)], [empty(4, "missed")]), State.MISSED, "10 Mar: missed: 04:00-08:00Z"),
        (Past(droplet(), [window(4)], [empty(4, "not looked")]), State.NOT_LOOKED, "10 Mar: not looked: 04:00-08:00Z"),
        (
            Past(droplet(), [window(0), window(12)], [empty(12, "missed")], [backup(1)]),
            State.MISSED,
            "10 Mar: made 01:00Z, 3.2 GB; missed: 12:00-16:00Z",
        ),
        (Past(droplet(), backups=[backup(5)]), State.MADE, "10 Mar: made 05:00Z, 3.2 GB"),
        (Past(droplet()), State.NONE_DUE, "10 Mar: none due"),
        (Past(droplet(created_at=at(1, NEXT))), State.BEFORE, "10 Mar: before it existed"),
        (Past(droplet(created_at=None, first_seen_at=at(1, NEXT))), State.BEFORE, "10 Mar: before it existed"),
        (Past(droplet(gone_at=at(-1))), State.GONE, "10 Mar: gone"),
        (Past(droplet(gone_at=at(1))), State.NONE_DUE, "10 Mar: none due"),
        (Past(droplet(unselected_since=at(-1))), State.GONE, "10 Mar: gone"),
        (
            Past(droplet(), policies=[policy(is_enabled=False, valid_from=at(-30))]),
            State.OFF,
            "10 Mar: backups off",
        ),
        (
            Past(droplet(), policies=[policy(is_enabled=False, valid_from=at(-30), valid_to=at(0))]),
            State.NONE_DUE,
            "10 Mar: none due",
        ),
        (Past(droplet(), policies=[policy(is_enabled=True, valid_from=at(-30))]), State.NONE_DUE, "10 Mar: none due"),
    ],
)
def test_a_day_says_what_happened(past: Past, state: State, words: str) -> None:
    (cell,) = cells(past, [DAY])
    assert (cell.state, cell.words) == (state, words)


def test_a_backup_stands_on_the_day_of_the_window_it_was_made_for() -> None:
    past = Past(droplet(), [window(22)], backups=[backup(25), backup(45)])
    first, second = cells(past, [DAY, NEXT])
    assert [each.created_at for each in first.backups] == [at(25)]
    assert [each.created_at for each in second.backups] == [at(45)]


def test_the_days_are_ninety_and_end_with_the_moment() -> None:
    days = days_until(at(5))
    assert (len(days), days[0], days[-1]) == (90, DAY - timedelta(days=89), DAY)
    assert [(each.name, each.days) for each in months(at(5))] == [("Dec", 21), ("Jan", 31), ("Feb", 28), ("Mar", 10)]
