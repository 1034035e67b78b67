"""SIGINT and SIGTERM: long work checks for them, the second one ends the process at once, and so does time.

A thread that waits for a database, a name server or a disk notices no signal. What must end in time is therefore ended
by another thread. To end a process between any two instructions loses nothing that was written.
"""

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from threading import Thread, Timer
from types import FrameType
from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM)

GRACE_SECONDS = 8.0
"""How long after a signal a process may live: less than the 10 s that `docker stop` waits."""

_HUNG_SECONDS = 5.0
"""How late the thread that ends a process may be, where the machine is busy, before Python is taken for hung."""


class Interrupted(KeyboardInterrupt):
    """A signal came while nothing was under way that must be finished.

    Attributes:
        number: The signal's.
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"interrupted by {signal.Signals(number).name}")
        self.number = number


@contextmanager
def interruptible(on_first: Callable[[int], object]) -> Iterator[Callable[[], int | None]]:
    """Give, for the length of the block, a function that returns the number of the signal that came, or None.

    `on_first` is called with the number, in the signal handler of the first one, to say that the current work is being
    finished. At the end of the block the previous handlers are restored.
    """
    received: list[int] = []

    def receive(number: int, _frame: FrameType | None) -> None:
        if received:
            os._exit(128 + number)
        received.append(number)
        on_first(number)

    before = {each: signal.signal(each, receive) for each in SIGNALS}
    try:
        yield lambda: received[0] if received else None
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def interrupt(number: int) -> NoReturn:
    """End what is under way, wherever it is; for `interruptible`.

    Raises:
        Interrupted: Always.
    """
    raise Interrupted(number)


@contextmanager
def calling(on_signal: Callable[[], object], number: signal.Signals) -> Iterator[None]:
    """Call `on_signal`, in the signal handler, whenever this signal comes while the block lasts."""
    before = signal.signal(number, lambda _number, _frame: on_signal())
    try:
        yield
    finally:
        signal.signal(number, before)


@contextmanager
def ending_in_time(on_late: Callable[[int], int], *, grace_seconds: float = GRACE_SECONDS) -> Iterator[None]:
    """End the process if a signal came and the block still lasts so many seconds later.

    Then `on_late` is called with the signal's number, in another thread, and returns the exit code. Of two such blocks
    the inner one counts. Where no thread can be started, nothing is late.
    """
    receiver, sender = socket.socketpair()
    with closing(receiver):
        sender.settimeout(0)
        before = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
        watch = Thread(target=_watch, args=(receiver, on_late, grace_seconds), name="signals", daemon=True)
        with suppress(RuntimeError):  # whatever else needs a thread will say so
            watch.start()
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)
            sender.close()
            if watch.ident is not None:
                watch.join()


def _watch(receiver: socket.socket, on_late: Callable[[int], int], grace_seconds: float) -> None:
    """Read the number of each signal, which Python sends when it comes, until the sender is closed."""
    first: int | None = None
    ends_at = 0.0
    try:
        while number := int.from_bytes(receiver.recv(1)):
            if number in SIGNALS and first is not None:
                os._exit(128 + number)
            if number in SIGNALS:
                first, ends_at = number, time.monotonic() + grace_seconds
            if first is not None:
                receiver.settimeout(max(ends_at - time.monotonic(), 0.001))
    except TimeoutError:
        os._exit(on_late(first or 0))


@contextmanager
def lasting_at_most(seconds: float, on_late: Callable[[], int]) -> Iterator[None]:
    """End the process if the block still lasts after so many seconds; `on_late`, in another thread, gives the code.

    Where Python lets no other thread work, as can happen when memory ends, the kernel ends the process soon after
    (SIGALRM), unless that signal is handled already.
    """
    timer = Timer(seconds, lambda: os._exit(on_late()))
    timer.daemon = True
    timer.start()
    is_free = signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
    if is_free:
        signal.setitimer(signal.ITIMER_REAL, seconds + _HUNG_SECONDS)
    try:
        yield
    finally:
        if is_free:
            signal.setitimer(signal.ITIMER_REAL, 0)
        timer.cancel()
