"""One look at one Droplet: what discovery read of it, and a listing of its backups where one is needed."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from inventory.digitalocean import questions as api
from inventory.digitalocean.client import Client
from inventory.errors import ApiError, AuthenticationError, NotFoundError, StoppedError
from inventory.model import PROVEN, Attempt
from inventory.store.runs import KnownDroplet
from inventory.sync.discovery import Discovery, is_token_alive


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """Makes the looks of a run, once it is known which Droplets there are.

    Attributes:
        known: Every stored Droplet of the account, by id.
        is_uuid_known: Whether this run read of the account that is stored.
        accept_gone: The user answers for it that the token is the right one.
        accept_disagreeing_total: Take two walks that agree in place of a total that never fits.
    """

    client: Client
    discovery: Discovery
    known: Mapping[int, KnownDroplet]
    account_id: int
    is_uuid_known: bool
    accept_gone: bool
    accept_disagreeing_total: bool
    clock: Callable[[], datetime]

    def proven(self, droplet_id: int) -> Attempt:
        """Take a Droplet for unchanged, as of when the listings of Droplets were begun."""
        return Attempt(
            droplet_id=droplet_id,
            account_id=self.account_id,
            droplet=self.discovery.droplets[droplet_id],
            policy=self.discovery.policies.get(droplet_id),
            listing=None,
            outcome=PROVEN,
            error=None,
            http_status=200,
            is_token_alive=True,
            attempted_at=self.discovery.began_at,
            duration_seconds=0.0,
        )

    def listed(self, droplet_id: int) -> Attempt:
        """List a Droplet's backups; what prevents it is a value (R10). Runs in a fetching thread.

        Raises:
            AuthenticationError: The token is rejected, which concerns the whole run.
            StoppedError: The run is given up.
        """
        began = time.monotonic()
        droplet, listing = self.discovery.droplets.get(droplet_id), None
        failure = self.discovery.failures.get(droplet_id)
        if droplet is not None:
            try:
                listing = api.list_backups(
                    self.client,
                    droplet_id,
                    clock=self.clock,
                    accept_disagreeing_total=self.accept_disagreeing_total,
                )
            except (AuthenticationError, StoppedError):
                raise
            except ApiError as error:
                failure = error
        return Attempt(
            droplet_id=droplet_id,
            account_id=self.account_id,
            droplet=droplet,
            policy=self.discovery.policies.get(droplet_id),
            listing=listing,
            outcome=failure.outcome if failure else "listed",
            error=str(failure) if failure else None,
            http_status=failure.status if failure else 200,
            is_token_alive=isinstance(failure, NotFoundError) and self._is_token_alive(droplet_id),
            attempted_at=listing.listed_at if listing else self.clock(),
            duration_seconds=round(time.monotonic() - began, 3),
        )

    def _is_token_alive(self, droplet_id: int) -> bool:
        return is_token_alive(
            self.client,
            self.known,
            self.discovery,
            droplet_id,
            is_uuid_known=self.is_uuid_known,
            accept_gone=self.accept_gone,
        )
