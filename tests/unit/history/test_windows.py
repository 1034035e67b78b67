"""Windows that only the API announces are kept, each as an interval; those that follow from a policy are not."""

from dataclasses import replace
from datetime import timedelta

import pytest

from inventory.history.changes import Closed, Opened
from inventory.history.reconcile import reconcile
from inventory.history.windows import Announced, announced, follow_from
from inventory.model import BackupPolicy
from tests.unit.attempts import DAILY, DROPLET_ID, LATER, NOON, OFF, WEEKLY, after, droplet, missing, seen

NIGHTLY = replace(DAILY, plan="nightly")
STARTS_AT, ENDS_AT = NOON + timedelta(hours=16), NOON + timedelta(hours=20)
KEY = {"droplet_id": DROPLET_ID}
CLOSED = Closed("droplet_windows", KEY)
OPENED = Opened("droplet_windows", {**KEY, "starts_at": STARTS_AT, "ends_at": ENDS_AT})


@pytest.mark.parametrize(
    ("policy", "is_said"),
    [
        (DAILY, True),
        (WEEKLY, True),
        (replace(DAILY, plan="intra_daily_4h"), True),
        (replace(DAILY, hour=0), True),
        (replace(DAILY, hour=None), False),
        (replace(WEEKLY, weekday=None), False),
        (replace(WEEKLY, weekday="Mittwoch"), False),
        (replace(WEEKLY, plan="fortnightly"), False),
        (replace(DAILY, plan="intra_daily_5h"), False),
        (replace(DAILY, plan="intra_daily_4h", hour=None), False),
        (NIGHTLY, False),
        (replace(DAILY, plan=None), False),
    ],
)
def test_a_policy_says_when_its_windows_open_or_does_not(policy: BackupPolicy, is_said: bool) -> None:  # noqa: FBT001
    assert follow_from(policy) is is_said


def test_a_window_is_kept_where_nothing_else_says_it() -> None:
    state = after(None, seen()).state
    assert announced(state, NIGHTLY) == Announced(NIGHTLY, STARTS_AT, ENDS_AT)
    assert announced(state, DAILY) is None
    assert announced(state, None) is None
    assert announced(state, replace(NIGHTLY, is_enabled=False)) is None
    for changes in ({"next_window_starts_at": None}, {"next_window_ends_at": None}, {"next_window_ends_at": STARTS_AT}):
        assert announced(replace(state, **changes), NIGHTLY) is None


def windows(*attempts: object, then: object) -> tuple[list[Closed], list[Opened]]:
    """Give the windows that close and open with the last attempt."""
    stored = after(None, *attempts) if attempts else None  # type: ignore[arg-type]
    judged = reconcile(stored, then, {})  # type: ignore[arg-type]
    return (
        [each for each in judged.closed if each.table == "droplet_windows"],
        [each for each in judged.opened if each.table == "droplet_windows"],
    )


def test_a_window_opens_once_and_closes_when_another_is_shown() -> None:
    first = seen(at=NOON, policy=NIGHTLY)
    assert windows(then=first) == ([], [OPENED])
    assert windows(first, then=seen(policy=NIGHTLY)) == ([], [])
    assert windows(first, then=seen(policy=None)) == ([], [])
    later = STARTS_AT + timedelta(days=1)
    shown = seen(policy=NIGHTLY, next_window_starts_at=later, next_window_ends_at=later + timedelta(hours=4))
    values = {**KEY, "starts_at": later, "ends_at": later + timedelta(hours=4)}
    assert windows(first, then=shown) == ([CLOSED], [Opened("droplet_windows", values)])


def test_a_window_closes_with_what_announced_it() -> None:
    first = seen(at=NOON, policy=NIGHTLY)
    assert windows(first, then=seen(policy=OFF)) == ([CLOSED], [])
    assert windows(first, then=seen(policy=DAILY)) == ([CLOSED], [])
    assert windows(first, then=seen(policy=NIGHTLY, next_window_starts_at=None)) == ([CLOSED], [])
    # Another policy of that kind says the same moment of another kind of window.
    assert windows(first, then=seen(policy=replace(NIGHTLY, hour=5))) == ([CLOSED], [OPENED])
    assert windows(seen(at=NOON, policy=DAILY), then=seen(policy=NIGHTLY)) == ([], [OPENED])


def test_a_window_closes_with_its_droplet() -> None:
    for policy, closed in ((NIGHTLY, [CLOSED]), (DAILY, [])):
        first = seen(at=NOON, policy=policy)
        gone = missing(at=LATER + timedelta(seconds=1))
        assert windows(first, missing(), then=gone) == (closed, [])


def test_a_window_that_cannot_be_read_stays() -> None:
    unread = droplet(unreadable=("next_backup_window",), next_window_starts_at=None, next_window_ends_at=None)
    state = after(None, seen(at=NOON), replace(seen(), droplet=unread)).state
    assert (state.next_window_starts_at, state.next_window_ends_at) == (STARTS_AT, ENDS_AT)
