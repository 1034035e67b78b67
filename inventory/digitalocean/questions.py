"""The questions: an account, its Droplets, their backup policies, one Droplet's backups.

    client.get | decode | walk | complete?

Each raises the `ApiError` of a page that fails; nothing partial is returned then.
"""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from inventory.digitalocean.client import Client
from inventory.digitalocean.decode import (
    Page,
    decode_account,
    decode_backups,
    decode_droplet,
    decode_droplets,
    decode_policies,
    decode_policy,
)
from inventory.digitalocean.paging import CHANGED, PER_PAGE, Walk, total_problem, walk, walk_problem
from inventory.errors import ApiError, AuthenticationError, ProtocolError, StoppedError
from inventory.model import Account, Backup, BackupPolicy, Droplet, DropletPages, Listing, PolicyPages

Value = TypeVar("Value")


def read_account(client: Client) -> Account:
    """Return the account that the token belongs to.

    Raises:
        PermissionDeniedError: The token lacks `account:read`, which nothing else needs.
    """
    return decode_account(client.get("/v2/account", scopes="account:read"))


def read_droplet(client: Client, droplet_id: int) -> Droplet:
    """Return one Droplet.

    Raises:
        NotFoundError: This token sees no Droplet of that id.
    """
    droplet = decode_droplet(client.get(f"/v2/droplets/{droplet_id}"))
    if droplet.id != droplet_id:
        raise ProtocolError("the answer does not fit: it shows another Droplet", status=200)
    return droplet


def count_droplets(client: Client) -> int | None:
    """Return how many Droplets without a GPU there are; None where the answer does not say so."""
    return decode_droplets(client.get("/v2/droplets", {"page": 1, "per_page": 1})).total


def reads_droplets(client: Client) -> bool:
    """Tell whether the token may read Droplets at all, so that a 404 for one of them means something (R2)."""
    try:
        count_droplets(client)
    except (AuthenticationError, StoppedError):
        raise
    except ApiError:
        return False
    return True


def list_droplets(client: Client, *, tag: str | None = None, gpus: bool = False) -> DropletPages:
    """Return every Droplet without a GPU, or every one with a GPU, that has the tag; None means any tag or none.

    The API lists the two kinds apart, and cannot search for a tag among those with a GPU.
    """
    chosen: dict[str, str | int] = {"tag_name": tag} if tag is not None and not gpus else {}
    scopes = "droplet:read and tag:read" if chosen else "droplet:read"
    if gpus:
        chosen = {"type": "gpus"}
    walked = _walk(client, "/v2/droplets", decode_droplets, chosen, scopes)
    droplets = walked.values
    if tag is not None and gpus:
        droplets = {number: droplet for number, droplet in droplets.items() if tag in (droplet.tags or ())}
    return DropletPages(droplets, walked.malformed, walked.unidentified, _problem(walked, "Droplets"))


def read_policy(client: Client, droplet_id: int) -> tuple[BackupPolicy, str | None]:
    """Return one Droplet's backup policy, and which of its values say nothing; None if each does.

    Raises:
        NotFoundError: This token sees no Droplet of that id.
    """
    return decode_policy(client.get(f"/v2/droplets/{droplet_id}/backups/policy"), droplet_id)


def list_policies(client: Client) -> PolicyPages:
    """Return the backup policies of all Droplets, also of those whose backups are off."""
    walked = _walk(client, "/v2/droplets/backups/policies", decode_policies)
    problem = _problem(walked, "backup policies")
    return PolicyPages(walked.values, walked.malformed, walked.doubts, walked.unidentified, problem)


def list_backups(
    client: Client, droplet_id: int, *, clock: Callable[[], datetime], accept_disagreeing_total: bool = False
) -> Listing:
    """Return one Droplet's backups, and whether they are all of them (R1).

    A list on several pages is walked twice; the second walk's values are returned.

    Args:
        client: Asks with the token.
        droplet_id: Of the Droplet.
        clock: Asked when the last page was decoded.
        accept_disagreeing_total: Take two walks that agree in place of a total that never fits.

    Raises:
        NotFoundError: This token sees no Droplet of that id.
        ApiError: A page could not be read.
    """
    walked = _walk(client, path := f"/v2/droplets/{droplet_id}/backups", decode_backups)
    pages = len(walked.pages)
    doubt = total_problem(walked, "backups")
    problem = walk_problem(walked) or (None if accept_disagreeing_total else doubt)
    if problem is None and (doubt or walked.filled_pages > 1):
        again = _walk(client, path, decode_backups)
        pages += len(again.pages)
        doubt = None if accept_disagreeing_total else total_problem(again, "backups")
        problem = walk_problem(again) or doubt or (None if again.ids == walked.ids else CHANGED)
        walked = again
    return Listing(
        droplet_id=droplet_id,
        backups=_by_id(walked),
        problem=problem,
        listed_at=clock().replace(microsecond=0),
        pages=pages,
        rows=walked.rows,
        announced_total=walked.total,
    )


def _by_id(walked: Walk[Backup]) -> tuple[Backup, ...]:
    return tuple(backup for _, backup in sorted(walked.values.items()))


def _problem(walked: Walk[Value], noun: str) -> str | None:
    return walk_problem(walked) or total_problem(walked, noun)


def _walk(
    client: Client,
    path: str,
    decode: Callable[[bytes], Page[Value]],
    chosen: dict[str, str | int] | None = None,
    scopes: str = "droplet:read and image:read",
) -> Walk[Value]:
    def read_page(number: int) -> Page[Value]:
        return decode(client.get(path, {**(chosen or {}), "page": number, "per_page": PER_PAGE}, scopes=scopes))

    return walk(read_page)
