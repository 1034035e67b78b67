"""When a sync is due: in UTC, whatever the clock and the host's zone do."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo

import pytest

from inventory.daemon.schedule import Clocks, Clockwork, spread
from inventory.settings.schedule import Schedule

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_many_hosts_do_not_begin_in_the_same_second() -> None:
    chosen = [spread(Schedule(60.0)) for _ in range(200)]
    assert len({round(each.total_seconds()) for each in chosen}) > 10
    assert all(timedelta(0) <= each <= timedelta(seconds=30) for each in chosen)
    assert spread(Schedule(1.0)) <= timedelta(seconds=6), "not longer than a tenth of the interval"


# The clocks


def test_a_clock_that_was_set_is_noticed_and_one_that_is_corrected_slowly_is_not() -> None:
    wall, monotonic = NOON, 0.0
    clocks = Clocks(lambda: wall, lambda: monotonic)
    steps = []
    for seconds_of_wall, seconds in [(1, 1), (3601, 1), (-3599, 1), (1.5, 1), (60, 60), (8 * 3600.0, 0)]:
        wall, monotonic = wall + timedelta(seconds=seconds_of_wall), monotonic + seconds
        steps.append(clocks.step())
    assert steps == [None, HOUR, -HOUR, None, None, 8 * HOUR]


class Clock:
    """A wall clock that can be set. It begins ten seconds after a full minute, so that no minute ends in a test."""

    def __init__(self) -> None:
        now = datetime.now(UTC)
        self._ahead = now.replace(second=10, microsecond=0) + timedelta(minutes=1) - now
        self.offset = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self._ahead + self.offset


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Set the clock that the scheduler reads, too."""
    clock = Clock()

    class Shifted(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]  # as the scheduler calls it
            return clock().astimezone(tz)

    monkeypatch.setattr("apscheduler.schedulers.base.datetime", Shifted)
    return clock


class Work:
    def __init__(self) -> None:
        self.calls = 0
        self.at_once = 0
        self.most_at_once = 0
        self.called = threading.Event()
        self.seconds = 0.0

    def __call__(self) -> None:
        self.calls += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        time.sleep(self.seconds)
        self.at_once -= 1
        self.called.set()


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def begin(work: Work, clock: Clock) -> Iterator[Callable[..., Clockwork]]:
    started: list[Clockwork] = []

    def begin(written: float | str, *, due_in: timedelta) -> Clockwork:
        clockwork = Clockwork(work, Schedule(written), clock=clock)
        clockwork.start(clock() + due_in)
        started.append(clockwork)
        return clockwork

    yield begin
    for each in started:
        each.stop()


def test_work_that_takes_longer_than_the_interval_is_never_done_twice_at_once(
    begin: Callable[..., Clockwork], work: Work
) -> None:
    work.seconds = 0.5
    begin(0.1 / 60, due_in=timedelta(0))
    while work.calls < 3:
        assert work.called.wait(60)
        work.called.clear()
    assert work.most_at_once == 1


def due_again(clockwork: Clockwork, clock: Callable[[], datetime]) -> datetime:
    """Wait until the next due time is to come: it is reckoned while the work is already under way."""
    until = time.monotonic() + 60
    while (due := clockwork.next_due_at) is None or due <= clock():
        assert time.monotonic() < until
        time.sleep(0.01)
    return due


def test_what_was_missed_is_made_up_for_once(begin: Callable[..., Clockwork], clock: Clock, work: Work) -> None:
    clockwork = begin(60.0, due_in=-9 * HOUR - timedelta(minutes=1))
    assert work.called.wait(60)
    assert timedelta(minutes=58) < due_again(clockwork, clock) - clock() < HOUR
    assert work.calls == 1


@pytest.mark.parametrize("written", [60.0, "*/30 * * * *"])
def test_a_clock_that_went_back_does_not_stall_the_schedule(
    begin: Callable[..., Clockwork], clock: Clock, written: float | str
) -> None:
    """Due in half an hour by the clock as it was; an hour and a half by the clock as it is."""
    clockwork = begin(written, due_in=timedelta(minutes=30))
    clock.offset = -HOUR
    clockwork.clock_stepped(-HOUR)
    due = clockwork.next_due_at
    assert due is not None
    assert due - clock() <= timedelta(minutes=30)


@pytest.mark.parametrize("step", [8 * HOUR, timedelta(days=36_525)], ids=str)
@pytest.mark.parametrize("written", [1.0, "* * * * *"])
def test_a_machine_that_slept_through_due_times_works_at_once_and_once(
    begin: Callable[..., Clockwork], clock: Clock, work: Work, written: float | str, step: timedelta
) -> None:
    """A hundred years of minutes are no more to catch up with than one."""
    clockwork = begin(written, due_in=timedelta(minutes=1))
    clock.offset = step
    clockwork.clock_stepped(step)
    assert work.called.wait(60)
    assert due_again(clockwork, clock) - clock() <= timedelta(minutes=1)
    assert work.calls == 1
    clock.offset = timedelta(0)
    clockwork.clock_stepped(-step)
    due = clockwork.next_due_at
    assert due is not None
    assert due - clock() <= timedelta(minutes=1), "and the clock that is set right again stalls nothing"


def test_a_step_that_passes_no_due_time_changes_nothing(begin: Callable[..., Clockwork], work: Work) -> None:
    clockwork = begin(60.0, due_in=timedelta(minutes=30))
    due = clockwork.next_due_at
    clockwork.clock_stepped(timedelta(minutes=5))
    assert clockwork.next_due_at == due
    assert work.calls == 0


def test_another_schedule_counts_from_now(begin: Callable[..., Clockwork], work: Work) -> None:
    clockwork = begin("0 0 1 1 *", due_in=timedelta(days=100))
    clockwork.change(Schedule(0.2 / 60))
    assert work.called.wait(60)


def test_it_waits_while_the_next_due_time_is_to_come(begin: Callable[..., Clockwork], clock: Clock) -> None:
    clockwork = begin(60.0, due_in=timedelta(minutes=30))
    assert clockwork.is_waiting
    clock.offset = HOUR
    assert not clockwork.is_waiting, "a due time that passed in silence"
