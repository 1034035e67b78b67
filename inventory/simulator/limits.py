"""The API's rate limits: how many requests a token may make in a sliding minute and a sliding hour."""

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

DOCUMENTED_PER_MINUTE = 250
DOCUMENTED_PER_HOUR = 5000


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the limits say to one request.

    Attributes:
        is_granted: False means 429.
        remaining: Requests left in the hour; 0 on any refusal, whatever the hour would still allow.
        reset_seconds: Until the oldest request of the hour expires.
        retry_seconds: Whole seconds until a burst is over; None unless a burst was refused.
    """

    is_granted: bool
    limit: int
    remaining: int
    reset_seconds: float
    retry_seconds: int | None = None


class RateLimits:
    """Two sliding windows over one token's requests; a refused request does not count.

    Args:
        per_minute: None switches the limit off, and so does `per_hour`.
        seconds: A monotonic clock.
        minute_seconds: How long the "minute" is, so that a test can see it pass; likewise `hour_seconds`.
    """

    def __init__(
        self,
        *,
        per_minute: int | None,
        per_hour: int | None,
        seconds: Callable[[], float],
        minute_seconds: float = 60,
        hour_seconds: float = 3600,
    ) -> None:
        self._per_minute = per_minute
        self._per_hour = per_hour
        self._seconds = seconds
        self._minute_seconds = minute_seconds
        self._hour_seconds = hour_seconds
        self._minute: deque[float] = deque()
        self._hour: deque[float] = deque()

    def ask(self) -> Allowance:
        """Count one request, if it is granted, and say what is left."""
        now = self._seconds()
        _forget(self._minute, before=now - self._minute_seconds)
        _forget(self._hour, before=now - self._hour_seconds)
        limit = self._per_hour or DOCUMENTED_PER_HOUR
        if self._per_minute is not None and len(self._minute) >= self._per_minute:
            wait = math.ceil(self._minute[0] + self._minute_seconds - now)
            return Allowance(False, limit, 0, self._until_reset(now), retry_seconds=max(1, wait))  # noqa: FBT003 - first attribute
        if self._per_hour is not None and len(self._hour) >= self._per_hour:
            return Allowance(False, limit, 0, self._until_reset(now))  # noqa: FBT003 - first attribute
        if self._per_minute is not None:
            self._minute.append(now)
        if self._per_hour is not None:
            self._hour.append(now)
        return Allowance(True, limit, limit - len(self._hour), self._until_reset(now))  # noqa: FBT003 - first attribute

    def _until_reset(self, now: float) -> float:
        return self._hour[0] + self._hour_seconds - now if self._hour else 0.0


def documented_limits() -> RateLimits:
    """Return the limits that DigitalOcean documents, by this machine's clock."""
    return RateLimits(per_minute=DOCUMENTED_PER_MINUTE, per_hour=DOCUMENTED_PER_HOUR, seconds=time.monotonic)


def no_limits() -> RateLimits:
    """Return limits that are never reached: the days of a simulation may pass in a moment."""
    return RateLimits(per_minute=None, per_hour=None, seconds=time.monotonic)


def _forget(stamps: deque[float], *, before: float) -> None:
    while stamps and stamps[0] <= before:
        stamps.popleft()
