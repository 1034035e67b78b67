"""Connections to PostgreSQL that give up where nothing is heard for too long.

Neither the server's time-outs nor TCP's help where something between accepts every word and passes none on.
"""

import time
from collections.abc import Generator
from typing import Any, TypeVar

import psycopg

ANSWER_SECONDS = 30.0

Result = TypeVar("Result")


class Connection(psycopg.Connection[Any]):
    """A connection whose every question is answered in time, or ends it.

    Attributes:
        answer_seconds: How long the server may be silent; None for as long as it takes.
    """

    answer_seconds: float | None = ANSWER_SECONDS

    def wait(self, gen: Generator[Any, Any, Result], *arguments: Any, **options: Any) -> Result:  # noqa: ANN401 - the driver's
        """Wait for what `gen` waits for, in the driver's own way.

        Raises:
            psycopg.OperationalError: The server was silent for too long; the connection is closed.
        """
        return super().wait(self._in_time(gen), *arguments, **options)

    def _in_time(self, gen: Generator[Any, Any, Result]) -> Generator[Any, Any, Result]:
        """Pass on what `gen` waits for; the driver says several times a second whether anything came."""
        heard_at = time.monotonic()
        try:
            wanted = next(gen)
            while True:
                has_come = yield wanted
                if has_come:
                    heard_at = time.monotonic()
                elif self.answer_seconds and time.monotonic() - heard_at > self.answer_seconds:
                    self.close()
                    raise psycopg.OperationalError(f"it did not answer within {self.answer_seconds:g} s")
                wanted = gen.send(has_come)
        except StopIteration as end:
            result: Result = end.value
            return result
