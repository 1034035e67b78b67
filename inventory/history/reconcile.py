"""What an attempt means. Pure: what is stored x what was read -> what to write.

compare   the listing with what is stored: appeared, changed, returned, missing
| decide  what the listing counts as: complete, incomplete (R1) or held by the brake (R7)
| build   the rows and the history to write; only a complete listing, or the end of the Droplet (R2), ends backups

`reconcile` judges one attempt. Where its ends are not the ordinary course, its changeset must wait until the run has
looked at everything. `ends.brake` then judges all such ends together; attempts that it holds back are reconciled again,
with the brake's sentence, and what they miss is marked instead of ended.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from inventory.history.changes import Changeset, End
from inventory.history.comparison import Comparison, compare
from inventory.history.ends import end_of, explanations, must_wait, named_ids
from inventory.history.intervals import (
    backup_history,
    closed_by_ends,
    closed_with_droplet,
    droplet_history,
    policy_in_force,
    reselection,
)
from inventory.history.looks import looked_at, next_stamp
from inventory.history.rows import (
    attempted_droplet,
    changed_day,
    ended_backup,
    explained_backup,
    new_backup,
    next_day,
    shown_backup,
    shown_droplet,
)
from inventory.model import Attempt, Backup, BackupState, Failed, Listed, Proven, StoredDroplet
from inventory.vocabulary import GoneReason, Outcome


def reconcile(
    stored: StoredDroplet | None,
    attempt: Attempt,
    owners: Mapping[int, int],
    *,
    held_because: str | None = None,
    accepts_gone: bool = False,
) -> Changeset:
    """Judge one attempt.

    Given what is stored of the Droplet (None if it was never seen) and `owners`, backup id -> Droplet id for every
    listed backup that is stored, return what to write. With `held_because`, the brake's sentence, nothing ends, and
    what is missing is marked. What the Droplet itself still names is only marked too, unless the user `accepts_gone`.
    The same attempt twice changes nothing but observation times (R4).
    """
    stamp = _stamp(stored, attempt)
    if isinstance(attempt, Listed):
        return _from_listing(stored, attempt, stamp, owners, held_because, accepts_gone=accepts_gone)
    if stored is None:
        return _first_sight(attempt, stamp)
    if isinstance(attempt, Proven):
        return _from_proof(stored, attempt, stamp)
    if attempt.outcome == Outcome.NOT_FOUND and attempt.is_token_alive and _is_own(stored, attempt):
        return _from_not_found(stored, attempt, stamp, held_because)
    return _from_failure(stored, attempt, stamp)


def _stamp(stored: StoredDroplet | None, attempt: Attempt) -> datetime:
    """Give the moment of the attempt, or one second after the last stamp where the clock stood still or went back."""
    now = attempt.attempted_at.replace(microsecond=0)
    return now if stored is None else next_stamp(now, stored.state.last_attempt_at, stored.state.unselected_since)


def _is_own(stored: StoredDroplet, attempt: Attempt) -> bool:
    """Tell whether the attempt was made for the Droplet's own account: another token's 404 says nothing (R2)."""
    return stored.state.account_id == attempt.account_id


def _first_sight(attempt: Proven | Failed, stamp: datetime) -> Changeset:
    """Record an attempt without a listing at a Droplet of which nothing is stored, and what it says of the Droplet."""
    if isinstance(attempt, Failed):
        outcome, error = attempt.outcome, attempt.error
    else:
        outcome, error = Outcome.INCOMPLETE, "what was stored of it was forgotten while the sync ran"
    if attempt.droplet is None:
        return Changeset(attempt, stamp, outcome, error, droplet=None)
    state = shown_droplet(None, attempt.droplet, attempt.account_id, stamp, outcome=outcome, error=error)
    _, opened = droplet_history(None, state, attempt.droplet.tags, attempt.policy)
    return Changeset(attempt, stamp, outcome, error, droplet=state, is_new=True, opened=opened)


def _from_failure(stored: StoredDroplet, attempt: Failed, stamp: datetime) -> Changeset:
    """Record the attempt; one for another account leaves the Droplet's row alone."""
    outcome = Outcome.UNPROVEN if attempt.outcome == Outcome.NOT_FOUND else attempt.outcome
    if not _is_own(stored, attempt):
        return Changeset(attempt, stamp, outcome, attempt.error, droplet=None)
    state = attempted_droplet(stored.state, stamp, outcome, attempt.error)
    closed, opened = reselection(stored.state, state)
    return Changeset(attempt, stamp, outcome, attempt.error, droplet=state, closed=closed, opened=opened)


