"""Which Droplets a run looks at, and what the API says of them before their backups are listed.

A listing of Droplets is never proof that one is gone (R2): a Droplet we know and mean, that the listings lack, is asked
for by its id. Listings are walked once, all at the same time.
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TypeVar

from inventory.digitalocean import questions
from inventory.digitalocean.client import Client
from inventory.digitalocean.paging import PER_PAGE
from inventory.errors import (
    ApiError,
    AuthenticationError,
    NotFoundError,
    ProtocolError,
    StoppedError,
    UsageError,
    WrongAccountError,
)
from inventory.history.detection import RELIST_AFTER
from inventory.model import BackupPolicy, Droplet, DropletPages, PolicyPages, Selection
from inventory.store.runs import KnownDroplet
from inventory.sync.fetching import Fetcher

Answer = TypeVar("Answer")

_WORTH_COUNTING = 3

# From this many known Droplets on, a token that sees none of them is taken for one of another account.
TELLING_NUMBER = 2


@dataclass(frozen=True, slots=True)
class Discovery:
    """What a run will look at.

    Attributes:
        droplets: Meant, and answered with 200, by id.
        failures: Meant, but not readable, by id; `NotFoundError` among them.
        unseen: Known, but not readable, by id, also where the run is narrowed to others.
        policies: As far as they could be read, by Droplet id.
        unselected: Known ids that the configuration no longer means.
        seen: Known ids that were answered with 200, meant or not, be it by an entry that does not fit.
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
    """Find the Droplets that `selection` means; `wanted`, names or ids, narrows it, empty does not.

    Raises:
        ApiError: A listing of Droplets failed: there is no telling what to look at.
        UsageError: A wanted Droplet is not among those the configuration means.
    """
    lists = _lists(selection)
    is_cheaper_listed = not lists and not wanted and _is_cheaper_listed(client, fetcher, len(selection.droplet_ids))
    one_by_one = bool(wanted) or not (lists or is_cheaper_listed)
    began_at = clock().replace(microsecond=0)
    listings = _listings(client, selection, all_droplets=is_cheaper_listed, all_policies=not one_by_one)
    answered = fetcher.all(*listings)
    droplet_pages = [pages for pages in answered if isinstance(pages, DropletPages)]
    policy_pages = [pages for pages in answered if not isinstance(pages, DropletPages)]
    listed, malformed, notes = _listed_droplets(droplet_pages, selection, all_for_ids=is_cheaper_listed)
    # Ids that a listing lacks are asked for one by one: nothing of it can be missing then.
    is_whole = not lists or not notes
    to_ask = _ids_to_ask(selection, known, {*listed, *malformed}, wanted, began_at)
    answers = dict(fetcher.each(lambda number: _answer(lambda: questions.read_droplet(client, number)), sorted(to_ask)))
    read = {number: answer for number, answer in answers.items() if isinstance(answer, Droplet)}
    failures = {number: answer for number, answer in answers.items() if isinstance(answer, ApiError)}
    failures |= {number: ProtocolError(why) for number, why in malformed.items()}
    unseen = {number: error for number, error in failures.items() if number in known}
    droplets = _with_known_tags({**listed, **read})
    meant = {
        number: droplet for number, droplet in droplets.items() if number in listed or _is_meant(selection, droplet)
    }
    if wanted:
        meant, failures = _narrow(meant, failures, known, wanted)
    current = {number for number, droplet in known.items() if _is_current(droplet)}
    policies, more_notes = _listed_policies(*policy_pages) if policy_pages else _read_policies(client, fetcher, meant)
    return Discovery(
        droplets=meant,
        failures=failures,
        unseen=unseen,
        policies=policies,
        unselected=frozenset() if wanted else frozenset(current - meant.keys() - failures.keys()),
        seen=frozenset(known.keys() & {*droplets, *malformed}),
        began_at=began_at,
        notes=(*notes, *more_notes),
        is_whole=is_whole,
    )


