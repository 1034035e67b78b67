"""What another process has just looked at is left to it; what this one did is due at its next tick."""

from datetime import UTC, datetime, timedelta

import pytest

from inventory.rounds.due import Ticks, is_due

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


@pytest.mark.parametrize("due", [None, NOON - minutes(300), NOON, NOON + minutes(29), NOON + HOUR + minutes(1)])
def test_it_looks_now_where_the_next_look_would_come_later_than_it_must(due: datetime | None) -> None:
    assert is_due(due, NOON, next_look=NOON + HOUR, longest_gap=HOUR)


@pytest.mark.parametrize("due", [NOON + minutes(30), NOON + HOUR])
def test_it_waits_where_the_account_is_due_nearer_to_its_next_look(due: datetime) -> None:
    assert not is_due(due, NOON, next_look=NOON + HOUR, longest_gap=HOUR)


def test_what_another_process_did_since_the_last_tick_is_left_to_it() -> None:
    ticks = Ticks()
    ticks.begin(NOON + HOUR, HOUR)
    ticks.begin(NOON + 2 * HOUR, HOUR)
    assert not ticks.is_due(NOON + HOUR + minutes(58), NOON + HOUR)


def test_its_own_accounts_are_due_at_its_next_tick_although_the_clock_was_set_back() -> None:
    ticks = Ticks()
    ticks.begin(NOON + HOUR, HOUR)
    ticks.begin(NOON + HOUR, HOUR)
    assert ticks.is_due(NOON + HOUR, NOON)


def test_of_two_that_look_in_turn_a_late_one_does_not_look_too() -> None:
    ticks = Ticks()
    ticks.begin(NOON + HOUR, HOUR)
    ticks.begin(NOON + 2 * HOUR, HOUR)
    assert not ticks.is_due(NOON + HOUR + minutes(30), NOON + HOUR + minutes(5))


def test_after_a_sleep_of_the_machine_the_round_is_meant_for_now() -> None:
    ticks = Ticks()
    ticks.begin(NOON + HOUR, HOUR)
    ticks.begin(NOON + 5 * HOUR, HOUR)
    assert ticks.is_due(NOON + 4 * HOUR + minutes(10), NOON + 4 * HOUR)
