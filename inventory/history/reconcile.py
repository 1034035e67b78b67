"""Station 2: what a look means. Pure: what is stored x what was seen -> what to write.

    listed - stored   appeared, or returned if it had ended
    listed & stored   changed, if an attribute or region differs
    stored - listed   ended, with its reason; only through a complete listing, or the end of the Droplet (R1)

`plan` judges one look. Where its ends are out of the ordinary it must wait until the run has looked at everything;
`ends.brake` then judges them together (R7), and what it holds back is planned again, to be marked instead of ended.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from inventory.history.changes import Change, Changeset, End
from inventory.history.ends import explanations, must_wait, reason
from inventory.history.intervals import (
    backup_history,
    closed_by_ends,
    closed_with_droplet,
    differs,
    droplet_history,
    policy_in_force,
)
from inventory.model import (
    Attempt,
    Backup,
    BackupState,
    Droplet,
    DropletDay,
    DropletState,
    Failed,
    Listed,
    Proven,
    StoredDroplet,
)
from inventory.vocabulary import GoneReason, Outcome

STAMP_STEP = timedelta(seconds=1)


def reconcile(
    stored: StoredDroplet | None, attempt: Attempt, owners: Mapping[int, int], *, held_because: str | None = None
) -> Changeset:
    """Judge one look.

    Given what is stored of the Droplet (None if it was never seen) and `owners`, backup id -> Droplet id for every
    listed backup that is stored, return what to write. With `held_because`, the brake's sentence, the look counts as
    incomplete: what it lacks is only marked as missing. The same look twice changes nothing but observation times (R4).
    """
    stamp = _stamp(stored, attempt)
    if isinstance(attempt, Listed):
        return _from_listing(stored, attempt, owners=owners, stamp=stamp, held_because=held_because)
    if stored is None:
        return _without_listing(attempt, stamp)
    if isinstance(attempt, Proven):
        return _from_proof(stored, attempt, stamp)
    if attempt.outcome == Outcome.NOT_FOUND and attempt.is_token_alive and _is_own(stored, attempt):
        return _from_not_found(stored, attempt, stamp, held_because)
    return _from_failure(stored, attempt, stamp)


def _is_own(stored: StoredDroplet, attempt: Attempt) -> bool:
    """Tell whether the look was through the Droplet's own account: what another token cannot see may well exist."""
    return stored.state.account_id == attempt.account_id


def _stamp(stored: StoredDroplet | None, attempt: Attempt) -> datetime:
    """Give the moment of the attempt, or one second after the last stamp where the clock stood still or went back."""
    now = attempt.attempted_at.replace(microsecond=0)
    return now if stored is None else max(now, stored.state.last_attempt_at + STAMP_STEP)


def _without_listing(attempt: Proven | Failed, stamp: datetime) -> Changeset:
    """Record the attempt; a Droplet never seen before is at least known from now on, if anything is known of it."""
    if isinstance(attempt, Failed):
        outcome, error = attempt.outcome, attempt.error
    else:
        outcome, error = Outcome.INCOMPLETE, "what was stored of it was forgotten while the sync ran"
    if attempt.droplet is None:
        return Changeset(attempt, stamp, outcome, error, is_look=False, droplet=None)
    state = _state(None, attempt, attempt.droplet, stamp, outcome=outcome, error=error)
    closed, opened = droplet_history(None, state, attempt.droplet, attempt.policy)
    return Changeset(
        attempt, stamp, outcome, error, is_look=False, droplet=state, is_new=True, closed=closed, opened=opened
    )


def _from_failure(stored: StoredDroplet, attempt: Failed, stamp: datetime) -> Changeset:
    """Record the attempt; that of another account says nothing about the Droplet."""
    outcome = Outcome.UNPROVEN if attempt.outcome == Outcome.NOT_FOUND else attempt.outcome
    if not _is_own(stored, attempt):
        return Changeset(attempt, stamp, outcome, attempt.error, is_look=False, droplet=None)
    state = replace(
        stored.state, last_attempt_at=stamp, last_outcome=outcome, last_error=attempt.error, unselected_since=None
    )
    return Changeset(attempt, stamp, outcome, attempt.error, is_look=False, droplet=state)


