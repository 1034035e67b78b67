"""What a listing shows beside what is stored of its Droplet: sets subtracted from sets. Pure.

listed - stored   appeared
listed & ended    returned
listed & live     changed, where an attribute or region differs; found again, where it was marked as missing
live - listed     missing
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from inventory.history.changes import Change
from inventory.history.intervals import differs
from inventory.model import Backup, StoredBackup

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a listing differs from what is stored; every tuple is in the order of the ids.

    Attributes:
        listed: What the listing shows, by id; without backups that are stored under another Droplet.
        returned: Listed, and stored as gone.
        found_again: Listed and live, but marked as missing.
        missing: Live, and not listed. Whether they ended is not said here (R1).
        live_before: How many backups are stored as live.
    """

    listed: Mapping[int, Backup]
    appeared: tuple[Backup, ...]
    returned: tuple[Change, ...]
    changed: tuple[Change, ...]
    found_again: tuple[StoredBackup, ...]
    missing: tuple[StoredBackup, ...]
    live_before: int


def compare(shown: Iterable[Backup], stored: Mapping[int, StoredBackup], foreign: Collection[int]) -> Comparison:
    """Compare the backups that a listing shows with those stored of its Droplet; `foreign` ids are another's."""
    listed = {backup.id: backup for backup in shown if backup.id not in foreign}
    live = {number: backup for number, backup in stored.items() if backup.is_live}
    gone = stored.keys() - live.keys()
    still = [(live[number], listed[number]) for number in sorted(listed.keys() & live.keys())]
    return Comparison(
        listed=listed,
        appeared=_in_order(listed, listed.keys() - stored.keys()),
        returned=tuple(Change(stored[number], listed[number]) for number in sorted(listed.keys() & gone)),
        changed=tuple(Change(before, after) for before, after in still if differs(before, after)),
        found_again=tuple(before for before, _ in still if before.state.missing_since is not None),
        missing=_in_order(live, live.keys() - listed.keys()),
        live_before=len(live),
    )


def _in_order(values: Mapping[int, Value], ids: Iterable[int]) -> tuple[Value, ...]:
    return tuple(values[number] for number in sorted(ids))
