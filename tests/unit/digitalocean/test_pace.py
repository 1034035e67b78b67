"""When a request may go, by a clock that only waiting moves."""

import gc
import threading
import time
import weakref
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import httpx
import pytest

from inventory.digitalocean.client import Client
from inventory.digitalocean.pace import Pace, Paces
from inventory.errors import StoppedError
from inventory.network.access import Token
from inventory.process.stopping import StopSignal

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Waiting(StopSignal):
    """Lets `seconds` pass where others sleep, and notes which end of each wait was `shown`."""

    def __init__(self, requests_per_second: float = 0.0) -> None:
        super().__init__()
        self.seconds = 0.0
        self.shown: list[datetime | None] = []
        self._lock = threading.Lock()
        self.pace = Pace(requests_per_second, clock=self.clock, seconds=lambda: self.seconds)

    def clock(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds)

    def wait(self, seconds: float) -> bool:
        with self._lock:
            self.shown.append(self.pace.waiting_until)
            self.seconds += seconds
        return self.is_set()

    def turns(self, number: int) -> list[float]:
        """Take turns, and give when each came, in seconds from the beginning."""
        moments = []
        for _ in range(number):
            self.pace.wait_for_turn(self)
            moments.append(self.seconds)
        return moments


@pytest.mark.parametrize("requests_per_second", [0.5, 1.0, 4.0])
def test_requests_are_spread_evenly(requests_per_second: float) -> None:
    gaps = [later - earlier for earlier, later in pairwise(Waiting(requests_per_second).turns(20))]
    assert gaps == pytest.approx([1 / requests_per_second] * 19, abs=0.002)


@pytest.mark.parametrize("requests_per_second", [4.0, 4.2, 1e6])
def test_limits_of_the_account_hold_whatever_our_own_rate(requests_per_second: float) -> None:
    moments = Waiting(requests_per_second).turns(5_100)
    for limit, seconds in ((250, 60), (5_000, 3_600)):
        assert all(later - earlier >= seconds for earlier, later in zip(moments, moments[limit:], strict=False))


def test_nothing_is_wasted_of_what_the_account_allows() -> None:
    moments = Waiting(1e6).turns(5_001)
    assert moments[249] < 1
    assert moments[250] == pytest.approx(60, abs=1)
    assert moments[4_999] < 20 * 60
    assert moments[5_000] == pytest.approx(3_600, abs=1)


def test_all_threads_share_one_rate() -> None:
    waiting = Waiting(50.0)
    threads = [threading.Thread(target=waiting.turns, args=(5,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert waiting.seconds >= 19 * 0.02 - 0.01


def test_zero_means_no_limit_of_ours() -> None:
    unlimited = Waiting(0.0)
    unlimited.pace.announce(limit=5000, remaining=0)
    assert unlimited.turns(10_000)[-1] == 0


@pytest.mark.parametrize(("remaining", "seconds"), [(499, 2.0), (500, 0.01), (5000, 0.01)])
def test_below_a_tenth_we_slow_down(remaining: int, seconds: float) -> None:
    waiting = Waiting(100.0)
    waiting.turns(1)
    waiting.pace.announce(limit=5000, remaining=remaining)
    assert waiting.turns(1) == [pytest.approx(seconds, abs=0.002)]


def test_longest_pause_counts_and_is_shown_as_long_as_it_lasts() -> None:
    waiting = Waiting()
    assert waiting.pace.waiting_until is None
    waiting.pace.pause(600.0)
    waiting.pace.pause(60.0)
    assert waiting.pace.waiting_until == NOON + timedelta(minutes=10)
    assert waiting.turns(1) == [600.0]
    assert waiting.pace.waiting_until is None


def test_wait_for_the_minutes_requests_is_shown_and_a_short_one_is_not() -> None:
    waiting = Waiting(1e6)
    waiting.turns(250)
    assert set(waiting.shown) == {None}
    waiting.turns(1)
    assert waiting.shown[-1] == NOON + timedelta(minutes=1)


def test_all_that_use_one_token_share_its_pace_and_let_it_go() -> None:
    paces = Paces(4.0, clock=lambda: NOON)
    pace, other = paces.of(Token("t")), paces.of(Token("u"))
    assert paces.of(Token("t")) is pace is not other
    gone = weakref.ref(pace)
    del pace
    gc.collect()
    assert gone() is None


def test_stop_wakes_all_that_wait() -> None:
    stop = StopSignal()
    paused = Pace(0.0, clock=lambda: NOON)
    paused.pause(600.0)
    stopped = []

    def wait() -> None:
        with pytest.raises(StoppedError):
            paused.wait_for_turn(stop)
        stopped.append(True)

    threads = [threading.Thread(target=wait) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(0.05)  # so that they wait, as a rule
    stop.set()
    stop.set()
    for thread in threads:
        thread.join(timeout=30)
    assert len(stopped) == 4
    assert stop.wait(600.0)


def test_client_listens_to_what_is_announced() -> None:
    headers = {"ratelimit-limit": "5000", "ratelimit-remaining": "10"}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json={}, headers=headers))
    waiting = Waiting(1000)
    with Client(Token("t"), pace=waiting.pace, stop=waiting, transport=transport) as client:
        client.get("/")
        client.get("/")
    assert waiting.seconds == pytest.approx(2.0)
    assert client.rate_limit_remaining == 10
