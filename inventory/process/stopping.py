"""One signal to stop that wakes every thread waiting on it."""

from queue import Empty, SimpleQueue


class StopSignal:
    """Set once and for ever, from any thread or from a signal handler.

    `threading.Event` would not do: a handler that interrupts a thread inside `Event.wait()` may deadlock in
    `Event.set()`. `SimpleQueue.put()` is documented to be reentrant.
    """

    def __init__(self) -> None:
        self._is_set = False
        self._wakes: SimpleQueue[None] = SimpleQueue()

    def set(self) -> None:
        """Wake every thread in `wait()`; returns at once."""
        self._is_set = True
        self._wakes.put(None)

    def is_set(self) -> bool:
        """Tell whether `set()` was called."""
        return self._is_set

    def wait(self, seconds: float) -> bool:
        """Sleep for that long or until the signal is set; tell whether it is."""
        try:
            self._wakes.get(timeout=max(seconds, 0.0))
        except Empty:
            return self._is_set
        self._wakes.put(None)  # for the next thread that waits
        return True
