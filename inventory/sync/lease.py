"""The lease of a run: its right to write, renewed by every transaction (R8)."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from inventory.store import runs
from inventory.store.engine import Database
from inventory.vocabulary import RunStatus

# Another run may take the account over after 90 s of silence.
_RENEW_AFTER_SECONDS = 20.0


class Lease:
    """Held from the moment it is made until `finish()`, or until another run takes the account over.

    Attributes:
        run_id: Of the run's row in `sync_runs`, which is the lease.
    """

    def __init__(self, database: Database, run_id: int, seconds: Callable[[], float]) -> None:
        """Hold the lease that `runs.start` has just given; `seconds` is a monotonic clock."""
        self.run_id = run_id
        self._database = database
        self._seconds = seconds
        self._renewed_at = seconds()

    def writing(self) -> AbstractContextManager[sa.Connection]:
        """Give a transaction to write in, which renews the lease.

        Raises:
            LeaseLostError: Another run took over.
        """
        self._renewed_at = self._seconds()
        return runs.writing(self._database, self.run_id)

    def keep(self) -> None:
        """Renew the lease if nothing was written for 20 s.

        Raises:
            LeaseLostError: Another run took over.
        """
        if self._seconds() - self._renewed_at > _RENEW_AFTER_SECONDS:
            with self.writing():
                pass

    def finish(self, status: RunStatus, at: datetime, figures: Mapping[str, Any]) -> None:
        """Close the run's record and free the account; `figures` are columns of `sync_runs`.

        Raises:
            LeaseLostError: Another run took over.
        """
        with self._database.writing() as connection:
            runs.finish(connection, self.run_id, status, at, figures)
