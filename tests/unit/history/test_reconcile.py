"""What an attempt means: a table of what is stored, what is seen, and what is to be written."""

from dataclasses import asdict, replace
from datetime import datetime, timedelta

import pytest

from inventory.history.changes import Changeset, Closed, Opened
from inventory.history.reconcile import reconcile
from inventory.model import Attempt, Backup, DropletState, Failed
from inventory.vocabulary import Outcome
from tests.unit.attempts import (
    DAILY,
    DROPLET_ID,
    LATER,
    NOON,
    OFF,
    after,
    backup,
    failed,
    missing,
    proven,
    seen,
)

SECOND = timedelta(seconds=1)
ONE, TWO = backup(1, days_old=3), backup(2, days_old=2)
BOTH = after(None, seen(ONE, TWO, at=NOON))
UNSELECTED = replace(BOTH, state=replace(BOTH.state, unselected_since=NOON))


def version(each: Backup, *, created_at: datetime | None = None) -> Opened:
    values: dict[str, object] = {"name": each.name, "type": each.type, "size_gigabytes": each.size_gigabytes}
    values |= {"min_disk_size": each.min_disk_size, "created_at": created_at}
    return Opened("backup_versions", {"backup_id": each.id, **values})


def region(each: Backup, name: str = "fra1") -> Opened:
    return Opened("backup_regions", {"backup_id": each.id, "region": name})


def closed_version(number: int, by: str) -> Closed:
    return Closed("backup_versions", {"backup_id": number}, closed_by=by)


def closed_region(number: int, name: str = "fra1") -> Closed:
    return Closed("backup_regions", {"backup_id": number, "region": name})


# First sight


def test_first_look_opens_everything() -> None:
    judged = reconcile(None, seen(TWO, ONE, at=NOON), {})
    assert judged.is_new
    assert judged.is_look
    assert [each.id for each in judged.appeared] == [1, 2]
    assert [(row.id, row.droplet_id, row.first_seen_at, row.gone_at) for row in judged.backups] == [
        (1, DROPLET_ID, NOON, None),
        (2, DROPLET_ID, NOON, None),
    ]
    assert judged.closed == ()
    assert {each.table for each in judged.opened} == {
        "backup_versions",
        "backup_regions",
        "droplet_versions",
        "droplet_tags",
        "backup_policies",
    }
    assert judged.droplet == FIRST_SEEN
    assert (judged.live_before, judged.policy_before) == (0, None)


FIRST_SEEN = DropletState(
    id=DROPLET_ID,
    account_id=1,
    name="web-01",
    region="fra1",
    size_slug="s-1vcpu-1gb",
    price_monthly_usd=6.0,
    status="active",
    created_at=NOON - timedelta(days=90),
    next_window_starts_at=NOON + timedelta(hours=16),
    next_window_ends_at=NOON + timedelta(hours=20),
    unselected_since=None,
    first_seen_at=NOON,
    first_look_at=NOON,
    last_observed_at=NOON,
    last_listed_at=NOON,
    gone_at=None,
    last_attempt_at=NOON,
    last_outcome="complete",
    last_error=None,
    looks="43200",
)


def test_first_attempt_that_fails_knows_the_droplet_but_no_look() -> None:
    attempt = failed(Outcome.FORBIDDEN, at=NOON)
    judged = reconcile(None, attempt, {})
    key = {"droplet_id": DROPLET_ID}
    versioned = ("name", "region", "size_slug", "price_monthly_usd", "status", "account_id", "unselected_since")
    assert judged == Changeset(
        attempt,
        NOON,
        Outcome.FORBIDDEN,
        "it was forbidden",
        droplet=replace(
            FIRST_SEEN,
            first_look_at=None,
            last_observed_at=None,
            last_listed_at=None,
            last_outcome="forbidden",
            last_error="it was forbidden",
            looks=None,
        ),
        is_new=True,
        opened=(
            Opened("droplet_versions", {**key, **{name: getattr(FIRST_SEEN, name) for name in versioned}}),
            Opened("droplet_tags", {**key, "tag": "web"}),
            Opened("backup_policies", {**key, **asdict(DAILY)}),
        ),
    )
    assert not judged.is_look


