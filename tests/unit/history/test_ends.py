"""Why backups end: each reason, in its order; and when their ends are held back."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from inventory.history.changes import End
from inventory.history.ends import (
    BRAKE_MINIMUM,
    BRAKE_SHARE,
    EXPIRY_SLACK,
    EXPLAINABLE,
    EXPLAINABLE_FOR,
    brake,
    must_wait,
)
from inventory.history.reconcile import STAMP_STEP, reconcile
from inventory.model import Attempt, BackupPolicy, StoredDroplet, StoredPolicy
from inventory.vocabulary import GoneReason
from tests.unit.attempts import DAILY, LATER, NOON, OFF, WEEKLY, after, backup, missing, seen

SECOND = timedelta(seconds=1)


def reason_of_end(stored: StoredDroplet, attempt: Attempt, number: int = 1) -> str:
    (reason,) = [end.reason for end in reconcile(stored, attempt, {}).ended if end.before.state.id == number]
    return reason


def with_policies(stored: StoredDroplet, *policies: tuple[datetime, BackupPolicy]) -> StoredDroplet:
    """Give the same Droplet with this history of policies, the last one in force."""
    ends = [*(begun for begun, _ in policies[1:]), None]
    history = [StoredPolicy(policy, begun, end) for (begun, policy), end in zip(policies, ends, strict=True)]
    return replace(stored, policies=tuple(history))


@pytest.mark.parametrize(
    ("attempt", "reason"),
    [
        (seen(policy=DAILY), "unexplained"),
        (seen(policy=None), "unknown"),
        (seen(policy=OFF), "backups_disabled"),
        (seen(policy=OFF, snapshot_ids=frozenset({1})), "converted"),
        (seen(policy=None, snapshot_ids=frozenset({1})), "converted"),
        (seen(policy=DAILY, snapshot_ids=None), "unexplained"),
        (seen(policy=DAILY, snapshot_ids=frozenset({2})), "unexplained"),
    ],
)
def test_young_backup_ends_for_the_first_reason_that_holds(attempt: Attempt, reason: str) -> None:
    assert reason_of_end(after(None, seen(backup(1, days_old=2), at=NOON)), attempt) == reason


@pytest.mark.parametrize(
    ("attempt", "reason"),
    [
        (seen(policy=DAILY), "expired"),
        (seen(policy=None), "expired"),
        (seen(policy=OFF), "expired"),
        (seen(policy=OFF, snapshot_ids=frozenset({1})), "converted"),
    ],
)
def test_old_backup_expires_unless_it_was_converted(attempt: Attempt, reason: str) -> None:
    assert reason_of_end(after(None, seen(backup(1, days_old=7), at=NOON)), attempt) == reason


@pytest.mark.parametrize("snapshot_ids", [frozenset(), frozenset({1})])
def test_everything_ends_with_the_droplet_for_that_reason(snapshot_ids: frozenset[int]) -> None:
    stored = after(None, seen(backup(1, days_old=30), backup(2), at=NOON, snapshot_ids=snapshot_ids), missing())
    judged = reconcile(stored, missing(at=LATER + SECOND), {})
    assert [end.reason for end in judged.ended] == ["droplet_destroyed", "droplet_destroyed"]


@pytest.mark.parametrize(("short_by", "reason"), [(timedelta(0), "expired"), (SECOND, "unexplained")])
def test_a_day_of_slack_before_retention_counts_as_expired(short_by: timedelta, reason: str) -> None:
    made_at = LATER - timedelta(days=7) + EXPIRY_SLACK + short_by
    stored = after(None, seen(backup(1, created_at=made_at), at=NOON))
    assert reason_of_end(stored, seen()) == reason


def test_constants_are_those_that_the_documents_name() -> None:
    assert timedelta(hours=24) == EXPIRY_SLACK
    assert timedelta(hours=48) == EXPLAINABLE_FOR
    assert {"unknown", "unexplained"} == EXPLAINABLE
    assert (BRAKE_MINIMUM, BRAKE_SHARE) == (10, 0.5)
    assert timedelta(seconds=1) == STAMP_STEP


BEFORE_MADE = NOON - timedelta(days=60)
AFTER_MADE = NOON - timedelta(days=5)
AFTER_SEEN = NOON + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("policies", "reason"),
    [
        # The backup is ten days old: past seven days of retention, short of twenty-eight.
        ([(BEFORE_MADE, DAILY), (AFTER_MADE, WEEKLY)], "expired"),
        ([(BEFORE_MADE, WEEKLY), (AFTER_MADE, DAILY)], "expired"),
        ([(BEFORE_MADE, DAILY)], "expired"),
        ([(BEFORE_MADE, WEEKLY)], "unexplained"),
        ([(BEFORE_MADE, WEEKLY), (AFTER_SEEN, DAILY)], "unexplained"),
        # Before the first policy was read, it is the best guess there is.
        ([(AFTER_MADE, DAILY)], "expired"),
        ([(AFTER_MADE, WEEKLY)], "unexplained"),
        # A policy without a retention says nothing about expiry.
        ([(BEFORE_MADE, DAILY), (AFTER_MADE, OFF)], "expired"),
        ([(BEFORE_MADE, replace(DAILY, retention_days=None))], "unexplained"),
    ],
)
def test_the_smaller_retention_of_making_and_last_sight_counts(
    policies: Sequence[tuple[datetime, BackupPolicy]], reason: str
) -> None:
    stored = with_policies(after(None, seen(backup(1, days_old=10), at=NOON)), *policies)
    assert reason_of_end(stored, seen(policy=replace(DAILY, retention_days=None))) == reason


def test_last_sight_is_the_last_look_and_not_the_first() -> None:
    """Seen under 28 days of retention, then under 7; gone at nine days, when only the second has passed."""
    first = seen(backup(1, days_old=9), at=NOON - timedelta(days=2), policy=WEEKLY)
    last = seen(backup(1, days_old=9), at=NOON, policy=DAILY)
    assert reason_of_end(after(None, first, last), seen(policy=DAILY)) == "expired"
    assert reason_of_end(after(None, first), seen(policy=DAILY)) == "unexplained"


def test_policy_read_now_decides_where_none_was_stored() -> None:
    stored = after(None, seen(backup(1, days_old=10), at=NOON, policy=None))
    assert reason_of_end(stored, seen(policy=DAILY)) == "expired"
    assert reason_of_end(stored, seen(policy=WEEKLY)) == "unexplained"
    assert reason_of_end(stored, seen(policy=None)) == "unknown"


def ended(attempt: Attempt, *, days_old: float = 2) -> StoredDroplet:
    """A Droplet whose only backup the attempt no longer found."""
    return after(None, seen(backup(1, days_old=days_old), at=NOON, policy=attempt.policy), attempt)


@pytest.mark.parametrize(
    ("before", "attempt", "reason"),
    [
        (seen(policy=None), seen(policy=OFF, at=LATER + SECOND), "backups_disabled"),
        (seen(policy=None), seen(policy=DAILY, at=LATER + SECOND), "unexplained"),
        (seen(policy=DAILY), seen(policy=OFF, at=LATER + SECOND), "backups_disabled"),
        (seen(policy=DAILY), seen(policy=DAILY, snapshot_ids=frozenset({1}), at=LATER + SECOND), "converted"),
        (seen(policy=None), seen(policy=OFF, at=LATER + EXPLAINABLE_FOR), "backups_disabled"),
    ],
)
def test_open_question_is_answered_by_a_later_look(before: Attempt, attempt: Attempt, reason: str) -> None:
    judged = reconcile(ended(before), attempt, {})
    assert [(end.before.state.id, end.reason) for end in judged.explained] == [(1, reason)]
    (row,) = judged.backups
    assert (row.gone_reason, row.gone_at, row.gone_reason_replaced_at) == (reason, LATER, judged.stamp)


@pytest.mark.parametrize(
    ("before", "attempt"),
    [
        (seen(policy=DAILY), seen(policy=DAILY, at=LATER + SECOND)),
        (seen(policy=DAILY), seen(policy=None, at=LATER + SECOND)),
        (seen(policy=None), seen(policy=None, at=LATER + SECOND)),
        (seen(policy=OFF), seen(policy=DAILY, at=LATER + SECOND)),
        (seen(snapshot_ids=frozenset({1})), seen(policy=OFF, at=LATER + SECOND)),
        (seen(policy=None), seen(policy=OFF, at=LATER + EXPLAINABLE_FOR + SECOND)),
        (seen(policy=None), seen(policy=OFF, at=LATER + SECOND, problem="short")),
    ],
)
def test_nothing_new_late_or_incomplete_explains_nothing(before: Attempt, attempt: Attempt) -> None:
    judged = reconcile(ended(before), attempt, {})
    assert judged.explained == ()
    assert judged.backups == ()


def test_expired_is_never_replaced() -> None:
    stored = ended(seen(policy=DAILY), days_old=8)
    assert stored.backups[1].state.gone_reason == "expired"
    assert reconcile(stored, seen(policy=OFF, at=LATER + SECOND), {}).explained == ()


def test_explained_end_is_found_among_others() -> None:
    first = seen(backup(1, days_old=8), backup(2), backup(3), at=NOON, policy=None)
    stored = after(None, first, seen(backup(3), policy=None))
    assert stored.backups[1].state.gone_reason == stored.backups[2].state.gone_reason == "unknown"
    replaced = replace(stored.backups[1].state, gone_reason="expired")
    backups = {**stored.backups, 1: replace(stored.backups[1], state=replaced)}
    judged = reconcile(replace(stored, backups=backups), seen(backup(3), policy=OFF, at=LATER + SECOND), {})
    assert [(end.before.state.id, end.reason) for end in judged.explained] == [(2, "backups_disabled")]


def test_end_is_explained_once() -> None:
    stored = after(ended(seen(policy=None)), seen(policy=DAILY, at=LATER + SECOND))
    assert stored.backups[1].state.gone_reason == "unexplained"
    assert reconcile(stored, seen(policy=OFF, at=LATER + 2 * SECOND), {}).explained == ()


def test_end_of_the_droplet_explains_what_went_shortly_before() -> None:
    stored = after(ended(seen(policy=DAILY)), missing(at=LATER + SECOND))
    judged = reconcile(stored, missing(at=LATER + 2 * SECOND), {})
    assert [end.reason for end in judged.explained] == ["droplet_destroyed"]


def test_backup_that_returned_has_no_end_to_explain() -> None:
    judged = reconcile(ended(seen(policy=None)), seen(backup(1, days_old=2), policy=OFF, at=LATER + SECOND), {})
    assert judged.explained == ()
    assert [change.after.id for change in judged.returned] == [1]


@pytest.mark.parametrize(
    ("waiting", "live", "is_held"),
    [(9, 9, False), (10, 20, False), (10, 19, True), (10, 10, True), (500, 1000, False), (501, 1000, True)],
)
def test_brake_holds_ten_or_more_that_are_more_than_half(waiting: int, live: int, is_held: bool) -> None:  # noqa: FBT001 - a table
    assert (brake(waiting, live) is not None) == is_held


def test_brake_says_how_many_and_what_comes_next() -> None:
    assert brake(12, 18) == (
        "12 of 18 backups are missing at once; not recorded as gone until another sync confirms it"
    )


def test_expired_and_marked_ends_need_not_wait() -> None:
    stored = after(None, seen(backup(1), backup(2), backup(3), at=NOON))
    one, two, three = (stored.backups[number] for number in (1, 2, 3))
    marked = replace(two, state=replace(two.state, missing_since=NOON))
    ends = [End(one, GoneReason.EXPIRED), End(marked, GoneReason.UNKNOWN), End(three, GoneReason.UNEXPLAINED)]
    assert [end.before.state.id for end in must_wait(ends)] == [3]
