"""When the next request may go: our own rate, the account's limits, and the pauses that DigitalOcean asks for."""

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

from pyrate_limiter import Duration, InMemoryBucket, Rate, RateItem

from inventory.errors import StoppedError
from inventory.network.access import Token
from inventory.process.stopping import StopSignal

# DigitalOcean's limits, per token.
_ACCOUNT_RATES = (Rate(250, Duration.MINUTE), Rate(5000, Duration.HOUR))

# Below a tenth of the hour's requests we leave most of what the sliding hour gives back (5,000 requests, one in 0.72 s)
# to the owner's other tools.
_SCARCE_SHARE = 0.1
_SCARCE_PAUSE_SECONDS = 2.0

# A longer wait of ours is shown to people: the hour's or the minute's requests are used up.
_LONG_WAIT_SECONDS = 5.0


class Pace:
    """What all threads that use one token ask before each request, whichever account they sync."""

    def __init__(
        self,
        requests_per_second: float,
        *,
        clock: Callable[[], datetime],
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin unused.

        Args:
            requests_per_second: Evenly spread; 0 switches off every limit but the pauses that DigitalOcean asks for.
            clock: For `waiting_until`, which is shown to people.
            seconds: A monotonic clock.
        """
        self._seconds = seconds
        self._clock = clock
        self._bucket = InMemoryBucket(_rates(requests_per_second)) if requests_per_second else None
        self._lock = threading.Lock()
        self._paused_until = 0.0
        self._paused_until_shown: datetime | None = None
        self._is_scarce = False
        self._last_at = 0.0

    def wait_for_turn(self, stop: StopSignal) -> None:
        """Return when one request may be sent; `stop` ends the wait.

        Raises:
            StoppedError: The program is stopping.
        """
        while (seconds := self._take_turn()) > 0:
            if stop.wait(seconds):
                break
        if stop.is_set():
            raise StoppedError("given up, because the program is stopping")

    def pause(self, seconds: float) -> None:
        """Let no request be sent for that long."""
        with self._lock:
            self._pause(self._seconds(), seconds)

    def announce(self, *, limit: int, remaining: int) -> None:
        """Note how many requests of the hour are left; the last ones are shared with the owner's other tools."""
        self._is_scarce = remaining < limit * _SCARCE_SHARE

    @property
    def waiting_until(self) -> datetime | None:
        """The end of the pause for the rate limit, by `clock`; None outside of one."""
        return self._paused_until_shown if self._seconds() < self._paused_until else None

    def _take_turn(self) -> float:
        """Take the next turn and return 0, or return after how many seconds to try again."""
        with self._lock:
            now = self._seconds()
            if now < self._paused_until:
                return self._paused_until - now
            if self._bucket is None:
                return 0.0
            if self._is_scarce and now < self._last_at + _SCARCE_PAUSE_SECONDS:
                return self._last_at + _SCARCE_PAUSE_SECONDS - now
            wait = _wait_for(self._bucket, now)
            if not wait:
                self._last_at = now
            elif wait > _LONG_WAIT_SECONDS:
                self._pause(now, wait)
            return wait

    def _pause(self, now: float, seconds: float) -> None:
        if now + seconds > self._paused_until:
            self._paused_until = now + seconds
            self._paused_until_shown = (self._clock() + timedelta(seconds=seconds)).replace(microsecond=0)


class Paces:
    """One pace for each token, for as long as a client goes by it; any thread may ask for one."""

    def __init__(self, requests_per_second: float, *, clock: Callable[[], datetime]) -> None:
        """Prepare; the arguments are those of each pace."""
        self._requests_per_second = requests_per_second
        self._clock = clock
        self._lock = threading.Lock()
        self._paces = WeakValueDictionary[Token | None, Pace]()

    def of(self, token: Token | None) -> Pace:
        """Give the pace of all that use this token."""
        with self._lock:
            pace = self._paces.get(token)
            if pace is None:
                self._paces[token] = pace = Pace(self._requests_per_second, clock=self._clock)
            return pace


def _wait_for(bucket: InMemoryBucket, now: float) -> float:
    """Put a request into the bucket and return 0, or return after how many seconds there is room for it."""
    item = RateItem("request", int(now * 1000))
    bucket.leak(item.timestamp)
    if bucket.put(item):
        return 0.0
    wait = bucket.waiting(item)
    assert isinstance(wait, int)
    return max(wait, 1) / 1000


def _rates(requests_per_second: float) -> list[Rate]:
    """Return our own rate, and those of the account's that are stricter in the long run."""
    milliseconds = max(round(1000 / requests_per_second), 1)
    stricter = [rate for rate in _ACCOUNT_RATES if rate.limit * milliseconds < rate.interval]
    return [Rate(1, milliseconds), *stricter]
