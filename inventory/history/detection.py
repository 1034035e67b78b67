"""Which Droplets need no listing of their backups, because a listing of Droplets proves them unchanged. Pure.

A listing of 200 Droplets is one request, and gives the ids of each Droplet's backups. Where these are the ids stored as
live, nothing appeared and nothing ended since the last look. That proves which backups exist; their sizes, names and
regions are as of the last listing of the Droplet, and so each Droplet is listed again from time to time.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from inventory.model import BackupPolicy, Droplet

RELIST_AFTER = timedelta(days=7)

_A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is stored of a Droplet whose last attempt was a look, and whose backups raise no question.

    Attributes:
        last_listed_at: The stamp of the last complete listing of its backups.
        backup_ids: The ids of its live backups.
        is_policy_on: Whether the last policy that was read has backups on; False where none was ever read.
    """

    last_listed_at: datetime
    backup_ids: frozenset[int]
    is_policy_on: bool


def proven_unchanged(
    droplets: Iterable[Droplet],
    remembered: Mapping[int, Remembered],
    policies: Mapping[int, BackupPolicy],
    *,
    now: datetime,
    last_run_at: datetime | None,
) -> set[int]:
    """Return the ids of the Droplets that need no listing now; `policies` are those read in this run, by Droplet id.

    Of the Droplets not listed for `RELIST_AFTER`, those not listed for longest are due: a seventh of the fleet for a
    day that has passed since `last_run_at`, a part of that for a part of a day, so that they never come all at once.
    `last_run_at` is None where there was no run before.
    """
    proven = {
        droplet.id: remembered[droplet.id].last_listed_at
        for droplet in droplets
        if droplet.id in remembered and _is_proven(droplet, remembered[droplet.id], policies.get(droplet.id))
    }
    overdue = sorted((at, number) for number, at in proven.items() if now - at >= RELIST_AFTER)
    days = min((now - last_run_at) / _A_DAY, 1.0) if last_run_at else 1.0
    share = math.ceil(len(remembered) * max(days, 0.0) * (_A_DAY / RELIST_AFTER))
    return proven.keys() - {number for _, number in overdue[:share]}


def _is_proven(droplet: Droplet, before: Remembered, policy: BackupPolicy | None) -> bool:
    """Tell whether the Droplet's ids prove that the stored backups are all there are.

    Where the ids are absent or empty, the token may be unable to read them. Then they prove something only where no
    backup is stored and nothing says that some are made: the Droplet lacks the backups feature, as it does on a
    usage-based plan too, and its policy, read in this run or else the last stored, is not on.
    """
    if droplet.backup_ids:
        return droplet.backup_ids == before.backup_ids
    is_policy_on = before.is_policy_on if policy is None else policy.is_enabled
    lacks_backups = droplet.features is not None and "backups" not in droplet.features
    return lacks_backups and not is_policy_on and not before.backup_ids
