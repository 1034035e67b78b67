"""One look at one Droplet: what discovery read of it, and a listing of its backups where one is needed."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from inventory.digitalocean import questions
from inventory.digitalocean.client import Client
from inventory.errors import ApiError, AuthenticationError, NotFoundError, StoppedError
from inventory.model import Droplet, Failed, Listed, Proven
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

    def proven(self, droplet_id: int) -> Proven:
        """Take a Droplet for unchanged, as of when the listings of Droplets were begun."""
        return Proven(
            droplet_id=droplet_id,
            account_id=self.account_id,
            droplet=self.discovery.droplets[droplet_id],
            policy=self.discovery.policies.get(droplet_id),
            http_status=200,
            attempted_at=self.discovery.began_at,
            duration_seconds=0.0,
        )

    def listed(self, droplet_id: int) -> Listed | Failed:
        """List a Droplet's backups; what prevents it is a value (R10). Runs in a fetching thread.

        Raises:
            AuthenticationError: The token is rejected, which concerns the whole run.
            StoppedError: The run is given up.
        """
        began = time.monotonic()
        droplet = self.discovery.droplets.get(droplet_id)
        if droplet is None:
            return self._failed(droplet_id, None, self.discovery.failures[droplet_id], began)
        try:
            listing = questions.list_backups(
                self.client, droplet_id, clock=self.clock, accept_disagreeing_total=self.accept_disagreeing_total
            )
        except (AuthenticationError, StoppedError):
            raise
        except ApiError as error:
            return self._failed(droplet_id, droplet, error, began)
        return Listed(
            droplet_id=droplet_id,
            account_id=self.account_id,
            droplet=droplet,
            policy=self.discovery.policies.get(droplet_id),
            listing=listing,
            http_status=200,
            attempted_at=listing.listed_at,
            duration_seconds=round(time.monotonic() - began, 3),
        )

    def _failed(self, droplet_id: int, droplet: Droplet | None, error: ApiError, began: float) -> Failed:
        return Failed(
            droplet_id=droplet_id,
            account_id=self.account_id,
            droplet=droplet,
            policy=self.discovery.policies.get(droplet_id),
            outcome=error.outcome,
            error=str(error),
            http_status=error.status,
            is_token_alive=isinstance(error, NotFoundError) and self._is_token_alive(droplet_id),
            attempted_at=self.clock(),
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