def check_token(account: str, known: Mapping[int, KnownDroplet], discovery: Discovery) -> None:
    """Refuse a token that sees none of the account's Droplets (R2); before anything is written.

    Raises:
        WrongAccountError: All known Droplets, two or more, answered 404.
        ApiError: None of them was seen, and some could not be asked: there is no telling whose the token is.
    """
    existing = [number for number, droplet in known.items() if _is_current(droplet)]
    asked = [discovery.unseen[number] for number in existing if number in discovery.unseen]
    missing = [error for error in asked if isinstance(error, NotFoundError)]
    if discovery.seen or len(existing) < TELLING_NUMBER or len(asked) < len(existing):
        return
    if len(missing) == len(existing):
        raise WrongAccountError(
            f'the token of account "{account}" sees none of its {len(existing)} known Droplets: is it the token of '
            "another account? Nothing was changed. If all of them were destroyed: inventory sync --accept-gone"
        )
    if missing or discovery.droplets:
        raise next(error for error in asked if not isinstance(error, NotFoundError))


def is_token_alive(
    client: Client,
    known: Mapping[int, KnownDroplet],
    discovery: Discovery,
    droplet_id: int,
    *,
    is_uuid_known: bool,
    accept_gone: bool,
) -> bool:
    """Tell whether the token has read something else of this account in this run, so that its 404 means something.

    With `accept_gone` the user answers for it that the token is the right one.
    """
    if is_uuid_known or discovery.seen - {droplet_id}:
        return True
    existing = [number for number, droplet in known.items() if _is_current(droplet)]
    is_ours = accept_gone or len(existing) < TELLING_NUMBER
    return is_ours and (client.answers > 0 or questions.reads_droplets(client))


def _lists(selection: Selection) -> bool:
    return selection.everything or bool(selection.tags)


def _is_current(droplet: KnownDroplet) -> bool:
    return droplet.gone_at is None and droplet.unselected_since is None


def _is_cheaper_listed(client: Client, fetcher: Fetcher, ids: int) -> bool:
    """Tell whether listing all Droplets and all policies costs fewer requests than asking for so many of each.

    To know, one more request is made: below three ids it would cost what it saves.
    """
    if ids < _WORTH_COUNTING:
        return False
    total = fetcher.one(lambda: _answer(lambda: questions.count_droplets(client)))
    return isinstance(total, int) and 1 + math.ceil(total / PER_PAGE) < ids


def _listings(
    client: Client, selection: Selection, *, all_droplets: bool, all_policies: bool
) -> list[Callable[[], DropletPages | PolicyPages | ApiError]]:
    """Give what asks for each listing; GPU Droplets have one of their own. A failure is a value for policies only."""
    tags: Sequence[str | None] = [None] if selection.everything or all_droplets else sorted(selection.tags)
    listings: list[Callable[[], DropletPages | PolicyPages | ApiError]] = [
        partial(questions.list_droplets, client, tag=tag, gpus=gpus) for tag in tags for gpus in (False, True)
    ]
    if all_policies:
        listings.append(lambda: _answer(lambda: questions.list_policies(client)))
    return listings


def _listed_droplets(
    walked: Iterable[DropletPages], selection: Selection, *, all_for_ids: bool
) -> tuple[dict[int, Droplet], dict[int, str], tuple[str, ...]]:
    """Put the listings together. `all_for_ids`: they were walked for the ids that are meant."""
    listed: dict[int, Droplet] = {}
    malformed: dict[int, str] = {}
    unidentified: list[str] = []
    notes = []
    for pages in walked:
        listed.update(pages.droplets)
        malformed.update(pages.malformed)
        unidentified.extend(pages.unidentified)
        if pages.problem:
            notes.append(f"the listing of Droplets may lack some: {pages.problem}")
    if all_for_ids:
        meant = selection.droplet_ids
        return (
            {number: droplet for number, droplet in listed.items() if number in meant},
            {number: why for number, why in malformed.items() if number in meant and number not in listed},
            (),
        )
    if unidentified:
        notes.append(f"the listing of Droplets holds an entry that cannot be read: {unidentified[0]}")
    return listed, {number: why for number, why in malformed.items() if number not in listed}, tuple(notes)


