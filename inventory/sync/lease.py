"""The lease of a run: its right to write, renewed by every transaction (R8)."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from inventory.store import runs, statistics
from inventory.store.engine import Database
from inventory.vocabulary import RunStatus

# Another run may take the account over after 90 s of silence.
_RENEW_AFTER_SECONDS = 20.0


class Lease:
    """Held from the moment it is made until `finish()`, or until another run takes the account over.

    Attributes:
        run_id: Of the run's row in `sync_runs`, which is the lease.
        has_written: Whether a transaction of the run was kept, other than those about the lease.
    """

    def __init__(self, database: Database, run_id: int, seconds: Callable[[], float]) -> None:
        """Hold the lease that `runs.start` has just given; `seconds` is a monotonic clock."""
        self.run_id = run_id
        self.has_written = False
        self._database = database
        self._seconds = seconds
        self._renewed_at = seconds()

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Give a transaction to write in, which renews the lease.

        Raises:
            LeaseLostError: Another run took over.
        """
        with self._renewing() as connection:
            yield connection
        self.has_written = True

    def keep(self) -> None:
        """Renew the lease if nothing was written for 20 s.

        Raises:
            LeaseLostError: Another run took over.
        """
        if self._seconds() - self._renewed_at > _RENEW_AFTER_SECONDS:
            with self._renewing():
                pass

    def _renewing(self) -> AbstractContextManager[sa.Connection]:
        self._renewed_at = self._seconds()
        return runs.writing(self._database, self.run_id)

    def finish(
        self, status: RunStatus, at: datetime, figures: Mapping[str, Any], next_due_at: datetime | None = None
    ) -> None:
        """Close the run's record and free the account; `figures` are columns of `sync_runs`.

        Raises:
            LeaseLostError: Another run took over.
        """
        with self._database.writing() as connection:
            runs.finish(connection, self.run_id, status, at, figures, next_due_at=next_due_at)
            statistics.gather(connection)
