"""What a run watches while answers are awaited: signals, its deadline, and who follows its progress."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from inventory.digitalocean.client import Client
from inventory.errors import InterruptedSyncError, InventoryError
from inventory.sync.result import DropletReport


class Listener(Protocol):
    """Who follows a sync while it runs; called in the thread that runs it."""

    def started(self, droplets: int) -> None:
        """So many Droplets will be looked at."""

    def progressed(self, droplets: int, requests: int, waiting_until: datetime | None) -> None:
        """So many were looked at; called several times a second. `waiting_until`: the rate limit is used up."""

    def accepting(self, droplets: Sequence[DropletReport]) -> None:
        """These ends are about to be written because the user accepted them."""


class CutShortError(InventoryError):
    """The run ends before it has looked at everything; what it reached is kept."""


class Watch:
    """How far a run is, and whether it may go on.

    Attributes:
        selected: How many Droplets the run looks at; None until it knows.
        looked: How many it has looked at.
    """

    def __init__(
        self,
        client: Client,
        listener: Listener,
        interrupted_by: Callable[[], int | None],
        deadline: timedelta,
        seconds: Callable[[], float],
    ) -> None:
        """Begin; the deadline counts from now.

        Args:
            client: What the run asks with.
            listener: Who follows it.
            interrupted_by: Gives the number of the signal that asked to stop, or None.
            deadline: How long the run may take.
            seconds: A monotonic clock.
        """
        self._client = client
        self._listener = listener
        self._interrupted_by = interrupted_by
        self._deadline = deadline
        self._seconds = seconds
        self._ends_at = seconds() + deadline.total_seconds()
        self.selected: int | None = None
        self.looked = 0

    def check(self) -> None:
        """Tell the listener how far the run is, and raise where it may not go on.

        Raises:
            InterruptedSyncError: A signal asked to stop.
            CutShortError: The deadline has come.
        """
        self._listener.progressed(self.looked, self._client.requests, self._client.waiting_until)
        if signal_number := self._interrupted_by():
            raise InterruptedSyncError("interrupted", signal_number=signal_number)
        if self._seconds() > self._ends_at:
            minutes = self._deadline.total_seconds() / 60
            raise CutShortError(f"stopped after {minutes:g} min at Droplet {self.looked} of {self.selected or 'any'}")
