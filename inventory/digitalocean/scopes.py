"""What a token may read, found out by one small question for each scope."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from inventory.digitalocean.client import Client
from inventory.digitalocean.questions import count_droplets, read_account
from inventory.errors import ApiError, NotFoundError, PermissionDeniedError
from inventory.model import Account

_Questions: TypeAlias = tuple[tuple[str, Callable[[], object]], ...]
_FIRST = {"page": 1, "per_page": 1}


@dataclass(frozen=True, slots=True)
class Reading:
    """What a token could read.

    Attributes:
        missing: The scopes that the token lacks, as far as they were asked for.
        account: None where it could not be read.
        problem: Why not every question was asked; None if each was.
    """

    missing: frozenset[str]
    account: Account | None = None
    problem: ApiError | None = None


def read_each(client: Client, *, tag: str) -> Reading:
    """Ask one question for each scope, four requests in all, and stop at the first that gets no usable answer.

    Args:
        client: Asks with the token.
        tag: Any tag; it does not matter whether a Droplet has it.
    """
    questions: _Questions = (
        ("droplet:read", partial(count_droplets, client)),
        ("image:read", partial(client.get, "/v2/images", {"private": "true", **_FIRST}, scopes="image:read")),
        ("account:read", partial(read_account, client)),
        ("tag:read", partial(_look_for_tag, client, tag)),
    )
    answers: dict[str, object] = {}
    missing = set()
    problem = None
    for scope, ask in questions:
        try:
            answers[scope] = ask()
        except PermissionDeniedError:
            missing.add(scope)
        except ApiError as error:
            problem = error
            break
    account = answers.get("account:read")
    return Reading(frozenset(missing), account if isinstance(account, Account) else None, problem)


def _look_for_tag(client: Client, tag: str) -> None:
    """Ask for the Droplets of a tag. A tag that does not exist may be answered 404: that is not documented."""
    try:
        client.get("/v2/droplets", {"tag_name": tag, **_FIRST}, scopes="tag:read")
    except NotFoundError:
        return
