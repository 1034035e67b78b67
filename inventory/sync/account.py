"""Whose account the token reads (R2)."""

from collections.abc import Mapping

from inventory.digitalocean import questions
from inventory.digitalocean.client import Client
from inventory.errors import ApiError, Kept, NotFoundError, StoppedError, WrongAccountError
from inventory.model import Account
from inventory.store.remembered import KnownDroplet
from inventory.sync.discovery import Discovery, current_ids

_TELLING_NUMBER = 2


def read_account(client: Client) -> Account | ApiError:
    """Ask whose token it is; every failure is a value, because a good token may lack the scope for this.

    Raises:
        StoppedError: The run is given up.
    """
    try:
        return questions.read_account(client)
    except StoppedError:
        raise
    except ApiError as error:
        return error


def are_telling(known: Mapping[int, KnownDroplet]) -> bool:
    """Tell whether so many Droplets are known that a token which sees none of them belongs to another account."""
    return len(current_ids(known)) >= _TELLING_NUMBER


def check_token(account: str, known: Mapping[int, KnownDroplet], discovery: Discovery) -> None:
    """Refuse a token that sees none of the account's Droplets, before anything is written.

    Raises:
        WrongAccountError: All known Droplets, two or more, answered 404.
        ApiError: None of them was seen, and some could not be asked for: nothing tells whose the token is.
    """
    existing = current_ids(known)
    if discovery.seen or not are_telling(known) or not existing <= discovery.unseen.keys():
        return
    errors = [discovery.unseen[number] for number in sorted(existing)]
    others = [error for error in errors if not isinstance(error, NotFoundError)]
    if not others:
        raise WrongAccountError(
            f'the token of account "{account}" sees none of its {len(existing)} known Droplets, as a token of '
            "another account would",
            kept=Kept.NOTHING_CHANGED,
            to_do="if all of them were destroyed: inventory sync --accept-gone",
        )
    if len(others) < len(errors) or discovery.droplets:
        raise others[0]
