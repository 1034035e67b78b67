"""What an attempt means for the Droplet: found, changed, gone; its days; and what the brake holds back."""

from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta

import pytest

from inventory.history.changes import Changeset, Closed, End, Opened
from inventory.history.reconcile import reconcile
from inventory.model import Attempt, DropletDay, StoredDroplet
from inventory.vocabulary import GoneReason, Outcome
from tests.unit.attempts import (
    DAILY,
    DROPLET_ID,
    LATER,
    NOON,
    OFF,
    WEEKLY,
    after,
    backup,
    droplet,
    failed,
    missing,
    seen,
)

SECOND = timedelta(seconds=1)
ONE, TWO = backup(1, days_old=3), backup(2, days_old=2)
BOTH = after(None, seen(ONE, TWO, at=NOON))

# Not found


NOT_FOUND = replace(BOTH.state, last_attempt_at=LATER, last_outcome="not_found", last_error="it was not_found")


def test_first_404_changes_nothing() -> None:
    attempt = missing()
    judged = reconcile(BOTH, attempt, {})
    assert judged == Changeset(attempt, LATER, Outcome.NOT_FOUND, "it was not_found", droplet=NOT_FOUND, live_before=2)
    assert (judged.is_change, judged.is_look) == (False, False)


def test_second_404_ends_the_droplet() -> None:
    stored = after(BOTH, missing())
    attempt = missing(at=LATER + SECOND)
    judged = reconcile(stored, attempt, {})
    stamp, reason, key = LATER + SECOND, GoneReason.DROPLET_DESTROYED, {"droplet_id": DROPLET_ID}
    ended = tuple(End(stored.backups[number], reason) for number in (1, 2))
    assert judged == Changeset(
        attempt,
        stamp,
        Outcome.COMPLETE,
        None,
        droplet=replace(
            NOT_FOUND,
            last_attempt_at=stamp,
            last_observed_at=stamp,
            gone_at=stamp,
            last_error=None,
            looks="43200,46801",
        ),
        is_gone=True,
        ended=ended,
        waiting=ended,
        backups=tuple(
            replace(end.before.state, gone_after_at=NOON, gone_at=stamp, gone_reason=reason) for end in ended
        ),
        closed=(
            Closed("droplet_versions", key),
            Closed("droplet_tags", {**key, "tag": "web"}),
            Closed("backup_policies", key),
            *(
                Closed(table, {"backup_id": number, **region}, closed_by=cause)
                for number in (1, 2)
                for table, region, cause in (
                    ("backup_versions", {}, reason),
                    ("backup_regions", {"region": "fra1"}, None),
                )
            ),
        ),
        day=DropletDay(NOON.date(), 0, 0.0, None, None, first_look_at=NOON),
        live_before=2,
    )
    assert judged.is_look


def test_end_of_a_droplet_whose_policy_was_never_read_closes_none() -> None:
    stored = after(None, seen(ONE, at=NOON, policy=None, tags=None), missing())
    judged = reconcile(stored, missing(at=LATER + SECOND), {})
    assert {closed.table for closed in judged.closed} == {"backup_versions", "backup_regions", "droplet_versions"}


@pytest.mark.parametrize(
    "between",
    [
        seen(ONE, TWO, at=LATER + SECOND),
        seen(ONE, TWO, at=LATER + SECOND, problem="short"),
        failed(at=LATER + SECOND),
        missing(at=LATER + SECOND, is_token_alive=False),
    ],
)
def test_only_two_404_in_a_row_count(between: Attempt) -> None:
    stored = after(BOTH, missing(), between)
    assert reconcile(stored, missing(at=LATER + 2 * SECOND), {}).outcome == "not_found"


def test_404_of_a_token_that_read_nothing_proves_nothing() -> None:
    unproven = missing(is_token_alive=False)
    judged = reconcile(after(BOTH, unproven), replace(unproven, attempted_at=LATER + SECOND), {})
    assert (judged.outcome, judged.is_change) == ("unproven", False)


def test_droplet_that_was_shown_in_the_same_run_is_not_gone() -> None:
    """Only its backups were answered 404: that is no second proof."""
    shown = failed("not_found", status=404, is_token_alive=True)
    judged = reconcile(after(BOTH, shown), replace(shown, attempted_at=LATER + SECOND), {})
    assert (judged.outcome, judged.is_change) == ("not_found", False)


