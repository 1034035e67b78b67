"""Why backups end, and the brake on ends that are not the ordinary course. Pure."""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta

from inventory.history.changes import End
from inventory.history.rows import made_at
from inventory.model import BackupPolicy, BackupState, Droplet, Listed, Proven, StoredBackup, StoredDroplet
from inventory.vocabulary import GoneReason

# It is not documented whether the oldest backup goes when its age reaches the retention or when the next is made.
EXPIRY_SLACK = timedelta(hours=24)

# For how long after a backup's end an unknown or unexplained reason may be replaced.
EXPLAINABLE_FOR = timedelta(hours=48)

# The brake holds ends back that are at least this many, and more than this share of what the run looked at.
BRAKE_MINIMUM = 10
BRAKE_SHARE = 0.5


EXPLAINABLE = frozenset({GoneReason.UNKNOWN, GoneReason.UNEXPLAINED})


def must_wait(
    ends: Iterable[End], policy: BackupPolicy | None, *, live_before: int, live_after: int
) -> tuple[End, ...]:
    """List the ends of one Droplet that must not be written before the brake has judged the whole run (R7).

    Backups that expired by what earlier runs knew are the ordinary course, but not where they leave fewer than half as
    many as there were: DigitalOcean then makes new ones, unless `policy`, the latest known, is off. What an earlier run
    marked as missing has waited already. `live_after` counts new backups too.
    """
    is_off = policy is not None and not policy.is_enabled
    is_believable = is_off or 2 * live_after >= live_before
    fresh = (end for end in ends if end.before.state.missing_since is None)
    return tuple(end for end in fresh if not (end.is_foreseen and is_believable))


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


def end_of(stored: StoredDroplet, attempt: Listed | Proven, backup: StoredBackup, gone_at: datetime) -> End:
    """Say why a backup that is no longer listed is gone, by what is stored and what this run read."""
    state = backup.state
    if state.id in (attempt.droplet.snapshot_ids or ()):
        return End(backup, GoneReason.CONVERTED)
    age = gone_at - made_at(state) + EXPIRY_SLACK
    if any(age >= timedelta(days=days) for days in _known_retentions(stored, state)):
        return End(backup, GoneReason.EXPIRED, is_foreseen=state.id not in named_ids(attempt.droplet))
    return End(backup, _reason_by(attempt.policy, age))


def named_ids(droplet: Droplet) -> frozenset[int]:
    """Give the ids of the backups that the Droplet names; none where it says nothing of them."""
    return droplet.backup_ids or frozenset()


def _reason_by(policy: BackupPolicy | None, age: timedelta) -> GoneReason:
    """Say why a backup is gone, by the policy that this run read: it may have been changed since the last look."""
    if policy is None:
        return GoneReason.UNKNOWN
    if policy.retention_days is not None and age >= timedelta(days=policy.retention_days):
        return GoneReason.EXPIRED
    return GoneReason.UNEXPLAINED if policy.is_enabled else GoneReason.BACKUPS_DISABLED


def _known_retentions(stored: StoredDroplet, backup: BackupState) -> set[int]:
    """Give the retentions, in days, in force when the backup was made and when it was last seen, as earlier runs read.

    Empty where none did.
    """
    known = [
        (each.valid_from, each.policy.retention_days)
        for each in stored.policies
        if each.policy.retention_days is not None
    ]
    if not known:
        return set()
    seen_at = backup.gone_after_at or stored.state.last_observed_at or backup.first_seen_at
    return {_in_force(known, made_at(backup)), _in_force(known, seen_at)}


def _in_force(known: Sequence[tuple[datetime, int]], at: datetime) -> int:
    """Pick the retention in force at an instant; before the first was read, the first is the best guess there is."""
    return next((days for valid_from, days in reversed(known) if valid_from <= at), known[0][1])


def explanations(
    stored: StoredDroplet, stamp: datetime, listed: Collection[int], judge: Callable[[StoredBackup, datetime], End]
) -> list[End]:
    """List recent ends without an explanation that this attempt explains; each is explained once.

    A backup that is `listed` again has no end to explain. `judge` gives, for a backup and the stamp of its end, what
    the end is by what this attempt knows.
    """
    found = []
    for backup in stored.backups.values():
        state = backup.state
        if state.gone_at is None or state.id in listed or not _is_open_question(state, state.gone_at, stamp):
            continue
        end = judge(backup, state.gone_at)
        if end.reason in (state.gone_reason, GoneReason.UNKNOWN):
            continue
        is_next_look = state.gone_at == stored.state.last_observed_at
        # A retention that was read later says nothing of an end that the policy of its own run did not explain.
        if is_next_look or (state.gone_reason, end.reason) != (GoneReason.UNEXPLAINED, GoneReason.EXPIRED):
            found.append(end)
    return found


def _is_open_question(backup: BackupState, gone_at: datetime, stamp: datetime) -> bool:
    is_unexplained = backup.gone_reason in EXPLAINABLE and backup.gone_reason_replaced_at is None
    return is_unexplained and stamp - gone_at <= EXPLAINABLE_FOR
