"""A clock that only `advance` moves, and what is due by it."""

import heapq
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count


def whole_second(instant: datetime) -> datetime:
    """Return an aware instant in UTC without its fraction of a second."""
    return instant.astimezone(UTC).replace(microsecond=0)


class Agenda:
    """What will happen, in the order of its instants; at one instant, in the order it was entered."""

    def __init__(self, now: datetime) -> None:
        self.now = whole_second(now)
        self._entries: list[tuple[datetime, int, Callable[[], object]]] = []
        self._order = count()

    def enter(self, at: datetime, happen: Callable[[], object]) -> None:
        """Let `happen` be called at `at`, or at the next advance if that is past."""
        heapq.heappush(self._entries, (max(whole_second(at), self.now), next(self._order), happen))

    def advance(self, *, to: datetime) -> None:
        """Move the clock, and let all that is due until then, `to` included, happen at its instant.

        Raises:
            ValueError: `to` is earlier than `now`.
        """
        until = whole_second(to)
        if until < self.now:
            message = f"the clock shows {self.now}, it cannot go back to {until}"
            raise ValueError(message)
        while self._entries and self._entries[0][0] <= until:
            self.now, _, happen = heapq.heappop(self._entries)
            happen()
        self.now = until