def test_404_for_another_account_proves_nothing() -> None:
    """The configuration names the Droplet under another account, whose token cannot see it."""
    wrong = missing(account_id=2)
    judged = reconcile(BOTH, wrong, {})
    assert (judged.outcome, judged.droplet) == ("unproven", None)


def test_droplet_moves_to_the_account_that_sees_it() -> None:
    judged = reconcile(
        replace(BOTH, state=replace(BOTH.state, unselected_since=NOON)), seen(ONE, TWO, account_id=2), {}
    )
    assert judged.droplet is not None
    assert (judged.droplet.account_id, judged.droplet.unselected_since) == (2, None)
    assert (judged.ended, judged.closed) == ((), (Closed("droplet_versions", {"droplet_id": 101}),))
    (opened,) = judged.opened
    assert (opened.values["account_id"], opened.values["unselected_since"]) == (2, None)


GONE = after(BOTH, missing(), missing(at=LATER + SECOND))


def test_gone_droplet_that_is_asked_again_rests() -> None:
    judged = reconcile(GONE, missing(at=LATER + timedelta(days=8)), {})
    assert (judged.outcome, judged.is_change) == ("gone", False)


def test_gone_droplet_is_reopened_when_seen() -> None:
    judged = reconcile(GONE, seen(ONE, at=LATER + timedelta(days=1)), {})
    assert judged.droplet is not None
    assert judged.droplet.gone_at is None
    assert [each.after.id for each in judged.returned] == [1]
    assert judged.closed == ()
    assert {opened.table for opened in judged.opened} == {
        "backup_versions",
        "backup_regions",
        "droplet_versions",
        "droplet_tags",
        "backup_policies",
    }


def test_reopened_droplet_needs_two_404_again() -> None:
    reopened = after(GONE, seen(ONE, at=LATER + timedelta(days=1)))
    assert reconcile(reopened, missing(at=LATER + timedelta(days=2)), {}).outcome == "not_found"


# Droplet, tags, policy


@pytest.mark.parametrize(
    "change",
    [
        {"name": "web-02"},
        {"region": "ams3"},
        {"size_slug": "s-2vcpu-4gb"},
        {"price_monthly_usd": 24.0},
        {"status": "off"},
    ],
)
def test_changed_droplet_opens_a_version(change: dict[str, object]) -> None:
    judged = reconcile(BOTH, seen(ONE, TWO, **change), {})  # type: ignore[arg-type]
    assert judged.closed == (Closed("droplet_versions", {"droplet_id": DROPLET_ID}),)
    (opened,) = judged.opened
    assert opened.table == "droplet_versions"
    assert change.items() <= opened.values.items()


def test_last_tag_taken_away() -> None:
    judged = reconcile(BOTH, seen(ONE, TWO, tags=frozenset()), {})
    assert judged.closed == (Closed("droplet_tags", {"droplet_id": DROPLET_ID, "tag": "web"}),)
    assert judged.opened == ()


def test_changed_tags() -> None:
    judged = reconcile(BOTH, seen(ONE, TWO, tags=frozenset({"prod"})), {})
    assert judged.closed == (Closed("droplet_tags", {"droplet_id": DROPLET_ID, "tag": "web"}),)
    assert judged.opened == (Opened("droplet_tags", {"droplet_id": DROPLET_ID, "tag": "prod"}),)


def test_changed_policy() -> None:
    judged = reconcile(BOTH, seen(ONE, TWO, policy=WEEKLY), {})
    assert judged.closed == (Closed("backup_policies", {"droplet_id": DROPLET_ID}),)
    assert judged.opened == (Opened("backup_policies", {"droplet_id": DROPLET_ID, **asdict(WEEKLY)}),)


@pytest.mark.parametrize("change", [{"tags": None}, {"policy": None}, {"price_monthly_usd": None}])
def test_what_an_answer_lacks_changes_nothing(change: dict[str, None]) -> None:
    judged = reconcile(BOTH, seen(ONE, TWO, **change), {})  # type: ignore[arg-type]
    assert not judged.is_change
    assert judged.droplet is not None
    assert judged.droplet.price_monthly_usd == 6.0


def test_policy_first_read_later_opens_only_itself() -> None:
    judged = reconcile(after(None, seen(ONE, at=NOON, policy=None)), seen(ONE, policy=DAILY), {})
    assert judged.closed == ()
    assert [opened.table for opened in judged.opened] == ["backup_policies"]


# Days