def _from_not_found(stored: StoredDroplet, attempt: Failed, stamp: datetime, held_because: str | None) -> Changeset:
    """End the Droplet at the second 404 in a row (R2); the first only says so.

    Where this run showed the Droplet, and only its backups were not found, that is no confirmation.
    """
    is_gone_already = stored.state.gone_at is not None
    is_confirmed = stored.state.last_outcome == Outcome.NOT_FOUND and not is_gone_already and attempt.droplet is None
    state = replace(
        stored.state,
        last_attempt_at=stamp,
        last_outcome=Outcome.NOT_FOUND,
        last_error=attempt.error,
        unselected_since=None,
    )
    live = [backup for backup in stored.backups.values() if backup.is_live]
    if not is_confirmed:
        outcome = Outcome.GONE if is_gone_already else Outcome.NOT_FOUND
        return Changeset(attempt, stamp, outcome, attempt.error, is_look=False, droplet=state, live_before=len(live))
    ended = tuple(End(backup, GoneReason.DROPLET_DESTROYED) for backup in live)
    if held_because is not None:
        return _held(Changeset(attempt, stamp, Outcome.HELD, held_because, is_look=False, droplet=state), ended)
    state = replace(state, last_observed_at=stamp, gone_at=stamp, last_error=None)
    explained = tuple(explanations(stored, stamp, (), lambda _: GoneReason.DROPLET_DESTROYED))
    return Changeset(
        attempt,
        stamp,
        Outcome.COMPLETE,
        None,
        is_look=True,
        droplet=state,
        is_gone=True,
        ended=ended,
        explained=explained,
        backups=(*(_ended(stored, end, stamp) for end in ended), *(_explained(end, stamp) for end in explained)),
        closed=(*closed_by_ends(ended), *closed_with_droplet(stored)),
        day=_changed_day(stored, stamp, []),
        live_before=len(live),
    )


def _from_proof(stored: StoredDroplet, attempt: Proven, stamp: datetime) -> Changeset:
    """Take over what the Droplet says of itself; its backups are those of the last look, and so is the day's row."""
    droplet, day = attempt.droplet, stored.last_day
    state = _state(stored, attempt, droplet, stamp, outcome=Outcome.COMPLETE, observed_at=stamp)
    closed, opened = droplet_history(stored, state, droplet, attempt.policy)
    explained = tuple(_explanations(stored, attempt, stamp, ()))
    return Changeset(
        attempt,
        stamp,
        Outcome.COMPLETE,
        None,
        is_look=True,
        droplet=state,
        explained=explained,
        backups=tuple(_explained(end, stamp) for end in explained),
        closed=closed,
        opened=opened,
        day=replace(day, day=stamp.date(), first_look_at=stamp) if day and day.day < stamp.date() else None,
        live_before=day.backups if day else 0,
        policy_before=policy_in_force(stored),
    )


def _from_listing(
    stored: StoredDroplet | None,
    attempt: Listed,
    *,
    owners: Mapping[int, int],
    stamp: datetime,
    held_because: str | None,
) -> Changeset:
    """Subtract what is listed from what is stored, and the other way round."""
    droplet, listing = attempt.droplet, attempt.listing
    foreign = sorted(backup.id for backup in listing.backups if owners.get(backup.id, droplet.id) != droplet.id)
    problem = held_because or listing.problem
    if foreign and not problem:
        problem = f"backup {foreign[0]} is stored as one of Droplet {owners[foreign[0]]}"
    listed = {backup.id: backup for backup in listing.backups if backup.id not in foreign}
    known = dict(stored.backups) if stored else {}
    live = {number: backup for number, backup in known.items() if backup.is_live}

    appeared = tuple(listed[new] for new in sorted(listed.keys() - known.keys()))
    returned = tuple(Change(known[old], listed[old]) for old in sorted((listed.keys() & known.keys()) - live.keys()))
    still = [(live[old], listed[old]) for old in sorted(listed.keys() & live.keys())]
    changed = tuple(Change(before, after) for before, after in still if differs(before, after))
    found = [before.state for before, _ in still if before.state.missing_since is not None]
    is_whole = listing.is_complete and not foreign
    missing = [live[old] for old in sorted(live.keys() - listed.keys())] if is_whole else []
    ended = tuple(End(backup, reason(stored, backup.state, attempt, stamp)) for backup in missing)

    outcome = Outcome.HELD if held_because else Outcome.INCOMPLETE if problem else Outcome.COMPLETE
    seen_at = None if problem else stamp
    state = _state(
        stored, attempt, droplet, stamp, outcome=outcome, error=problem, observed_at=seen_at, listed_at=seen_at
    )
    droplet_closed, droplet_opened = droplet_history(stored, state, droplet, attempt.policy)
    closed, opened = backup_history(appeared, changed, returned)
    rows = {
        **{backup.id: replace(backup, missing_since=None) for backup in found},
        **{change.after.id: _updated(change.before.state, change.after) for change in (*changed, *returned)},
        **{backup.id: _new(backup, droplet.id, stamp) for backup in appeared},
    }
    draft = Changeset(
        attempt,
        stamp,
        outcome,
        problem,
        is_look=not problem,
        droplet=state,
        is_new=stored is None,
        appeared=appeared,
        changed=changed,
        returned=returned,
        backups=tuple(rows.values()),
        closed=(*droplet_closed, *closed),
        opened=(*droplet_opened, *opened),
        live_before=len(live),
        policy_before=policy_in_force(stored),
    )
    if held_because:
        return _held(draft, ended)
    if problem:
        return draft
    explained = tuple(_explanations(stored, attempt, stamp, listed))
    named = droplet.backup_ids or frozenset()
    return replace(
        draft,
        ended=ended,
        explained=explained,
        contradicted=frozenset(end.before.state.id for end in must_wait(ended)) & named,
        backups=(
            *draft.backups,
            *(_ended(stored, end, stamp) for end in ended),
            *(_explained(end, stamp) for end in explained),
        ),
        closed=(*draft.closed, *closed_by_ends(ended)),
        day=_changed_day(stored, stamp, list(listed.values())),
    )


