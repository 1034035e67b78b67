"""No answer to monitoring in time. Loaded before the command itself, whose loading takes time too."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from signal import Signals

from inventory.process.interruption import ending_in_time, lasting_at_most

EXIT_UNANSWERED = 3
""""Unknown" of monitoring plug-ins."""

_STDOUT = 1


@dataclass(slots=True)
class Wait:
    """What the answer to monitoring waits for.

    Attributes:
        seconds: How long there may be none.
        what: In words that may be shown.
    """

    seconds: int
    what: str = "the program and its settings to load"

    def end(self, why: str) -> int:
        """Say, in another thread than the one that waits, that there is no answer, and return the exit code."""
        with suppress(OSError):  # not through sys.stdout, which the other thread may hold
            os.write(_STDOUT, f"BACKUPS UNKNOWN - {why}; it waited for {self.what}\n".encode())
        return EXIT_UNANSWERED


@contextmanager
def answering_within(seconds: int) -> Iterator[Wait]:
    """End the process if the block lasts longer, whatever it waits for, or if it does not end soon after a signal."""
    wait = Wait(seconds)
    with (
        lasting_at_most(seconds, lambda: wait.end(f"no answer within {seconds} s")),
        ending_in_time(lambda number: wait.end(f"interrupted by {Signals(number).name}")),
    ):
        yield wait
