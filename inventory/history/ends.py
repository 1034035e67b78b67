"""Why backups end, and the brake on ends out of the ordinary. Pure."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from inventory.history.changes import End
from inventory.model import BackupPolicy, BackupState, Listed, Proven, StoredDroplet, StoredPolicy
from inventory.vocabulary import GoneReason

# Nobody documents whether the oldest backup goes when its age reaches the retention or when the next one is made.
EXPIRY_SLACK = timedelta(hours=24)

# How long after its end an unknown or unexplained one may still be explained.
EXPLAINABLE_FOR = timedelta(hours=48)

# The brake holds ends back that are at least this many and more than half of what the run looked at.
BRAKE_MINIMUM = 10
BRAKE_SHARE = 0.5


EXPLAINABLE = frozenset({GoneReason.UNKNOWN, GoneReason.UNEXPLAINED})


def must_wait(ends: Iterable[End]) -> list[End]:
    """List the ends that may only be written after the brake has seen the whole run.

    Expired backups are the ordinary course, and what an earlier run marked as missing has waited already.
    """
    return [end for end in ends if end.reason != GoneReason.EXPIRED and end.before.state.missing_since is None]


def brake(waiting: int, live_before: int) -> str | None:
    """Say why `waiting` ends are to be held back (R7), or None where they may be written.

    `live_before` counts the backups stored as live of every Droplet this run looked at.
    """
    if waiting >= BRAKE_MINIMUM and waiting > BRAKE_SHARE * live_before:
        return (
            f"{waiting} of {live_before} backups are missing at once; "
            "not recorded as gone until another sync confirms it"
        )
    return None


def reason(
    stored: StoredDroplet | None, backup: BackupState, attempt: Listed | Proven, gone_at: datetime
) -> GoneReason:
    """Say why a backup that is no longer listed went, by what this run read."""
    assert stored is not None
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
    enabled = [policy for policy in policies if policy.policy.retention_days is not None]
    if not enabled:
        return read_now.retention_days if read_now else None
    made = _in_force(enabled, backup.created_at)
    seen = _in_force(enabled, backup.gone_after_at or last_seen_at or backup.first_seen_at)
    return min(policy.policy.retention_days or 0 for policy in (made, seen))


def _in_force(policies: Sequence[StoredPolicy], at: datetime) -> StoredPolicy:
    """Pick the policy in force at an instant; before the first was read, the first is the best guess there is."""
    return next((policy for policy in reversed(policies) if policy.valid_from <= at), policies[0])


def explanations(
    stored: StoredDroplet | None, stamp: datetime, listed: Collection[int], why: Callable[[BackupState], GoneReason]
) -> Iterator[End]:
    """Find recent ends that nobody could explain and that this look explains; each is explained once.

    What is `listed` again has no end to explain. `why` gives the reason by what this look knows.
    """
    for backup in stored.backups.values() if stored else ():
        state = backup.state
        is_open_question = state.gone_reason in EXPLAINABLE and state.gone_reason_replaced_at is None
        if state.id in listed or not is_open_question or state.gone_at is None:
            continue
        reason_now = why(state)
        is_recent = stamp - state.gone_at <= EXPLAINABLE_FOR
        if is_recent and reason_now not in (state.gone_reason, GoneReason.UNKNOWN):
            yield End(backup, reason_now)
