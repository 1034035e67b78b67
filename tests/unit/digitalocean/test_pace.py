"""When a request may go."""

import threading
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import httpx
import pytest
from pyrate_limiter import Rate

from inventory.digitalocean.client import Client
from inventory.digitalocean.pace import Pace, _rates
from inventory.errors import StoppedError
from inventory.process.stopping import StopSignal

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def pace(requests_per_second: float = 0.0, stop: StopSignal | None = None) -> Pace:
    return Pace(requests_per_second, stop=stop or StopSignal(), clock=lambda: NOON)


@pytest.mark.parametrize(
    ("requests_per_second", "rates"),
    [
        (4.0, [(1, 250), (5000, 3_600_000)]),
        (1.0, [(1, 1000)]),
        (0.5, [(1, 2000)]),
        (4.2, [(1, 238), (250, 60_000), (5000, 3_600_000)]),
        (1e6, [(1, 1), (250, 60_000), (5000, 3_600_000)]),
    ],
)
def test_limits_of_the_account_hold_whatever_our_own_rate(
    requests_per_second: float, rates: list[tuple[int, int]]
) -> None:
    assert [(rate.limit, rate.interval) for rate in _rates(requests_per_second)] == rates


def test_requests_are_spread_evenly_over_all_threads() -> None:
    shared, sent = pace(50.0), []

    def work() -> None:
        for _ in range(5):
            shared.wait_for_turn()
            sent.append(time.monotonic())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gaps = [later - earlier for earlier, later in pairwise(sorted(sent))]
    assert len(sent) == 20
    assert sum(gaps) >= 19 * 0.02 - 0.01
    assert sum(gaps) < 1.0


def test_zero_means_no_limit_of_ours() -> None:
    unlimited = pace(0.0)
    unlimited.announce(limit=5000, remaining=0)
    began = time.monotonic()
    for _ in range(1000):
        unlimited.wait_for_turn()
    assert time.monotonic() - began < 0.5


@pytest.mark.parametrize(("remaining", "is_slow"), [(499, True), (500, False), (5000, False)])
def test_below_a_tenth_we_slow_down(monkeypatch: pytest.MonkeyPatch, remaining: int, *, is_slow: bool) -> None:
    monkeypatch.setattr("inventory.digitalocean.pace._SCARCE_PAUSE_SECONDS", 0.2)
    shared = pace(100.0)
    shared.wait_for_turn()
    shared.announce(limit=5000, remaining=remaining)
    began = time.monotonic()
    shared.wait_for_turn()
    assert (time.monotonic() - began >= 0.19) == is_slow


def test_longest_pause_counts() -> None:
    paused = pace()
    assert paused.waiting_until is None
    paused.pause(600.0)
    paused.pause(60.0)
    assert paused.waiting_until == NOON + timedelta(minutes=10)


def test_wait_for_the_hours_requests_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inventory.digitalocean.pace._ACCOUNT_RATES", (Rate(3, 3_600_000),))
    stop = StopSignal()
    shared = pace(1000.0, stop)
    for _ in range(3):
        shared.wait_for_turn()
    before = shared.waiting_until
    threading.Timer(0.1, stop.set).start()
    with pytest.raises(StoppedError):
        shared.wait_for_turn()
    after = shared.waiting_until
    assert before is None
    assert after is not None
    assert NOON + timedelta(minutes=59) < after <= NOON + timedelta(hours=1)


def test_stop_wakes_all_that_wait() -> None:
    stop = StopSignal()
    paused = pace(stop=stop)
    paused.pause(600.0)
    stopped = []

    def wait() -> None:
        with pytest.raises(StoppedError):
            paused.wait_for_turn()
        stopped.append(True)

    threads = [threading.Thread(target=wait) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(0.05)
    stop.set()
    stop.set()
    for thread in threads:
        thread.join(timeout=1)
    assert len(stopped) == 4
    assert stop.wait(10.0)


def test_client_listens_to_what_is_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inventory.digitalocean.pace._SCARCE_PAUSE_SECONDS", 0.15)
    headers = {"ratelimit-limit": "5000", "ratelimit-remaining": "10"}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json={}, headers=headers))
    with Client("t", requests_per_second=1000, transport=transport) as client:
        client.get("/")
        began = time.monotonic()
        client.get("/")
    assert time.monotonic() - began >= 0.14
    assert client.rate_limit_remaining == 10