def test_id_that_nothing_is_known_of_is_not_stored() -> None:
    attempt = missing()
    judged = reconcile(None, attempt, {})
    assert judged == Changeset(attempt, LATER, Outcome.NOT_FOUND, "it was not_found", droplet=None)
    assert not judged.is_change


def test_proof_means_nothing_where_all_that_is_stored_was_forgotten_meanwhile() -> None:
    judged = reconcile(None, proven(), {})
    assert (judged.is_new, judged.outcome, judged.day) == (True, "incomplete", None)
    assert judged.error == "what was stored of it was forgotten while the sync ran"
    assert judged.droplet is not None
    assert (judged.droplet.last_observed_at, judged.droplet.last_error) == (None, judged.error)


# What is listed


def test_appeared() -> None:
    three = backup(3, regions=("ams3", "fra1"))
    judged = reconcile(BOTH, seen(ONE, TWO, three), {})
    assert judged.appeared == (three,)
    assert judged.opened == (version(three), region(three, "ams3"), region(three, "fra1"))
    assert [row.id for row in judged.backups] == [3]
    assert judged.closed == ()


@pytest.mark.parametrize(
    "change", [{"name": "other"}, {"type": "snapshot"}, {"size_gigabytes": 2.6}, {"min_disk_size": 50}]
)
def test_changed_attribute_closes_a_version_and_opens_the_next(change: dict[str, object]) -> None:
    changed = replace(ONE, **change)  # type: ignore[arg-type]
    judged = reconcile(BOTH, seen(changed, TWO), {})
    assert [each.after for each in judged.changed] == [changed]
    assert judged.closed == (closed_version(1, "change"),)
    assert judged.opened == (version(changed),)
    (row,) = judged.backups
    assert asdict(row) == asdict(BOTH.backups[1].state) | change | {"changed_at": judged.stamp}


def test_changed_regions_leave_the_version_alone() -> None:
    moved = replace(ONE, regions=("ams3", "nyc3"))
    judged = reconcile(after(None, seen(replace(ONE, regions=("ams3", "fra1")), at=NOON)), seen(moved), {})
    assert [each.after for each in judged.changed] == [moved]
    assert judged.closed == (closed_region(1, "fra1"),)
    assert judged.opened == (region(moved, "nyc3"),)


# Re-dated


def test_the_creation_time_first_shown_stays_and_a_later_one_is_a_version() -> None:
    moved = replace(ONE, created_at=ONE.created_at - timedelta(days=365))
    judged = reconcile(BOTH, seen(moved, TWO), {})
    assert [each.after for each in judged.changed] == [moved]
    (row,) = judged.backups
    assert (row.created_at, row.latest_created_at) == (ONE.created_at, moved.created_at)
    assert judged.closed == (closed_version(1, "change"),)
    assert judged.opened == (version(moved, created_at=moved.created_at),)
    assert judged.day is None


def test_re_dated_backup_is_changed_once_and_again_when_it_is_dated_back() -> None:
    moved = replace(ONE, created_at=ONE.created_at - timedelta(days=365))
    stored = after(BOTH, seen(moved, TWO))
    again = reconcile(stored, seen(moved, TWO, at=LATER + SECOND), {})
    assert (again.changed, again.is_change) == ((), False)
    back = reconcile(stored, seen(ONE, TWO, at=LATER + SECOND), {})
    assert back.opened == (version(ONE),)
    assert [(row.created_at, row.latest_created_at) for row in back.backups] == [(ONE.created_at, moved.created_at)]


def test_the_figures_of_a_day_keep_the_creation_times_first_shown() -> None:
    moved = replace(ONE, created_at=NOON, size_gigabytes=9.0)
    judged = reconcile(BOTH, seen(moved, TWO), {})
    assert judged.day is not None
    assert (judged.day.oldest_backup_at, judged.day.newest_backup_at) == (ONE.created_at, TWO.created_at)


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("shown", "latest"),
    [
        ([-5 * HOUR], -5 * HOUR),
        ([-5 * HOUR, -9 * HOUR], -5 * HOUR),
        ([-9 * HOUR, -5 * HOUR], -5 * HOUR),
        ([HOUR], HOUR),
        ([HOUR + SECOND], None),
        ([-5 * HOUR, HOUR + SECOND], -5 * HOUR),
        ([-5 * HOUR, timedelta(days=-3)], -5 * HOUR),
        ([timedelta(days=-3)], None),
    ],
)
def test_the_latest_creation_time_is_the_latest_believable_one(
    shown: list[timedelta], latest: timedelta | None
) -> None:
    """Times from the first sight, at NOON; the backup was first shown as three days old."""
    stored = BOTH
    for seconds, moved in enumerate(shown):
        attempt = seen(replace(ONE, created_at=NOON + moved), TWO, at=LATER + seconds * SECOND)
        stored = after(stored, attempt)
    expected = None if latest is None else NOON + latest
    assert stored.backups[1].state.latest_created_at == expected


