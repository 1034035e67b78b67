"""Check DigitalOcean with each token: whether it answers, what its clock says, and what the token may read."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from threading import Timer

from inventory.digitalocean.client import Client
from inventory.digitalocean.scopes import Reading, read_each
from inventory.doctor import diagnosis
from inventory.doctor.diagnosis import Answers, Check
from inventory.errors import ApiError, ConfigurationError
from inventory.settings.accounts import AccountSettings
from inventory.settings.load import Settings
from inventory.store.examination import StoredState

# Asked for if the configuration names no tag; only whether the request is allowed matters.
_ANY_TAG = "inventory"


def examine_api(
    settings: Settings,
    accounts: Sequence[AccountSettings],
    stored: Mapping[str, StoredState],
    clock: Callable[[], datetime],
    patience_seconds: float,
    *,
    says: Callable[[str], object],
) -> Iterator[Check]:
    """Ask with each token; `api` and `clock`, which concern no single account, are judged with the first one.

    If no token could be read, ask without: even a refusal shows that DigitalOcean can be reached, and what its clock
    says.
    """
    for number, account in enumerate(accounts):
        says(f'asking {settings.api_url} with the token of account "{account.name}"')
        answers = _ask(account, settings, clock, patience_seconds)
        state = stored.get(account.name, StoredState())
        if number == 0:
            yield diagnosis.api(settings.api_url, answers)
            yield diagnosis.clock(answers)
        yield diagnosis.token(answers, state.account, needs_tags=bool(account.droplets.tags))
        yield diagnosis.rate_budget(answers, state.last_run, clock())


def _ask(
    account: AccountSettings, settings: Settings, clock: Callable[[], datetime], patience_seconds: float
) -> Answers:
    tag = min(account.droplets.tags, default=_ANY_TAG)
    if account.problem:
        return _unasked(account, account.problem, patience_seconds)
    try:
        client = Client(
            account.token,
            origin=settings.api_url,
            requests_per_second=settings.requests_per_second,
            ca_file=settings.ca_file,
            clock=clock,
        )
    except ConfigurationError as error:
        return _unasked(account, str(error), patience_seconds)
    with client, _patience(client, patience_seconds):
        reading = read_each(client, tag=tag)
        return Answers(
            account=account.name,
            source=account.token_source if account.token else None,
            reading=reading,
            clock_skew=client.clock_skew,
            requests_left=client.rate_limit_remaining,
            waiting_until=client.waiting_until,
            patience_seconds=patience_seconds,
        )


def _unasked(account: AccountSettings, why: str, patience_seconds: float) -> Answers:
    unasked = Reading(frozenset(), problem=ApiError(why))
    return Answers(account.name, account.token_source, unasked, None, None, None, patience_seconds)


@contextmanager
def _patience(client: Client, seconds: float) -> Iterator[None]:
    """Abandon every wait after so many seconds, also the one for the rate limit, which may take an hour."""
    timer = Timer(seconds, client.stop)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