def _from_not_found(stored: StoredDroplet, attempt: Failed, stamp: datetime, held_because: str | None) -> Changeset:
    """End the Droplet at the second 404 in a row (R2), and only record the first.

    Where this run showed the Droplet, and only its backups were not found, the 404 confirms nothing.
    """
    live = [backup for backup in stored.backups.values() if backup.is_live]
    state = attempted_droplet(stored.state, stamp, Outcome.NOT_FOUND, attempt.error)
    closed, opened = reselection(stored.state, state)
    noted = Changeset(
        attempt,
        stamp,
        Outcome.NOT_FOUND,
        attempt.error,
        droplet=state,
        live_before=len(live),
        closed=closed,
        opened=opened,
    )
    if stored.state.gone_at is not None:
        return replace(noted, outcome=Outcome.GONE)
    if stored.state.last_outcome != Outcome.NOT_FOUND or attempt.droplet is not None:
        return noted
    ended = [End(backup, GoneReason.DROPLET_DESTROYED) for backup in live]
    waiting = must_wait(ended, None, live_before=len(live), live_after=0)
    if held_because is not None:
        return _with_marks(replace(noted, outcome=Outcome.HELD, error=held_because), waiting)
    gone = replace(
        noted,
        outcome=Outcome.COMPLETE,
        error=None,
        droplet=replace(looked_at(state, stamp), gone_at=stamp, last_error=None),
        is_gone=True,
        closed=closed_with_droplet(stored),
        opened=(),
        day=changed_day(stored.last_day, (), stamp),
    )
    explained = explanations(stored, stamp, (), lambda backup, _: End(backup, GoneReason.DROPLET_DESTROYED))
    return _with_explanations(_with_ends(replace(gone, waiting=waiting), stored, ended), explained)


def _from_proof(stored: StoredDroplet, attempt: Proven, stamp: datetime) -> Changeset:
    """Take over what the Droplet says of itself; its backups, and so the day's figures, are as before."""
    droplet, day = attempt.droplet, stored.last_day
    state = shown_droplet(stored.state, droplet, attempt.account_id, stamp, outcome=Outcome.COMPLETE, observed_at=stamp)
    closed, opened = droplet_history(stored, state, droplet.tags, attempt.policy)
    shown = Changeset(
        attempt,
        stamp,
        Outcome.COMPLETE,
        None,
        droplet=state,
        closed=closed,
        opened=opened,
        day=next_day(day, stamp) if day else None,
        live_before=day.backups if day else 0,
        policy_before=policy_in_force(stored.policies),
    )
    return _with_explanations(shown, explanations(stored, stamp, (), partial(end_of, stored, attempt)))


def _from_listing(
    stored: StoredDroplet | None,
    attempt: Listed,
    stamp: datetime,
    owners: Mapping[int, int],
    held_because: str | None,
    *,
    accepts_gone: bool,
) -> Changeset:
    """Compare, decide, build."""
    strangers, doubt = _strangers(attempt, owners, accepts_gone=accepts_gone)
    found = compare(attempt.listing.backups, stored.backups if stored else {}, strangers)
    outcome, error = _decision(attempt.listing.problem or doubt, held_because)
    shown = _additions(stored, attempt, stamp, found, outcome=outcome, error=error)
    if outcome == Outcome.INCOMPLETE:
        return shown  # nothing may end (R1)
    if stored is None:
        return replace(shown, day=changed_day(None, found.listed.values(), stamp))
    return _with_missing(shown, stored, attempt, found, accepts_gone=accepts_gone)


def _with_missing(
    shown: Changeset, stored: StoredDroplet, attempt: Listed, found: Comparison, *, accepts_gone: bool
) -> Changeset:
    """Judge what a complete listing lacks: each backup ended, is put off, or is marked because the brake holds all."""
    judge = partial(end_of, stored, attempt)
    missing = [judge(backup, shown.stamp) for backup in found.missing]
    policy = attempt.policy or shown.policy_before
    waiting = must_wait(missing, policy, live_before=found.live_before, live_after=len(found.listed))
    if shown.outcome == Outcome.HELD:
        return _with_marks(shown, waiting)
    named = frozenset[int]() if accepts_gone else named_ids(attempt.droplet)
    put_off = [end for end in waiting if end.before.state.id in named]
    ended = [end for end in missing if end not in put_off]
    live = [*_as_first_dated(found, stored), *(end.before.state for end in put_off)]
    look = replace(_with_marks(shown, put_off), waiting=waiting, day=changed_day(stored.last_day, live, shown.stamp))
    explained = explanations(stored, shown.stamp, found.listed, judge)
    return _with_explanations(_with_ends(look, stored, ended), explained)


