"""Whether the database is there, asked every few seconds in a thread of its own.

Over a connection that is made anew each time; an answer that does not come is one too: what is known grows old.
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
    """What the database last answered."""

    def __init__(self, *, every_seconds: float = _EVERY_SECONDS) -> None:
        self._every_seconds = every_seconds
        self._answered_at: float | None = None
        self._problem: str | None = "the database was not asked yet"
        self._revision = revisions()[-1]
        self._stop = StopSignal()
        self._database: tuple[str, Database] | None = None

    @contextmanager
    def running(self, url: Callable[[], str]) -> Iterator[None]:
        """Ask as long as the block lasts; the first time before it begins."""
        self._ask(url())
        thread = Thread(target=self._ask_on, args=(url,), name="probe", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()

    @property
    def is_up(self) -> bool:
        """Whether the database answered when it was last asked."""
        return self.problem is None

    @property
    def problem(self) -> str | None:
        """What is wrong with the database, in a sentence."""
        if self._answered_at is None:
            return self._problem
        silent_seconds = time.monotonic() - self._answered_at
        if silent_seconds > self._every_seconds + _ANSWER_SECONDS:
            return f"the database did not answer for {silent_seconds:.0f} s"
        return self._problem

    def _ask_on(self, url: Callable[[], str]) -> None:
        while not self._stop.wait(self._every_seconds):
            self._ask(url())

    def _ask(self, url: str) -> None:
        try:
            with closing(self._opened(url)) as database, database.reading() as connection:
                is_current = revision(connection) == self._revision
            self._problem = None if is_current else "the database is not of this program's version"
        except (InventoryError, SQLAlchemyError) as error:
            self._problem = str(error).partition("\n")[0]
        self._answered_at = time.monotonic()

    def _opened(self, url: str) -> Database:
        # SQLAlchemy keeps something of every engine there ever was: there is one for all questions.
        if self._database is None or self._database[0] != url:
            self._database = url, Database(url)
        return self._database[1]
