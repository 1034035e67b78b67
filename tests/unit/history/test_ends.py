"""Why backups end: each reason, in its order; and when their ends are held back."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from inventory.history.ends import (
    BRAKE_MINIMUM,
    BRAKE_SHARE,
    EXPIRY_SLACK,
    EXPLAINABLE,
    EXPLAINABLE_FOR,
    brake,
)
from inventory.history.looks import STAMP_STEP
from inventory.history.reconcile import reconcile
from inventory.model import Attempt, BackupPolicy, StoredDroplet, StoredPolicy
from tests.unit.attempts import DAILY, LATER, NOON, OFF, WEEKLY, after, backup, failed, missing, proven, seen

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
    assert reason_of_end(after(None, first, last), seen(policy=WEEKLY)) == "expired"
    assert reason_of_end(after(None, first), seen(policy=WEEKLY)) == "unexplained"


def test_policy_read_now_decides_where_none_was_stored() -> None:
    stored = after(None, seen(backup(1, days_old=10), at=NOON, policy=None))
    assert reason_of_end(stored, seen(policy=DAILY)) == "expired"
    assert reason_of_end(stored, seen(policy=WEEKLY)) == "unexplained"
    assert reason_of_end(stored, seen(policy=None)) == "unknown"


@pytest.mark.parametrize(
    ("days_old", "reason"),
    [(7, "expired"), (7 - 1 / 24, "expired"), (6 - 1 / 24, "expired"), (6 - 2 / 24, "unexplained")],
)
def test_retention_that_was_shortened_explains_what_goes_at_once(days_old: float, reason: str) -> None:
    """From 28 days to 7: LATER is an hour after NOON, by which ages are reckoned, and a day is slack."""
    stored = after(None, seen(backup(1, days_old=days_old), at=NOON, policy=WEEKLY))
    assert reason_of_end(stored, seen(policy=DAILY)) == reason


@pytest.mark.parametrize(
    ("before", "now", "days_old", "is_foreseen"),
    [
        (DAILY, DAILY, 8, True),
        (DAILY, WEEKLY, 8, True),
        (DAILY, None, 8, True),
        (DAILY, OFF, 8, True),
        (WEEKLY, DAILY, 8, False),
        (None, DAILY, 8, False),
        (DAILY, DAILY, 2, False),
    ],
)
def test_an_end_is_foreseen_by_what_earlier_runs_read(
    before: BackupPolicy | None,
    now: BackupPolicy | None,
    days_old: float,
    is_foreseen: bool,  # noqa: FBT001 - a table
) -> None:
    stored = after(None, seen(backup(1, days_old=days_old), at=NOON, policy=before))
    (end,) = reconcile(stored, seen(policy=now), {}).ended
    assert end.is_foreseen == is_foreseen


def test_a_conversion_is_never_foreseen() -> None:
    stored = after(None, seen(backup(1, days_old=8), at=NOON))
    (end,) = reconcile(stored, seen(snapshot_ids=frozenset({1})), {}).ended
    assert (end.reason, end.is_foreseen) == ("converted", False)


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


# The age of a backup that was re-dated


@pytest.mark.parametrize(
    ("shown", "reason"),
    [
        # Shown as two days old, and then moved: the latest believable time counts.
        ([-2], "unexplained"),
        ([-2, -365], "unexplained"),
        ([-365, -2], "unexplained"),
        ([-365], "expired"),
        ([-8, -7], "expired"),
        # Of a time after the first sight nothing is believed but an hour, which a wrong clock may explain.
        ([-8, 1 / 24], "unexplained"),
        ([-8, 1 / 24 + 1 / 86_400], "expired"),
        ([3], "unexplained"),
        ([3, -8], "expired"),
        ([3, -2], "unexplained"),
    ],
)
def test_age_is_reckoned_from_the_latest_creation_time_that_is_believable(shown: list[float], reason: str) -> None:
    """Days from the first sight, at NOON."""
    stored = None
    for seconds, days in enumerate(shown):
        stored = after(stored, seen(backup(1, days_old=-days), backup(2), at=NOON + seconds * SECOND))
    assert stored is not None
    assert reason_of_end(stored, seen(backup(2))) == reason


@pytest.mark.parametrize(("days_seen", "reason"), [(6, "expired"), (5, "unexplained")])
def test_age_without_a_believable_creation_time_is_reckoned_from_the_first_sight(days_seen: int, reason: str) -> None:
    stored = after(None, seen(backup(1, days_old=-900), backup(2), at=NOON))
    assert reason_of_end(stored, seen(backup(2), at=NOON + timedelta(days=days_seen))) == reason


def test_the_policy_of_when_it_was_made_is_that_of_the_believable_time() -> None:
    """First dated to before the retention was made longer, it is still one of those that are kept for longer."""
    stored = after(None, *(seen(backup(1, days_old=days), backup(2), at=NOON) for days in (365, 9)))
    stored = with_policies(stored, (NOON - timedelta(days=100), DAILY), (NOON - timedelta(days=20), WEEKLY))
    assert reason_of_end(stored, seen(backup(2), policy=WEEKLY)) == "unexplained"


# What must wait for the brake


def waiting(stored: StoredDroplet, attempt: Attempt) -> list[int]:
    return [end.before.state.id for end in reconcile(stored, attempt, {}).waiting]


def aged(*days_old: float, policy: BackupPolicy | None = DAILY) -> StoredDroplet:
    """A Droplet with backups of these ages, numbered from 1."""
    backups = [backup(number, days_old=days) for number, days in enumerate(days_old, start=1)]
    return after(None, seen(*backups, at=NOON, policy=policy))


def test_foreseen_and_marked_ends_need_not_wait() -> None:
    stored = aged(7, 3, 2, 1)
    marked = replace(stored.backups[2], state=replace(stored.backups[2].state, missing_since=NOON))
    stored = replace(stored, backups={**stored.backups, 2: marked})
    assert waiting(stored, seen(backup(4), backup(5), policy=None)) == [3]


@pytest.mark.parametrize("policy", [DAILY, WEEKLY, OFF, None])
def test_an_end_that_only_the_policy_read_now_explains_must_wait(policy: BackupPolicy | None) -> None:
    stored = aged(9, 8, 3, 2, 1, policy=WEEKLY)
    assert waiting(stored, seen(*(backup(number) for number in (3, 4, 5)), policy=policy)) == [1, 2]


@pytest.mark.parametrize(
    ("live", "left", "appeared", "is_believable"),
    [
        (2, 1, 0, True),
        (3, 1, 0, False),
        (3, 1, 1, True),
        (4, 2, 0, True),
        (5, 2, 0, False),
        (4, 0, 2, True),
        (1, 0, 0, False),
    ],
)
def test_expired_ends_must_wait_where_fewer_than_half_are_left(
    live: int,
    left: int,
    appeared: int,
    is_believable: bool,  # noqa: FBT001 - a table
) -> None:
    stored = aged(*(8 for _ in range(live)))
    kept = [backup(number, days_old=8) for number in range(live - left + 1, live + 1)]
    made = [backup(number) for number in range(101, 101 + appeared)]
    gone = list(range(1, live - left + 1))
    assert waiting(stored, seen(*kept, *made)) == ([] if is_believable else gone)


@pytest.mark.parametrize(
    ("stored", "read", "must_wait"),
    [(DAILY, OFF, False), (OFF, None, False), (DAILY, None, True), (OFF, DAILY, True), (DAILY, DAILY, True)],
)
def test_expired_ends_need_not_wait_where_no_more_backups_are_made(
    stored: BackupPolicy,
    read: BackupPolicy | None,
    must_wait: bool,  # noqa: FBT001 - a table
) -> None:
    """The policy read now says so, else the one stored; its retention was stored before."""
    droplet = with_policies(aged(8, 8, 8), (BEFORE_MADE, DAILY), (AFTER_MADE, stored))
    assert waiting(droplet, seen(policy=read)) == ([1, 2, 3] if must_wait else [])


def test_expired_ends_must_wait_where_no_policy_is_in_force_any_more() -> None:
    """As of a Droplet that was gone and came back; of an unknown policy nobody says that it is off."""
    droplet = with_policies(aged(8, 8, 8), (BEFORE_MADE, DAILY))
    droplet = replace(droplet, policies=(replace(droplet.policies[0], valid_to=NOON),))
    assert waiting(droplet, seen(policy=None)) == [1, 2, 3]


def test_the_end_of_a_droplet_must_wait_with_all_that_it_had() -> None:
    assert waiting(after(aged(8, 2), missing()), missing(at=LATER + SECOND)) == [1, 2]


# A retention that was shortened, and an end before it was read


def test_unexplained_end_expires_by_a_retention_that_the_very_next_look_reads() -> None:
    stored = after(aged(9, 1, policy=WEEKLY), seen(backup(2), policy=WEEKLY))
    assert stored.backups[1].state.gone_reason == "unexplained"
    next_look = seen(backup(2), policy=DAILY, at=LATER + SECOND)
    assert [end.reason for end in reconcile(stored, next_look, {}).explained] == ["expired"]
    proof = proven(policy=DAILY, at=LATER + SECOND)
    assert [end.reason for end in reconcile(stored, proof, {}).explained] == ["expired"]
    failure_between = after(stored, failed(at=LATER + SECOND))
    look = seen(backup(2), policy=DAILY, at=LATER + 2 * SECOND)
    assert [end.reason for end in reconcile(failure_between, look, {}).explained] == ["expired"]


@pytest.mark.parametrize("between", [WEEKLY, None, DAILY])
def test_unexplained_end_does_not_expire_by_what_a_later_look_reads(between: BackupPolicy | None) -> None:
    stored = after(aged(9, 1, policy=WEEKLY), seen(backup(2), policy=WEEKLY))
    retention_unknown = replace(between, retention_days=None) if between else None
    stored = after(stored, seen(backup(2), policy=retention_unknown, at=LATER + SECOND))
    look = seen(backup(2), policy=DAILY, at=LATER + 2 * SECOND)
    assert reconcile(stored, look, {}).explained == ()
    disabled = seen(backup(2), policy=OFF, at=LATER + 2 * SECOND)
    assert [end.reason for end in reconcile(stored, disabled, {}).explained] == ["backups_disabled"]


def test_an_end_is_explained_by_the_policy_of_its_own_last_sight() -> None:
    """Not by one that came into force between its end and the look that explains it."""
    stored = after(aged(9, 1, policy=WEEKLY), seen(backup(2), policy=None))
    stored = after(stored, seen(backup(2), policy=None, at=LATER + 2 * SECOND))
    stored = with_policies(stored, (BEFORE_MADE, WEEKLY), (LATER + SECOND, DAILY))
    look = seen(backup(2), policy=OFF, at=LATER + 3 * SECOND)
    assert [end.reason for end in reconcile(stored, look, {}).explained] == ["backups_disabled"]


def test_unknown_end_expires_by_the_first_policy_that_is_read() -> None:
    stored = after(aged(9, 1, policy=None), seen(backup(2), policy=None))
    stored = after(stored, seen(backup(2), policy=None, at=LATER + SECOND))
    look = seen(backup(2), policy=DAILY, at=LATER + 2 * SECOND)
    assert [end.reason for end in reconcile(stored, look, {}).explained] == ["expired"]
