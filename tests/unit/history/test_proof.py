"""What it means that a Droplet is proven unchanged: a look at it, without a word about its backups."""

from dataclasses import replace
from datetime import timedelta

import pytest

from inventory.history.changes import Changeset, Closed, End, Opened
from inventory.history.reconcile import reconcile
from inventory.model import Attempt, BackupPolicy
from inventory.vocabulary import GoneReason, Outcome
from tests.unit.attempts import DAILY, DROPLET_ID, LATER, NOON, OFF, WEEKLY, after, backup, proven, seen

SECOND = timedelta(seconds=1)
ONE, TWO = backup(1, days_old=3), backup(2, days_old=2)
BOTH = after(None, seen(ONE, TWO, at=NOON))
# Where the look proved them unchanged, the backups are not even read.
UNREAD = replace(BOTH, backups={})


def test_proof_moves_the_time_of_the_look_and_nothing_more() -> None:
    attempt = proven()
    judged = reconcile(UNREAD, attempt, {})
    assert judged == Changeset(
        attempt,
        LATER,
        Outcome.COMPLETE,
        None,
        droplet=replace(BOTH.state, last_observed_at=LATER, last_attempt_at=LATER, looks="43200,46800"),
        live_before=2,
        policy_before=DAILY,
    )
    assert judged.is_look
    assert not judged.is_change
    assert not judged.is_telling


def test_first_proof_of_a_day_carries_its_figures_on() -> None:
    assert BOTH.last_day is not None
    tomorrow = NOON + timedelta(days=1)
    judged = reconcile(UNREAD, proven(at=tomorrow), {})
    assert judged.day == replace(BOTH.last_day, day=tomorrow.date(), first_look_at=tomorrow)
    again = reconcile(replace(UNREAD, last_day=judged.day), proven(at=tomorrow + SECOND), {})
    assert again.day is None


def test_proof_without_figures_of_a_day_makes_none() -> None:
    judged = reconcile(replace(UNREAD, last_day=None), proven(at=NOON + timedelta(days=1)), {})
    assert (judged.day, judged.live_before) == (None, 0)


def test_proof_takes_over_what_the_droplet_says_of_itself() -> None:
    shown = proven(name="web-02", tags=frozenset({"prod"}), policy=WEEKLY)
    judged = reconcile(UNREAD, shown, {})
    assert judged.droplet is not None
    assert (judged.droplet.name, judged.droplet.last_error, judged.droplet.gone_at) == ("web-02", None, None)
    key = {"droplet_id": DROPLET_ID}
    assert judged.closed == (
        Closed("droplet_versions", key),
        Closed("droplet_tags", {**key, "tag": "web"}),
        Closed("backup_policies", key),
    )
    assert [opened.table for opened in judged.opened] == ["droplet_versions", "droplet_tags", "backup_policies"]
    assert judged.opened[1] == Opened("droplet_tags", {**key, "tag": "prod"})
    assert judged.policy_before == DAILY


def test_proof_moves_a_droplet_to_the_account_that_sees_it() -> None:
    elsewhere = replace(UNREAD, state=replace(UNREAD.state, unselected_since=NOON))
    judged = reconcile(elsewhere, replace(proven(), account_id=2), {})
    assert judged.droplet is not None
    assert (judged.droplet.account_id, judged.droplet.unselected_since) == (2, None)


@pytest.mark.parametrize(
    ("before", "policy", "snapshot_ids", "reason"),
    [
        (seen(policy=None), OFF, frozenset(), GoneReason.BACKUPS_DISABLED),
        (seen(policy=DAILY), DAILY, frozenset({1}), GoneReason.CONVERTED),
        (seen(policy=DAILY), DAILY, frozenset(), None),
    ],
)
def test_proof_explains_a_recent_end(
    before: Attempt, policy: BackupPolicy, snapshot_ids: frozenset[int], reason: GoneReason | None
) -> None:
    stored = after(None, seen(ONE, at=NOON, policy=before.policy), before)
    judged = reconcile(stored, proven(policy=policy, snapshot_ids=snapshot_ids, at=LATER + SECOND), {})
    gone = stored.backups[1]
    assert judged.explained == ((End(gone, reason),) if reason else ())
    row = replace(gone.state, gone_reason=reason, gone_reason_replaced_at=judged.stamp)
    assert judged.backups == ((row,) if reason else ())
    assert (judged.ended, judged.held) == ((), frozenset())