def test_day_is_written_where_it_differs() -> None:
    judged = reconcile(BOTH, seen(replace(ONE, size_gigabytes=0.1), TWO, backup(3, days_old=1, size_gigabytes=0.2)), {})
    assert judged.day is not None
    assert asdict(judged.day) == {
        "day": date(2026, 3, 10),
        "backups": 3,
        "size_gigabytes": 2.8,
        "oldest_backup_at": ONE.created_at,
        "newest_backup_at": datetime(2026, 3, 9, 12, tzinfo=UTC),
        "first_look_at": NOON,
    }


def test_unchanged_day_is_not_written_again_but_the_next_is() -> None:
    assert reconcile(BOTH, seen(ONE, TWO), {}).day is None
    tomorrow = reconcile(BOTH, seen(ONE, TWO, at=NOON + timedelta(days=1)), {})
    assert tomorrow.day is not None
    assert (tomorrow.day.day, tomorrow.day.backups) == (date(2026, 3, 11), 2)
    assert tomorrow.day.first_look_at == NOON + timedelta(days=1)


# The brake


def held(stored: StoredDroplet, attempt: Attempt) -> StoredDroplet:
    return after(stored, attempt, held_because="too many are missing")


def test_held_look_marks_what_is_missing_and_ends_nothing() -> None:
    three, old = backup(3), backup(4, days_old=8)
    stored = after(BOTH, seen(ONE, TWO, old, at=NOON + SECOND))
    judged = reconcile(stored, seen(TWO, three), {}, held_because="too many are missing")
    assert (judged.outcome, judged.error, judged.is_look) == ("held", "too many are missing", False)
    assert (judged.ended, judged.held, judged.day) == ((), frozenset({1}), None)
    assert [each.id for each in judged.appeared] == [3]
    rows = {row.id: row for row in judged.backups}
    assert (rows[1].missing_since, rows[1].gone_at) == (LATER, None)
    assert 4 not in rows
    assert judged.droplet is not None
    assert (judged.droplet.last_observed_at, judged.droplet.last_outcome) == (NOON + SECOND, "held")


def test_listing_that_turns_out_incomplete_is_no_matter_for_the_brake() -> None:
    """Another account may have entered a backup of the listing since the brake was asked."""
    for attempt, owners, error in (
        (seen(TWO, problem="short"), {}, "short"),
        (seen(TWO, backup(3)), {3: 999}, "backup 3 is stored as one of Droplet 999"),
    ):
        judged = reconcile(BOTH, attempt, owners, held_because="too many are missing")
        assert (judged.outcome, judged.error) == ("incomplete", error)
        assert (judged.held, judged.ended, judged.is_change) == (frozenset(), (), False)


def test_marked_backup_ends_with_the_next_look_that_lacks_it() -> None:
    judged = reconcile(held(BOTH, seen(TWO)), seen(TWO, at=LATER + SECOND), {})
    assert [end.before.state.id for end in judged.ended] == [1]
    (row,) = judged.backups
    assert (row.missing_since, row.gone_after_at, row.gone_at) == (None, NOON, LATER + SECOND)


@pytest.mark.parametrize("problem", [None, "short"])
def test_marked_backup_that_is_shown_loses_its_mark(problem: str | None) -> None:
    judged = reconcile(held(BOTH, seen(TWO)), seen(ONE, TWO, at=LATER + SECOND, problem=problem), {})
    assert [(row.id, row.missing_since) for row in judged.backups] == [(1, None)]
    assert (judged.changed, judged.opened) == ((), ())


def test_mark_stays_while_looks_fail_or_are_incomplete() -> None:
    stored = after(held(BOTH, seen(TWO)), failed(at=LATER + SECOND), seen(TWO, at=LATER + 2 * SECOND, problem="short"))
    assert stored.backups[1].state.missing_since == LATER


def test_held_end_of_a_droplet_waits_for_the_next_404() -> None:
    stored = after(BOTH, missing())
    judged = reconcile(stored, missing(at=LATER + SECOND), {}, held_because="too many are missing")
    assert (judged.outcome, judged.error) == ("held", "too many are missing")
    assert (judged.held, judged.ended) == (frozenset({1, 2}), ())
    assert judged.droplet == replace(NOT_FOUND, last_attempt_at=LATER + SECOND)
    again = reconcile(held(stored, missing(at=LATER + SECOND)), missing(at=LATER + 2 * SECOND), {})
    assert (again.is_gone, len(again.ended)) == (True, 2)


# Ends that the Droplet contradicts


