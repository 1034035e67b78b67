"""Whether the database answers, checked every few seconds by a thread of its own.

Every check opens a new connection. If one hangs, the last answer grows old, which is reported as a problem too.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from threading import Thread

from sqlalchemy.exc import SQLAlchemyError

from inventory.errors import InventoryError
from inventory.process.stopping import StopSignal
from inventory.store.engine import Database
from inventory.store.upgrade import revision, revisions

_EVERY_SECONDS = 10.0
_ANSWER_SECONDS = 15.0


class Probe:
    """The last answer of the database."""

    def __init__(self, *, every_seconds: float = _EVERY_SECONDS, answer_seconds: float = _ANSWER_SECONDS) -> None:
        self._every_seconds = every_seconds
        self._answer_seconds = answer_seconds
        self._answered_at: float | None = None
        self._problem: str | None = "the database has not been checked yet"
        self._revision = revisions()[-1]
        self._stop = StopSignal()
        self._database: tuple[str, Database] | None = None

    @contextmanager
    def running(self, url: Callable[[], str]) -> Iterator[None]:
        """Check once, then repeatedly while the block runs."""
        self._ask(url())
        thread = Thread(target=self._ask_on, args=(url,), name="probe", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()

    @property
    def is_up(self) -> bool:
        """Whether the database answered the last check."""
        return self.problem is None

    @property
    def problem(self) -> str | None:
        """What is wrong with the database, in a sentence; None if it answered."""
        if self._answered_at is None:
            return self._problem
        silent_seconds = time.monotonic() - self._answered_at
        if silent_seconds > self._every_seconds + self._answer_seconds:
            return f"the database did not answer for {silent_seconds:.0f} s"
        return self._problem

    def _ask_on(self, url: Callable[[], str]) -> None:
        while not self._stop.wait(self._every_seconds):
            self._ask(url())

    def _ask(self, url: str) -> None:
        try:
            with closing(self._opened(url)) as database, database.reading() as connection:
                is_current = revision(connection) == self._revision
            self._problem = None if is_current else "the tables of the database do not match this program's version"
        except (InventoryError, SQLAlchemyError) as error:
            self._problem = str(error).partition("\n")[0]
        self._answered_at = time.monotonic()

    def _opened(self, url: str) -> Database:
        # SQLAlchemy never frees all of an engine, so one serves for every check.
        if self._database is None or self._database[0] != url:
            self._database = url, Database(url)
        return self._database[1]