def _ids_to_ask(
    selection: Selection,
    known: Mapping[int, KnownDroplet],
    listed: Collection[int],
    wanted: frozenset[str],
    now: datetime,
) -> set[int]:
    """Choose whom to ask for by id: the named ones, and those known that the listings lack."""
    asked = set(selection.droplet_ids)
    if _lists(selection):
        asked |= {number for number, droplet in known.items() if _is_current(droplet)}
    asked -= set(listed)
    asked -= {number for number in asked if number in known and _rests(known[number], now)}
    names = {droplet.name for droplet in known.values()}
    # Where the listings showed none of them, all must be asked for: whose token is it (R2)?
    is_token_known = bool(known.keys() & set(listed)) or not _lists(selection)
    if wanted and is_token_known and all(word.isdecimal() or word in names for word in wanted):
        asked = {number for number in asked if _matches(number, known[number].name if number in known else "", wanted)}
    return asked


def _rests(droplet: KnownDroplet, now: datetime) -> bool:
    return droplet.gone_at is not None and now - droplet.last_attempt_at < RELIST_AFTER


def _answer(ask: Callable[[], Answer]) -> Answer | ApiError:
    """Make a failure a value (R10), but for those that concern the whole run."""
    try:
        return ask()
    except (AuthenticationError, StoppedError):
        raise
    except ApiError as error:
        return error


def _with_known_tags(droplets: Mapping[int, Droplet]) -> dict[int, Droplet]:
    """Take tags for unknown while no Droplet shows any: the token may lack the scope to read them."""
    if any(droplet.tags for droplet in droplets.values()):
        return dict(droplets)
    return {number: replace(droplet, tags=None) for number, droplet in droplets.items()}


def _is_meant(selection: Selection, droplet: Droplet) -> bool:
    """Judge a Droplet that was asked for by id; with its tags unknown it stays meant."""
    if selection.everything or droplet.id in selection.droplet_ids or droplet.tags is None:
        return True
    return bool(droplet.tags & selection.tags)


def _matches(number: int, name: str, wanted: Collection[str]) -> bool:
    return str(number) in wanted or name in wanted


def _narrow(
    meant: Mapping[int, Droplet],
    failures: Mapping[int, ApiError],
    known: Mapping[int, KnownDroplet],
    wanted: frozenset[str],
) -> tuple[dict[int, Droplet], dict[int, ApiError]]:
    names = {number: droplet.name for number, droplet in known.items()}
    names |= {number: droplet.name for number, droplet in meant.items()}
    chosen = {number for number in {*meant, *failures} if _matches(number, names.get(number, ""), wanted)}
    found = {str(number) for number in chosen} | {names.get(number, "") for number in chosen}
    if unmatched := sorted(wanted - found):
        raise UsageError(f"no configured Droplet has the name or id {', '.join(unmatched)}. Nothing was changed.")
    return (
        {number: droplet for number, droplet in meant.items() if number in chosen},
        {number: error for number, error in failures.items() if number in chosen},
    )


def _read_policies(
    client: Client, fetcher: Fetcher, droplets: Iterable[int]
) -> tuple[dict[int, BackupPolicy], tuple[str, ...]]:
    """Read the policies one by one; those that cannot be read stay unknown, which is said and not more."""
    answers = dict(
        fetcher.each(lambda number: _answer(lambda: questions.read_policy(client, number)), sorted(droplets))
    )
    failed = {number: str(answer) for number, answer in answers.items() if isinstance(answer, ApiError)}
    read = {number: answer for number, answer in answers.items() if isinstance(answer, BackupPolicy)}
    return read, _unread(failed)


def _listed_policies(pages: PolicyPages | ApiError) -> tuple[Mapping[int, BackupPolicy], tuple[str, ...]]:
    """Take the policies from their listing; as above."""
    if isinstance(pages, ApiError):
        return {}, (f"no backup policy could be read: {pages}",)
    if pages.problem:
        return pages.policies, (f"the listing of backup policies may lack some: {pages.problem}",)
    unidentified = (
        f"the listing of backup policies holds an entry that cannot be read: {why}" for why in pages.unidentified[:1]
    )
    return pages.policies, (*_unread(pages.malformed), *unidentified)


def _unread(policies: Mapping[int, str]) -> tuple[str, ...]:
    return tuple(f"the backup policy of Droplet {number} could not be read: {why}" for number, why in policies.items())