def test_re_dated_backup_that_returns_keeps_its_first_creation_time() -> None:
    moved = replace(ONE, created_at=ONE.created_at + HOUR)
    judged = reconcile(after(BOTH, seen(TWO)), seen(moved, TWO, at=LATER + SECOND), {})
    (row,) = judged.backups
    assert (row.created_at, row.latest_created_at) == (ONE.created_at, moved.created_at)
    assert judged.opened == (version(moved, created_at=moved.created_at), region(moved))


def test_returned_opens_a_new_version_and_leaves_the_earlier_end() -> None:
    bigger = replace(ONE, size_gigabytes=9.0)
    gone = after(BOTH, seen(TWO))
    judged = reconcile(gone, seen(bigger, TWO, at=LATER + SECOND), {})
    assert [each.after for each in judged.returned] == [bigger]
    assert (judged.appeared, judged.changed, judged.closed) == ((), (), ())
    assert judged.opened == (version(bigger), region(bigger))
    (row,) = judged.backups
    assert (row.gone_after_at, row.gone_at, row.gone_reason, row.first_seen_at) == (None, None, None, NOON)


def test_end_that_was_explained_leaves_no_trace_on_what_returned() -> None:
    explained = after(BOTH, seen(TWO, policy=None), seen(TWO, policy=OFF, at=LATER + SECOND))
    assert explained.backups[1].state.gone_reason_replaced_at == LATER + SECOND
    (row,) = reconcile(explained, seen(ONE, TWO, at=LATER + 2 * SECOND), {}).backups
    assert row.gone_reason_replaced_at is None


# Ended


def test_ended() -> None:
    judged = reconcile(BOTH, seen(TWO), {})
    assert judged.closed == (closed_version(1, "unexplained"), closed_region(1))
    assert judged.opened == ()
    (row,) = judged.backups
    assert (row.id, row.gone_after_at, row.gone_at, row.gone_reason) == (1, NOON, LATER, "unexplained")


def test_empty_complete_listing_ends_all() -> None:
    judged = reconcile(BOTH, seen(), {})
    assert [end.before.state.id for end in judged.ended] == [1, 2]
    assert judged.live_before == 2


def test_end_comes_after_the_last_look_that_saw_the_backup_not_the_first() -> None:
    stored = after(BOTH, seen(ONE, TWO, at=LATER), failed(at=LATER + SECOND))
    (row,) = reconcile(stored, seen(TWO, at=LATER + 2 * SECOND), {}).backups
    assert (row.gone_after_at, row.gone_at) == (LATER, LATER + 2 * SECOND)


def test_backup_first_shown_by_an_incomplete_listing_was_last_seen_then() -> None:
    three = backup(3)
    stored = after(BOTH, seen(three, at=LATER, problem="short"))
    judged = reconcile(stored, seen(ONE, TWO, at=LATER + SECOND), {})
    (row,) = judged.backups
    assert (row.gone_after_at, row.gone_at) == (LATER, LATER + SECOND)


# Incomplete


def test_incomplete_listing_adds_and_updates_but_never_ends() -> None:
    bigger, three = replace(ONE, size_gigabytes=9.0), backup(3)
    judged = reconcile(BOTH, seen(bigger, three, problem="DigitalOcean announced 3 backups and sent 2"), {})
    assert judged.outcome == "incomplete"
    assert ([each.id for each in judged.appeared], [each.after.id for each in judged.changed]) == ([3], [1])
    assert judged.ended == ()
    assert not judged.is_look
    assert judged.day is None
    assert judged.droplet is not None
    assert (judged.droplet.last_observed_at, judged.droplet.last_listed_at) == (NOON, NOON)
    assert (judged.droplet.last_attempt_at, judged.droplet.last_outcome) == (LATER, "incomplete")
    assert judged.droplet.last_error == judged.error == "DigitalOcean announced 3 backups and sent 2"
    assert (judged.live_before, judged.policy_before) == (2, DAILY)


