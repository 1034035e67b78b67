"""Signals that long work checks for; the second SIGINT or SIGTERM ends the process at once."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def interruptible(on_first: Callable[[], object]) -> Iterator[Callable[[], int | None]]:
    """Give, for the length of the block, a function that returns the number of the signal that came, or None.

    `on_first` is called in the signal handler of the first one, to say that the current work is being finished. At the
    end of the block the previous handlers are restored.
    """
    received: list[int] = []

    def receive(number: int, _frame: FrameType | None) -> None:
        if received:
            os._exit(128 + number)
        received.append(number)
        on_first()

    before = {each: signal.signal(each, receive) for each in SIGNALS}
    try:
        yield lambda: received[0] if received else None
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@contextmanager
def calling(on_signal: Callable[[], object], number: signal.Signals) -> Iterator[None]:
    """Call `on_signal`, in the signal handler, whenever this signal comes while the block lasts."""
    before = signal.signal(number, lambda _number, _frame: on_signal())
    try:
        yield
    finally:
        signal.signal(number, before)