@pytest.mark.parametrize(
    ("names", "put_off"), [({1, 2}, {1}), ({1, 2, 3}, {1}), ({2}, set()), (set(), set()), (None, set())]
)
def test_what_the_droplet_still_names_is_marked_and_its_look_is_complete(
    names: set[int] | None, put_off: set[int]
) -> None:
    backup_ids = None if names is None else frozenset(names)
    judged = reconcile(BOTH, seen(TWO, backup_ids=backup_ids), {})
    assert (judged.outcome, judged.error, judged.is_look, set(judged.held)) == ("complete", None, True, put_off)
    assert [end.before.state.id for end in judged.waiting] == [1]
    assert [end.before.state.id for end in judged.ended] == ([] if put_off else [1])
    (row,) = judged.backups
    assert (row.id, row.missing_since, row.gone_at) == ((1, LATER, None) if put_off else (1, None, LATER))


def test_what_the_droplet_still_names_is_among_the_figures_of_the_day() -> None:
    three, bigger = backup(3, size_gigabytes=1.0), replace(TWO, size_gigabytes=4.0)
    judged = reconcile(BOTH, seen(bigger, three, backup_ids=frozenset({1, 2, 3})), {})
    assert judged.day == DropletDay(NOON.date(), 3, 7.5, ONE.created_at, three.created_at, first_look_at=NOON)


def test_expired_backup_that_the_droplet_still_names_is_put_off_too() -> None:
    stored = after(None, seen(backup(1, days_old=8), backup(2, days_old=8), TWO, backup(3), at=NOON))
    stored = after(stored, seen(backup(1, days_old=8), TWO, backup(3), at=NOON + SECOND))
    judged = reconcile(stored, seen(TWO, backup(3), backup_ids=frozenset({1, 2, 3})), {})
    assert (judged.ended, set(judged.held)) == ((), {1})
    assert [end.before.state.id for end in judged.waiting] == [1]


def test_what_was_put_off_ends_with_the_next_look_that_lacks_it() -> None:
    stored = after(BOTH, seen(TWO, backup_ids=frozenset({1, 2})))
    assert stored.backups[1].state.missing_since == LATER
    judged = reconcile(stored, seen(TWO, at=LATER + SECOND, backup_ids=frozenset({1, 2})), {})
    assert (judged.waiting, judged.held) == ((), frozenset())
    (row,) = judged.backups
    assert (row.missing_since, row.gone_after_at, row.gone_at) == (None, LATER, LATER + SECOND)


def test_the_brake_holds_what_would_be_put_off_with_the_rest() -> None:
    attempt = seen(TWO, backup_ids=frozenset({1, 2}))
    judged = reconcile(BOTH, attempt, {}, held_because="too many are missing")
    assert (judged.outcome, set(judged.held)) == ("held", {1})
    assert judged.droplet is not None
    assert judged.droplet.last_observed_at == NOON


def test_user_who_accepts_what_is_gone_overrules_the_droplet() -> None:
    judged = reconcile(BOTH, seen(TWO, backup_ids=frozenset({1, 2})), {}, accepts_gone=True)
    assert [end.before.state.id for end in judged.ended] == [1]
    assert judged.held == frozenset()


# A listing that is not the Droplet's


@pytest.mark.parametrize("stored", [None, BOTH])
@pytest.mark.parametrize("problem", [None, "short"])
def test_listing_of_none_that_the_droplet_names_enters_nothing(
    stored: StoredDroplet | None, problem: str | None
) -> None:
    judged = reconcile(stored, seen(backup(7), backup(8), problem=problem, backup_ids=frozenset({1, 2, 3})), {})
    why = "the Droplet names 3 backups, and none of the 2 that its listing shows"
    assert (judged.outcome, judged.error) == ("incomplete", problem or why)
    assert (judged.appeared, judged.ended, judged.backups, judged.day) == ((), (), (), None)
    assert judged.droplet is not None
    assert judged.droplet.last_listed_at == (BOTH.state.last_listed_at if stored else None)


@pytest.mark.parametrize("names", [frozenset({7}), frozenset({1, 7}), frozenset(), None])
def test_listing_that_shares_an_id_with_the_droplet_is_its_own(names: frozenset[int] | None) -> None:
    judged = reconcile(None, seen(backup(7), backup(8), backup_ids=names), {})
    assert (judged.outcome, [each.id for each in judged.appeared]) == ("complete", [7, 8])


