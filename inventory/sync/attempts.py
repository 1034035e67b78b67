"""One attempt to look at one Droplet: what discovery read of it, and a listing of its backups where one is needed."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from inventory.digitalocean import questions
from inventory.digitalocean.client import Client
from inventory.errors import ApiError, NotFoundError
from inventory.history.ends import named_ids
from inventory.model import Droplet, Failed, Listed, Listing, Proven
from inventory.sync.discovery import Discovery
from inventory.sync.listings import answer_or_error
from inventory.terminal.display import redactor


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """Makes the attempts of a run, once it is known which Droplets there are.

    Attributes:
        is_account_known: Whether `/v2/account` answered in this run, with the account that is stored.
        is_token_trusted: Whether the token is taken for this account's although it shows none of its Droplets.
        accept_disagreeing_total: Take two walks that agree in place of a total that never fits.
    """

    client: Client
    discovery: Discovery
    account_id: int | None
    is_account_known: bool
    is_token_trusted: bool
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
        listing = answer_or_error(
            lambda: questions.list_backups(
                self.client, droplet_id, clock=self.clock, accept_disagreeing_total=self.accept_disagreeing_total
            )
        )
        if isinstance(listing, ApiError):
            return self._failed(droplet_id, droplet, listing, began)
        return Listed(
            droplet_id=droplet_id,
            account_id=self.account_id,
            droplet=self._as_named_after(droplet, listing),
            policy=self.discovery.policies.get(droplet_id),
            listing=listing,
            http_status=200,
            attempted_at=listing.listed_at,
            duration_seconds=round(time.monotonic() - began, 3),
        )

    def _as_named_after(self, droplet: Droplet, listing: Listing) -> Droplet:
        """Ask a Droplet once more where it names backups that its complete listing lacks.

        Its ids were read minutes before the listing. Returned are those that it named before and names still, and what
        it has converted meanwhile; where it does not say, what it said before.
        """
        named = named_ids(droplet)
        if not listing.is_complete or named <= {backup.id for backup in listing.backups}:
            return droplet
        answer = answer_or_error(lambda: questions.read_droplet(self.client, droplet.id))
        if isinstance(answer, ApiError):
            return droplet
        return replace(
            droplet,
            backup_ids=named if answer.backup_ids is None else named & answer.backup_ids,
            snapshot_ids=droplet.snapshot_ids if answer.snapshot_ids is None else answer.snapshot_ids,
        )

    def _failed(self, droplet_id: int, droplet: Droplet | None, error: ApiError, began: float) -> Failed:
        return Failed(
            droplet_id=droplet_id,
            account_id=self.account_id,
            droplet=droplet,
            policy=self.discovery.policies.get(droplet_id),
            outcome=error.outcome,
            error=redactor()(str(error)),
            http_status=error.status,
            is_token_alive=isinstance(error, NotFoundError) and self._is_token_alive(droplet_id),
            attempted_at=self.clock(),
            duration_seconds=round(time.monotonic() - began, 3),
        )

    def _is_token_alive(self, droplet_id: int) -> bool:
        """Tell whether the token read something else of this account in this run, so that its 404 means something."""
        if self.is_account_known or self.discovery.seen - {droplet_id}:
            return True
        return self.is_token_trusted and (self.client.answers > 0 or questions.reads_droplets(self.client))