def _as_first_dated(found: Comparison, stored: StoredDroplet) -> Iterator[Backup | BackupState]:
    """Give what a listing shows with the creation times that were shown first, which the figures of all days have."""
    for number, backup in found.listed.items():
        known = stored.backups.get(number)
        is_redated = known is not None and known.state.created_at != backup.created_at
        yield replace(backup, created_at=known.state.created_at) if known and is_redated else backup


def _strangers(attempt: Listed, owners: Mapping[int, int], *, accepts_gone: bool) -> tuple[Collection[int], str | None]:
    """Give the listed backups that are another Droplet's, and why the listing is therefore not complete.

    Where the Droplet names backups, and none of the listed ones, the whole listing may be another's: entered here, its
    backups could never be taken back (R6). An empty one is believed where the user `accepts_gone`.
    """
    number, named = attempt.droplet.id, named_ids(attempt.droplet)
    listed = {backup.id for backup in attempt.listing.backups}
    if named and not named & listed and (listed or not accepts_gone):
        return listed, f"the Droplet names {len(named)} backups, and none of the {len(listed)} that its listing shows"
    foreign = {backup: owners[backup] for backup in sorted(listed) if owners.get(backup, number) != number}
    doubts = (f"backup {backup} is stored as one of Droplet {owner}" for backup, owner in foreign.items())
    return foreign, next(doubts, None)


def _decision(problem: str | None, held_because: str | None) -> tuple[Outcome, str | None]:
    """Say what a listing counts as, and why it is not complete: it may lack some (R1), or the brake holds it (R7)."""
    if problem is not None:
        return Outcome.INCOMPLETE, problem
    if held_because is not None:
        return Outcome.HELD, held_because
    return Outcome.COMPLETE, None


def _additions(
    stored: StoredDroplet | None,
    attempt: Listed,
    stamp: datetime,
    found: Comparison,
    *,
    outcome: Outcome,
    error: str | None,
) -> Changeset:
    """Build what any listing may do, complete or not: add and update."""
    droplet = attempt.droplet
    seen_at = stamp if outcome == Outcome.COMPLETE else None
    state = shown_droplet(
        stored.state if stored else None,
        droplet,
        attempt.account_id,
        stamp,
        outcome=outcome,
        error=error,
        observed_at=seen_at,
        listed_at=seen_at,
    )
    droplet_closed, droplet_opened = droplet_history(stored, state, droplet.tags, attempt.policy)
    closed, opened = backup_history(found.appeared, found.changed, found.returned)
    rows = {
        **{each.state.id: replace(each.state, missing_since=None) for each in found.found_again},
        **{
            each.after.id: shown_backup(each.before.state, each.after, stamp)
            for each in (*found.changed, *found.returned)
        },
        **{backup.id: new_backup(backup, droplet.id, stamp) for backup in found.appeared},
    }
    return Changeset(
        attempt,
        stamp,
        outcome,
        error,
        droplet=state,
        is_new=stored is None,
        appeared=found.appeared,
        changed=found.changed,
        returned=found.returned,
        backups=tuple(rows.values()),
        closed=(*droplet_closed, *closed),
        opened=(*droplet_opened, *opened),
        live_before=found.live_before,
        policy_before=policy_in_force(stored.policies) if stored else None,
    )


def _with_marks(shown: Changeset, waiting: Sequence[End]) -> Changeset:
    """Add marks of ends that are not written now (R7)."""
    held = [end.before.state for end in waiting]
    return replace(
        shown,
        held=frozenset(backup.id for backup in held),
        backups=(*shown.backups, *(replace(backup, missing_since=shown.stamp) for backup in held)),
    )


def _with_ends(shown: Changeset, stored: StoredDroplet, ended: Sequence[End]) -> Changeset:
    """Add the ends that a look found."""
    rows = (ended_backup(end, stored.state.last_observed_at, shown.stamp) for end in ended)
    return replace(
        shown,
        ended=tuple(ended),
        backups=(*shown.backups, *rows),
        closed=(*shown.closed, *closed_by_ends(ended)),
    )


def _with_explanations(shown: Changeset, explained: Sequence[End]) -> Changeset:
    """Add the earlier ends that a look explains."""
    if not explained:
        return shown
    rows = (explained_backup(end, shown.stamp) for end in explained)
    return replace(shown, explained=tuple(explained), backups=(*shown.backups, *rows))