def _held(draft: Changeset, ended: Sequence[End]) -> Changeset:
    """Add the marks of the brake to a look that ends nothing."""
    missing = [end.before.state for end in must_wait(ended)]
    return replace(
        draft,
        held=frozenset(backup.id for backup in missing),
        backups=(*draft.backups, *(replace(backup, missing_since=draft.stamp) for backup in missing)),
    )


def _explanations(
    stored: StoredDroplet | None, attempt: Listed | Proven, stamp: datetime, listed: Collection[int]
) -> Iterable[End]:
    return explanations(stored, stamp, listed, lambda backup: reason(stored, backup, attempt, backup.gone_at or stamp))


def _explained(end: End, stamp: datetime) -> BackupState:
    return replace(end.before.state, gone_reason=end.reason, gone_reason_replaced_at=stamp)


def _ended(stored: StoredDroplet | None, end: End, stamp: datetime) -> BackupState:
    """Write the end: after the last look that saw it, or after the incomplete one that showed it last."""
    assert stored is not None
    seen = [at for at in (stored.state.last_observed_at, end.before.version_from) if at is not None]
    return replace(end.before.state, gone_after_at=max(seen), gone_at=stamp, gone_reason=end.reason, missing_since=None)


def _new(backup: Backup, droplet_id: int, stamp: datetime) -> BackupState:
    return BackupState(
        id=backup.id,
        droplet_id=droplet_id,
        type=backup.type,
        created_at=backup.created_at,
        name=backup.name,
        min_disk_size=backup.min_disk_size,
        size_gigabytes=backup.size_gigabytes,
        first_seen_at=stamp,
    )


def _updated(before: BackupState, after: Backup) -> BackupState:
    """Take over what the listing shows; whatever was said of an end is void."""
    return replace(_new(after, before.droplet_id, before.first_seen_at), missing_since=None)


def _state(
    stored: StoredDroplet | None,
    attempt: Attempt,
    droplet: Droplet,
    stamp: datetime,
    *,
    outcome: Outcome,
    error: str | None = None,
    observed_at: datetime | None = None,
    listed_at: datetime | None = None,
) -> DropletState:
    """Give the Droplet's row as this attempt leaves it; `observed_at` and `listed_at` are None where it was no look."""
    before = stored.state if stored else None
    price = droplet.price_monthly_usd
    return DropletState(
        id=droplet.id,
        account_id=attempt.account_id,
        name=droplet.name,
        region=droplet.region,
        size_slug=droplet.size_slug,
        price_monthly_usd=before.price_monthly_usd if before and price is None else price,
        status=droplet.status,
        created_at=droplet.created_at,
        next_window_starts_at=droplet.next_window_starts_at,
        next_window_ends_at=droplet.next_window_ends_at,
        unselected_since=None,
        first_seen_at=before.first_seen_at if before else stamp,
        last_observed_at=observed_at or (before.last_observed_at if before else None),
        last_listed_at=listed_at or (before.last_listed_at if before else None),
        gone_at=None,
        last_attempt_at=stamp,
        last_outcome=outcome,
        last_error=error,
    )


def _changed_day(stored: StoredDroplet | None, stamp: datetime, backups: Sequence[Backup]) -> DropletDay | None:
    """Give the day's figures where they differ from the stored ones."""
    made = [backup.created_at for backup in backups]
    before = stored.last_day if stored else None
    day = DropletDay(
        day=stamp.date(),
        backups=len(backups),
        size_gigabytes=math.fsum(backup.size_gigabytes for backup in backups),
        oldest_backup_at=min(made, default=None),
        newest_backup_at=max(made, default=None),
        first_look_at=before.first_look_at if before and before.day == stamp.date() else stamp,
    )
    return None if before == day else day