def test_incomplete_listing_shows_what_had_ended() -> None:
    judged = reconcile(after(BOTH, seen(TWO)), seen(ONE, at=LATER + SECOND, problem="short"), {})
    assert [each.after.id for each in judged.returned] == [1]


def test_foreign_backup_makes_a_listing_incomplete_and_stays_where_it_is() -> None:
    three = backup(3)
    judged = reconcile(BOTH, seen(ONE, three), {3: 999})
    assert judged.outcome == "incomplete"
    assert judged.error == "backup 3 is stored as one of Droplet 999"
    assert (judged.appeared, judged.ended, judged.backups) == ((), (), ())


def test_own_backups_are_not_foreign() -> None:
    assert reconcile(BOTH, seen(ONE, TWO), {1: DROPLET_ID, 2: DROPLET_ID}).outcome == "complete"


@pytest.mark.parametrize("outcome", ["unavailable", "timed_out", "rate_limited", "forbidden", "malformed"])
def test_failure_changes_nothing_but_says_so(outcome: str) -> None:
    attempt = failed(outcome)
    judged = reconcile(BOTH, attempt, {})
    error = f"it was {outcome}"
    state = replace(BOTH.state, last_attempt_at=LATER, last_outcome=outcome, last_error=error)
    assert judged == Changeset(attempt, LATER, Outcome(outcome), error, droplet=state)
    assert not judged.is_change
    assert not judged.is_look


@pytest.mark.parametrize("attempt", [failed(), missing()])
def test_failure_selects_its_droplet_again(attempt: Failed) -> None:
    judged = reconcile(UNSELECTED, attempt, {})
    (opened,) = judged.opened
    assert judged.closed == (Closed("droplet_versions", {"droplet_id": DROPLET_ID}),)
    assert (opened.table, opened.values["unselected_since"]) == ("droplet_versions", None)
    assert judged.droplet is not None
    assert judged.droplet.unselected_since is None


def test_failure_opens_nothing_of_a_droplet_that_is_gone() -> None:
    gone = after(BOTH, missing(), missing(at=LATER + SECOND))
    unselected = replace(gone, state=replace(gone.state, unselected_since=LATER + SECOND))
    for attempt in (failed(at=LATER + 2 * SECOND), missing(at=LATER + 2 * SECOND)):
        judged = reconcile(unselected, attempt, {})
        assert (judged.closed, judged.opened) == ((), ())


# The same attempt again


@pytest.mark.parametrize(
    "attempt",
    [
        seen(ONE, TWO, at=NOON),
        seen(at=NOON),
        seen(ONE, at=NOON, problem="short"),
        seen(ONE, at=NOON, policy=None, tags=None, backup_ids=None),
        seen(ONE, at=NOON, policy=OFF, price_monthly_usd=None),
        failed(at=NOON),
    ],
)
def test_the_same_attempt_again_is_no_change(attempt: Attempt) -> None:
    stored = after(BOTH, attempt)
    again = reconcile(stored, replace(attempt, attempted_at=LATER), {})
    assert not again.is_change
    assert again.day is None
    assert again.droplet is not None
    moved = {"last_attempt_at", "last_observed_at", "last_listed_at", "looks"}
    before, now = asdict(stored.state), asdict(again.droplet)
    assert {name for name in now if now[name] != before[name]} <= moved


# Stamps


@pytest.mark.parametrize(
    ("at", "stamp"),
    [
        (NOON + timedelta(seconds=5), NOON + timedelta(seconds=5)),
        (NOON + timedelta(seconds=5, microseconds=999_999), NOON + timedelta(seconds=5)),
        (NOON, NOON + SECOND),
        (NOON + timedelta(microseconds=999_999), NOON + SECOND),
        (NOON - timedelta(minutes=50), NOON + SECOND),
    ],
)
def test_stamp_is_later_than_any_its_droplet_has(at: datetime, stamp: datetime) -> None:
    assert reconcile(BOTH, seen(ONE, at=at), {}).stamp == stamp


def test_stamp_is_later_than_that_of_a_failure() -> None:
    stored = after(BOTH, failed(at=LATER))
    assert reconcile(stored, seen(ONE, at=NOON), {}).stamp == LATER + SECOND