@pytest.mark.parametrize("stored", [None, BOTH])
def test_empty_listing_of_a_droplet_that_names_backups_counts_only_if_the_user_says_so(
    stored: StoredDroplet | None,
) -> None:
    attempt = seen(backup_ids=frozenset({1, 2}))
    assert reconcile(stored, attempt, {}).outcome == "incomplete"
    assert reconcile(stored, attempt, {}, accepts_gone=True).outcome == "complete"


def test_user_who_accepts_what_is_gone_enters_no_other_droplets_backups() -> None:
    judged = reconcile(BOTH, seen(backup(7), backup_ids=frozenset({1, 2})), {}, accepts_gone=True)
    assert (judged.outcome, judged.appeared, judged.ended) == ("incomplete", (), ())


def test_creation_time_that_was_shown_first_stays() -> None:
    """Another one would change what was answered about the past (R14)."""
    judged = reconcile(BOTH, seen(ONE, TWO, created_at=NOON), {})
    assert judged.droplet is not None
    assert judged.droplet.created_at == BOTH.state.created_at
    assert not judged.is_change


# Corners


def test_a_droplet_of_which_only_the_id_is_read_gets_it_as_its_name() -> None:
    bare = droplet(name=None, region=None, size_slug=None, price_monthly_usd=None, status=None, created_at=None)
    state = after(None, replace(seen(), droplet=bare)).state
    assert (state.name, state.account_id) == (str(DROPLET_ID), 1)
    assert (state.region, state.size_slug, state.price_monthly_usd, state.status) == (None, None, None, None)
    assert (state.first_seen_at, state.last_attempt_at, state.last_outcome) == (LATER, LATER, "complete")


def test_a_failure_that_concerns_another_account_is_told_and_leaves_the_row() -> None:
    attempt = failed(account_id=2)
    assert reconcile(BOTH, attempt, {}) == Changeset(
        attempt, LATER, Outcome.UNAVAILABLE, "it was unavailable", droplet=None
    )


def test_the_first_look_has_its_day() -> None:
    attempt = seen(ONE, TWO, at=NOON)
    judged = reconcile(None, attempt, {})
    assert judged.attempt is attempt
    assert judged.day == DropletDay(NOON.date(), 2, 5.0, ONE.created_at, TWO.created_at, first_look_at=NOON)


def test_a_stamp_is_later_than_the_moment_at_which_a_droplet_was_unselected() -> None:
    unselected = replace(BOTH, state=replace(BOTH.state, unselected_since=LATER + SECOND))
    assert reconcile(unselected, seen(ONE, TWO), {}).stamp == LATER + 2 * SECOND


@pytest.mark.parametrize(("seconds", "reason"), [(0, GoneReason.EXPIRED), (1, GoneReason.UNKNOWN)])
def test_a_day_before_its_retention_a_backup_may_have_expired(seconds: int, reason: GoneReason) -> None:
    made_at = LATER - timedelta(days=6) + seconds * SECOND
    old = backup(1, created_at=made_at)
    judged = reconcile(after(None, seen(old, TWO, at=NOON)), seen(TWO, policy=None), {})
    assert [end.reason for end in judged.ended] == [reason]


def test_each_end_is_explained_whether_or_not_others_are() -> None:
    lost = after(BOTH, seen(policy=None))
    assert [each.state.gone_reason for each in lost.backups.values()] == [GoneReason.UNKNOWN] * 2
    first = replace(lost.backups[1], state=replace(lost.backups[1].state, gone_reason=GoneReason.BACKUPS_DISABLED))
    known = replace(lost, backups={1: first, 2: lost.backups[2]})
    judged = reconcile(known, seen(policy=OFF, at=LATER + SECOND), {})
    assert {state.id: state.gone_reason for state in judged.backups} == {2: GoneReason.BACKUPS_DISABLED}


def test_one_that_stays_unknown_keeps_no_other_from_being_explained() -> None:
    lost = after(BOTH, seen(policy=None))
    judged = reconcile(lost, seen(policy=None, snapshot_ids=frozenset({2}), at=LATER + SECOND), {})
    assert {state.id: state.gone_reason for state in judged.backups} == {2: GoneReason.CONVERTED}


def test_a_droplet_that_was_unselected_between_two_404_opens_nothing_when_it_ends() -> None:
    once = after(BOTH, missing())
    unselected = replace(once, state=replace(once.state, unselected_since=LATER))
    judged = reconcile(unselected, missing(at=LATER + SECOND), {})
    assert (judged.is_gone, judged.opened) == (True, ())
