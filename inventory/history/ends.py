"""Why backups end, and the brake on ends that are not the ordinary course. Pure."""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta

from inventory.history.changes import End
from inventory.model import BackupPolicy, BackupState, Listed, Proven, StoredDroplet, StoredPolicy
from inventory.vocabulary import GoneReason

# It is not documented whether the oldest backup goes when its age reaches the retention or when the next is made.
EXPIRY_SLACK = timedelta(hours=24)

# For how long after a backup's end an unknown or unexplained reason may be replaced.
EXPLAINABLE_FOR = timedelta(hours=48)

# The brake holds ends back that are at least this many, and more than this share of what the run looked at.
BRAKE_MINIMUM = 10
BRAKE_SHARE = 0.5


EXPLAINABLE = frozenset({GoneReason.UNKNOWN, GoneReason.UNEXPLAINED})


def must_wait(ends: Iterable[End]) -> list[End]:
    """List the ends that must not be written before the brake has judged the whole run (R7).

    Expired backups are the ordinary course, and what an earlier run marked as missing has waited already.
    """
    return [end for end in ends if end.reason != GoneReason.EXPIRED and end.before.state.missing_since is None]


def brake(waiting: int, live_before: int) -> str | None:
    """Say why `waiting` ends are held back (R7); None where they may be written.

    `live_before` is how many backups of the Droplets that this run looked at were stored as live.
    """
    if waiting >= BRAKE_MINIMUM and waiting > BRAKE_SHARE * live_before:
        return (
            f"{waiting} of {live_before} backups are missing at once; "
            "not recorded as gone until another sync confirms it"
        )
    return None


def reason(stored: StoredDroplet, attempt: Listed | Proven, backup: BackupState, gone_at: datetime) -> GoneReason:
    """Say why a backup that is no longer listed is gone, by what is stored and what this run read."""
    if backup.id in (attempt.droplet.snapshot_ids or ()):
        return GoneReason.CONVERTED
    retention_days = _retention_days(stored.policies, backup, stored.state.last_observed_at, attempt.policy)
    if retention_days is not None and gone_at - backup.created_at + EXPIRY_SLACK >= timedelta(days=retention_days):
        return GoneReason.EXPIRED
    if attempt.policy is None:
        return GoneReason.UNKNOWN
    return GoneReason.UNEXPLAINED if attempt.policy.is_enabled else GoneReason.BACKUPS_DISABLED


def _retention_days(
    policies: Sequence[StoredPolicy], backup: BackupState, last_seen_at: datetime | None, read_now: BackupPolicy | None
) -> int | None:
    """Give the smaller retention of the policies in force when the backup was made and when it was last seen."""
    known = [
        (each.valid_from, each.policy.retention_days) for each in policies if each.policy.retention_days is not None
    ]
    if not known:
        return read_now.retention_days if read_now else None
    seen_at = backup.gone_after_at or last_seen_at or backup.first_seen_at
    return min(_in_force(known, backup.created_at), _in_force(known, seen_at))


def _in_force(known: Sequence[tuple[datetime, int]], at: datetime) -> int:
    """Pick the retention in force at an instant; before the first was read, the first is the best guess there is."""
    return next((days for valid_from, days in reversed(known) if valid_from <= at), known[0][1])


def explanations(
    stored: StoredDroplet,
    stamp: datetime,
    listed: Collection[int],
    why: Callable[[BackupState, datetime], GoneReason],
) -> list[End]:
    """List recent ends without an explanation that this attempt explains; each is explained once.

    A backup that is `listed` again has no end to explain. `why` gives, for a backup and the stamp of its end, the
    reason by what this attempt knows.
    """
    found = []
    for backup in stored.backups.values():
        state = backup.state
        if state.gone_at is None or state.id in listed or not _is_open_question(state, state.gone_at, stamp):
            continue
        reason_now = why(state, state.gone_at)
        if reason_now not in (state.gone_reason, GoneReason.UNKNOWN):
            found.append(End(backup, reason_now))
    return found


def _is_open_question(backup: BackupState, gone_at: datetime, stamp: datetime) -> bool:
    is_unexplained = backup.gone_reason in EXPLAINABLE and backup.gone_reason_replaced_at is None
    return is_unexplained and stamp - gone_at <= EXPLAINABLE_FOR
