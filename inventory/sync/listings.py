"""What the listings of Droplets and of backup policies show, put together.

Each is walked once, all at the same time: what they lack is never taken for gone (R2).
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias, TypeVar

from inventory.digitalocean import questions
from inventory.digitalocean.client import Client
from inventory.digitalocean.paging import PER_PAGE
from inventory.errors import ApiError, AuthenticationError, PermissionDeniedError, StoppedError
from inventory.model import BackupPolicy, Droplet, DropletPages, PolicyPages, Selection
from inventory.sync.fetching import Fetcher

Answer = TypeVar("Answer")
Key = TypeVar("Key")
Value = TypeVar("Value")

Policies: TypeAlias = tuple[Mapping[int, BackupPolicy], tuple[str, ...]]
"""Backup policies by Droplet id, and sentences on those that could not be read."""

_Kind: TypeAlias = tuple[str | None, bool]
"""Which Droplets a listing shows: those with a tag, None for all, and whether those with a GPU."""

# To compare the costs takes one request; for fewer ids it would cost what it saves.
_LEAST_IDS_TO_COMPARE = 3


@dataclass(frozen=True, slots=True)
class Listings:
    """What the listings showed.

    Attributes:
        droplets: By id.
        malformed: Id -> why its entry could not be read; without those that another listing shows.
        notes: Sentences on Droplets that may be missing; empty where none can be.
        policies: Of all Droplets, or why they could not be listed; None where they were not asked for.
        denied: Why GPU Droplets could not be listed where this token may never list them, else None.
    """

    droplets: Mapping[int, Droplet]
    malformed: Mapping[int, str]
    notes: tuple[str, ...]
    policies: PolicyPages | ApiError | None
    denied: str | None = None

    @property
    def ids(self) -> set[int]:
        """Of all Droplets that were shown, readable or not."""
        return {*self.droplets, *self.malformed}


def read_listings(client: Client, fetcher: Fetcher, selection: Selection, *, is_narrowed: bool) -> Listings:
    """List the Droplets that `selection` means, as far as listings find them for fewer requests, and their policies.

    A narrowed run lists no policies: it needs few of them. A listing that fails costs what it alone would show (R15).

    Raises:
        ApiError: Every listing of Droplets failed, beside those of GPU Droplets.
    """
    tags = _tags_to_list(client, fetcher, selection, is_narrowed=is_narrowed)
    # GPU Droplets have a listing of their own.
    kinds = [(tag, gpus) for tag in tags for gpus in (False, True)]
    listings: list[Callable[[], DropletPages | PolicyPages]] = [
        partial(questions.list_droplets, client, tag=tag, gpus=gpus) for tag, gpus in kinds
    ]
    if listings and not is_narrowed:
        listings.append(partial(questions.list_policies, client))
    answers = fetcher.all(*(partial(answer_or_error, listing) for listing in listings))
    policies = next((answer for answer in answers[len(kinds) :] if not isinstance(answer, DropletPages)), None)
    return _together(selection, dict(zip(kinds, answers, strict=False)), policies)


def listed_policies(pages: PolicyPages | ApiError) -> Policies:
    """Take the policies from their listing; those that cannot be read stay unknown."""
    if isinstance(pages, ApiError):
        return {}, (f"no backup policy could be read: {pages}",)
    if pages.problem:
        return pages.policies, (f"the listing of backup policies may lack some: {pages.problem}",)
    unidentified = _unidentified("backup policies", pages.unidentified)
    return pages.policies, (*_unread(pages.malformed), *unidentified, *_doubted("backup policy of ", pages.doubts))


def read_policies(client: Client, fetcher: Fetcher, droplet_ids: Iterable[int]) -> Policies:
    """Read the policies one by one; those that cannot be read stay unknown."""

    def ask(number: int) -> tuple[BackupPolicy, str | None] | ApiError:
        return answer_or_error(lambda: questions.read_policy(client, number))

    answers = dict(fetcher.each(ask, sorted(droplet_ids)))
    read = {number: answer for number, answer in answers.items() if not isinstance(answer, ApiError)}
    unread = {number: str(answers[number]) for number in answers.keys() - read.keys()}
    doubts = {number: doubt for number, (_, doubt) in read.items() if doubt}
    return {number: policy for number, (policy, _) in read.items()}, (
        *_unread(unread),
        *_doubted("backup policy of ", doubts),
    )


def answer_or_error(ask: Callable[[], Answer]) -> Answer | ApiError:
    """Make a failure a value (R10), except where it concerns the whole run.

    Raises:
        AuthenticationError: The token is rejected.
        StoppedError: The run is given up.
    """
    try:
        return ask()
    except (AuthenticationError, StoppedError):
        raise
    except ApiError as error:
        return error


def only(mapping: Mapping[Key, Value], keys: Collection[Key]) -> dict[Key, Value]:
    """Return the part of a mapping that has these keys."""
    return {key: value for key, value in mapping.items() if key in keys}


def _tags_to_list(client: Client, fetcher: Fetcher, selection: Selection, *, is_narrowed: bool) -> Sequence[str | None]:
    """Return the tags whose Droplets are listed; None lists all Droplets. Empty where no listing is worth it."""
    if selection.everything:
        return [None]
    if selection.is_by_ids_alone and not is_narrowed and _is_cheaper(client, fetcher, len(selection.droplet_ids)):
        return [None]
    return sorted(selection.tags)


def _is_cheaper(client: Client, fetcher: Fetcher, ids: int) -> bool:
    """Tell whether listing all Droplets and all policies costs fewer requests than asking for so many of each."""
    if ids < _LEAST_IDS_TO_COMPARE:
        return False
    total = fetcher.one(lambda: answer_or_error(lambda: questions.count_droplets(client)))
    return isinstance(total, int) and 1 + math.ceil(total / PER_PAGE) < ids


def _of_ids(meant: Collection[int], pages: Iterable[DropletPages], policies: PolicyPages | ApiError | None) -> Listings:
    """Take the Droplets of these ids; those that are missing are asked for one by one, so nothing needs to be said."""
    listed = _of_all(pages, policies)
    return Listings(only(listed.droplets, meant), only(listed.malformed, meant), (), policies)


def _of_all(pages: Iterable[DropletPages], policies: PolicyPages | ApiError | None) -> Listings:
    droplets: dict[int, Droplet] = {}
    malformed: dict[int, str] = {}
    unidentified: list[str] = []
    notes = []
    for each in pages:
        droplets.update(each.droplets)
        malformed.update(each.malformed)
        unidentified.extend(each.unidentified)
        if each.problem:
            notes.append(f"the listing of Droplets may lack some: {each.problem}")
    return Listings(
        droplets=droplets,
        malformed=only(malformed, malformed.keys() - droplets.keys()),
        notes=(*notes, *_unidentified("Droplets", unidentified)),
        policies=policies,
    )


def _together(
    selection: Selection,
    answers: Mapping[_Kind, DropletPages | PolicyPages | ApiError],
    policies: PolicyPages | ApiError | None,
) -> Listings:
    pages = [answer for answer in answers.values() if isinstance(answer, DropletPages)]
    if selection.is_by_ids_alone:
        return _of_ids(selection.droplet_ids, pages, policies)
    failures = {kind: answer for kind, answer in answers.items() if isinstance(answer, ApiError)}
    usual = [kind for kind in answers if not kind[1]]
    if usual and failures.keys() >= set(usual):
        raise failures[usual[0]]
    return _with_failures(_of_all(pages, policies), failures)


def _with_failures(listed: Listings, failures: Mapping[_Kind, ApiError]) -> Listings:
    """Say which listings failed."""
    notes = [
        f'the listing of Droplets with the tag "{tag}" failed: {why}'
        for (tag, gpus), why in failures.items()
        if not gpus
    ]
    gpus = next((why for (_, gpus), why in failures.items() if gpus), None)
    sentence = f"the listing of GPU Droplets failed: {gpus}"
    if isinstance(gpus, PermissionDeniedError):
        return replace(listed, notes=(*listed.notes, *notes), denied=sentence)
    return replace(listed, notes=(*listed.notes, *notes, *([sentence] if gpus else [])))


def _unread(policies: Mapping[int, str]) -> tuple[str, ...]:
    return tuple(
        f"the backup policy of Droplet {number} could not be read: {why}" for number, why in sorted(policies.items())
    )


def unreadable(droplets: Mapping[int, Droplet]) -> tuple[str, ...]:
    """Say which Droplets show fields that cannot be read, and what becomes of those."""
    doubts = {
        number: f"{' and '.join(each.unreadable)} cannot be read"
        for number, each in droplets.items()
        if each.unreadable
    }
    return _doubted("", doubts)


def _doubted(noun: str, doubts: Mapping[int, str]) -> tuple[str, ...]:
    """Say once for each kind of values that say nothing, whose they are."""
    whose: dict[str, list[int]] = {}
    for number, what in sorted(doubts.items()):
        whose.setdefault(what, []).append(number)
    return tuple(
        f"{noun}Droplet {numbers[0]}"
        + (f" and {'of ' if noun else ''}{len(numbers) - 1} more" if len(numbers) > 1 else "")
        + f": {what}, and is taken as unknown"
        for what, numbers in sorted(whose.items())
    )


def _unidentified(noun: str, reasons: Sequence[str]) -> tuple[str, ...]:
    """Say why the first entry without a readable id could not be read; one sentence stands for all of them."""
    return tuple(f"the listing of {noun} holds an entry that cannot be read: {why}" for why in reasons[:1])
