"""Which Droplets a run looks at, and what the API says of them before their backups are listed.

    listings | Droplets asked for by their ids | those that are meant | narrowed to those wanted | their policies

A listing of Droplets is never proof that one is gone (R2): a known Droplet that is meant and that the listings lack is
asked for by its id.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from inventory.digitalocean import questions
from inventory.digitalocean.client import Client
from inventory.errors import ApiError, Kept, ProtocolError, UsageError
from inventory.history.detection import RELIST_AFTER
from inventory.model import BackupPolicy, Droplet, Selection
from inventory.store.remembered import KnownDroplet
from inventory.sync.fetching import Fetcher
from inventory.sync.listings import (
    Listings,
    answer_or_error,
    listed_policies,
    only,
    read_listings,
    read_policies,
    unreadable,
)


@dataclass(frozen=True, slots=True)
class Discovery:
    """What a run will look at.

    Attributes:
        droplets: Meant, and answered with 200, by id.
        failures: Meant, but not readable, by id; `NotFoundError` among them.
        unseen: Known, but not readable, by id, also where the run is narrowed to others.
        policies: As far as they could be read, by Droplet id.
        unselected: Known ids that the configuration no longer means.
        seen: Known ids that were answered with 200, meant or not, also by an entry that does not fit.
        began_at: When the listings of Droplets were begun; what they say of backups is no older.
        notes: Sentences on what may be missing.
        is_whole: Whether no Droplet that the configuration means can be missing from `droplets` and `failures`.
    """

    droplets: Mapping[int, Droplet]
    failures: Mapping[int, ApiError]
    unseen: Mapping[int, ApiError]
    policies: Mapping[int, BackupPolicy]
    unselected: frozenset[int]
    seen: frozenset[int]
    began_at: datetime
    notes: tuple[str, ...]
    is_whole: bool


def discover(
    client: Client,
    fetcher: Fetcher,
    selection: Selection,
    known: Mapping[int, KnownDroplet],
    *,
    wanted: frozenset[str],
    clock: Callable[[], datetime],
) -> Discovery:
    """Find the Droplets that `selection` means; `wanted`, names or ids, narrows it where it is not empty.

    Raises:
        ApiError: The listings of Droplets failed: nothing tells what to look at.
        UsageError: A wanted Droplet is not among those the configuration means.
    """
    began_at = clock().replace(microsecond=0)
    listed = read_listings(client, fetcher, selection, is_narrowed=bool(wanted))

    def ask(number: int) -> Droplet | ApiError:
        return answer_or_error(lambda: questions.read_droplet(client, number))

    answers = dict(fetcher.each(ask, sorted(_ids_to_ask(selection, known, listed.ids, wanted, began_at))))
    droplets, failures = _found(listed, answers)
    meant = {number for number, each in droplets.items() if number in listed.droplets or _is_meant(selection, each)}
    targets = meant | failures.keys()
    chosen = _narrowed(targets, _names(known, droplets), wanted) if wanted else targets
    policies, notes = (
        read_policies(client, fetcher, meant & chosen) if listed.policies is None else listed_policies(listed.policies)
    )
    return Discovery(
        droplets=only(droplets, meant & chosen),
        failures=only(failures, chosen),
        unseen=only(failures, known),
        policies=policies,
        unselected=frozenset() if wanted else frozenset(current_ids(known) - targets),
        seen=frozenset(known.keys() & (droplets.keys() | listed.malformed.keys())),
        began_at=began_at,
        notes=(
            *listed.notes,
            *([listed.denied] if listed.denied else []),
            *notes,
            *unreadable(only(droplets, meant & chosen)),
        ),
        is_whole=not listed.notes and not (listed.denied and _has_gpus(known, meant - listed.ids)),
    )


def _has_gpus(known: Mapping[int, KnownDroplet], unlisted: Collection[int]) -> bool:
    """Tell whether a GPU Droplet is known, where none are listed: it exists, and the other listings lack it."""
    return not current_ids(known).isdisjoint(unlisted)


def current_ids(known: Mapping[int, KnownDroplet]) -> set[int]:
    """Return the ids of the known Droplets that exist and are selected, as far as is stored."""
    return {number for number, each in known.items() if each.gone_at is None and each.unselected_since is None}


def _ids_to_ask(
    selection: Selection,
    known: Mapping[int, KnownDroplet],
    listed: Collection[int],
    wanted: frozenset[str],
    now: datetime,
) -> set[int]:
    """Choose which Droplets to ask for by id: the configured ids, and those known that the listings lack."""
    asked = set(selection.droplet_ids)
    if not selection.is_by_ids_alone:
        asked |= current_ids(known)
    asked -= {*listed, *_resting_ids(known, now)}
    names = _names(known)
    # Where the listings showed no known Droplet, all must be asked for: that tells whose token it is (R2).
    is_token_known = selection.is_by_ids_alone or not known.keys().isdisjoint(listed)
    is_known_by_name = all(word.isdecimal() or word in names.values() for word in wanted)
    return _matching(asked, names, wanted) if wanted and is_token_known and is_known_by_name else asked


def _resting_ids(known: Mapping[int, KnownDroplet], now: datetime) -> set[int]:
    """Return the ids of the Droplets that are gone and were asked for lately."""
    return {number for number, each in known.items() if each.gone_at and now - each.last_attempt_at < RELIST_AFTER}


def _found(
    listed: Listings, answers: Mapping[int, Droplet | ApiError]
) -> tuple[dict[int, Droplet], dict[int, ApiError]]:
    """Put together what the listings and the answers for single ids show: the Droplets, and the failures."""
    droplets = {**listed.droplets}
    failures: dict[int, ApiError] = {number: ProtocolError(why) for number, why in listed.malformed.items()}
    for number, answer in answers.items():
        if isinstance(answer, ApiError):
            failures[number] = answer
        else:
            droplets[number] = answer
    return _with_known_tags(droplets), failures


def _with_known_tags(droplets: dict[int, Droplet]) -> dict[int, Droplet]:
    """Take tags for unknown while no Droplet shows any: the token may lack the scope to read them."""
    if any(droplet.tags for droplet in droplets.values()):
        return droplets
    return {number: replace(droplet, tags=None) for number, droplet in droplets.items()}


def _is_meant(selection: Selection, droplet: Droplet) -> bool:
    """Judge a Droplet that was asked for by id; with its tags unknown it stays meant."""
    if selection.everything or droplet.id in selection.droplet_ids or droplet.tags is None:
        return True
    return bool(droplet.tags & selection.tags)


def _names(*sources: Mapping[int, KnownDroplet] | Mapping[int, Droplet]) -> dict[int, str]:
    """Return the names by id, as far as they are known; a later source's where two have one."""
    return {number: each.name for source in sources for number, each in source.items() if each.name is not None}


def _matching(numbers: Collection[int], names: Mapping[int, str], wanted: Collection[str]) -> set[int]:
    """Return the ids that are wanted, by themselves or by name."""
    return {number for number in numbers if str(number) in wanted or names.get(number) in wanted}


def _narrowed(numbers: Collection[int], names: Mapping[int, str], wanted: frozenset[str]) -> set[int]:
    """Return the ids that are wanted.

    Raises:
        UsageError: A wanted name or id is none of them.
    """
    chosen = _matching(numbers, names, wanted)
    if unmatched := wanted - {str(number) for number in chosen} - {names.get(number) for number in chosen}:
        words = ", ".join(sorted(unmatched))
        raise UsageError(f"no configured Droplet has the name or id {words}", kept=Kept.NOTHING_CHANGED)
    return chosen
