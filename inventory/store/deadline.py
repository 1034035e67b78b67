"""Connections to PostgreSQL that give up if the server is silent for too long.

Neither the server's time-outs nor those of TCP help if something on the way accepts every packet and forwards none.
"""

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg

ANSWER_SECONDS = 30.0

Result = TypeVar("Result")


@contextmanager
def answering_within(connection: "Connection", seconds: float | None) -> Iterator[None]:
    """Let the server be silent for so long during the block; None is no limit."""
    before, connection.answer_seconds = connection.answer_seconds, seconds
    try:
        yield
    finally:
        connection.answer_seconds = before


class Connection(psycopg.Connection[Any]):
    """A connection that closes itself if the server does not answer in time.

    Attributes:
        answer_seconds: How long the server may be silent; None is no limit.
    """

    answer_seconds: float | None = ANSWER_SECONDS

    def wait(self, gen: Generator[Any, Any, Result], *arguments: Any, **options: Any) -> Result:  # noqa: ANN401 - the driver's
        """Wait for what `gen` waits for, as the driver does.

        Raises:
            psycopg.OperationalError: The server was silent for too long; the connection is closed.
        """
        return super().wait(self._in_time(gen), *arguments, **options)

    def _in_time(self, gen: Generator[Any, Any, Result]) -> Generator[Any, Any, Result]:
        """Pass on what `gen` waits for; several times a second, the driver sends whether anything came."""
        answered_at = time.monotonic()
        try:
            wanted = next(gen)
            while True:
                has_come = yield wanted
                if has_come:
                    answered_at = time.monotonic()
                elif self.answer_seconds and time.monotonic() - answered_at > self.answer_seconds:
                    self.close()
                    raise psycopg.OperationalError(f"it did not answer within {self.answer_seconds:g} s")
                wanted = gen.send(has_come)
        except StopIteration as end:
            result: Result = end.value
            return result
