"""Whether the process makes progress; messages to systemd; and the stack of every thread if it hangs."""

import faulthandler
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Self

from inventory.process.stopping import StopSignal

_LARGEST_DUMP_BYTES = 262_144
_EXTENSION_SECONDS = 30


class Liveness:
    """Knows when the process last made progress; any thread may report it."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._moved_at = monotonic()
        self._lanes: set[Lane] = set()
        self._lock = threading.Lock()

    def moved(self) -> None:
        """Note that the process works, or has nothing to do; while accounts are synced only they count."""
        self._moved_at = self._monotonic()

    @contextmanager
    def lane(self) -> Iterator["Lane"]:
        """Give what notes the progress of one account's sync, for the length of the block."""
        lane = Lane(self._monotonic)
        with self._lock:
            self._lanes.add(lane)
        try:
            yield lane
        finally:
            self.moved()
            with self._lock:
                self._lanes.remove(lane)

    @property
    def silent_seconds(self) -> float:
        """How long there has been no progress; of several syncs, how long in the one that is silent for longest."""
        with self._lock:
            moved_at = min((lane.moved_at for lane in self._lanes), default=self._moved_at)
        return self._monotonic() - moved_at


class Lane:
    """How far one account's sync is, as its own thread tells it."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._what: object = None
        self.moved_at = monotonic()

    def moved(self, what: object = None) -> None:
        """Note how far the work is; the same `what` as before is no progress, None always is."""
        if what is None or what != self._what:
            self._what = what
            self.moved_at = self._monotonic()


def tell_systemd(state: str, environ: Mapping[str, str] = os.environ) -> None:
    """Send lines such as `READY=1`, `WATCHDOG=1` or `STOPPING=1` to the service manager, if there is one.

    Source: https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
    """
    address = environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):  # an abstract socket
        address = "\0" + address[1:]
    # The daemon goes on if its manager cannot be reached.
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notifier, suppress(OSError):
        notifier.sendto(state.encode(), address)


class Starting:
    """Asks the service manager for more time while the process starts, and says what it waits for."""

    def __init__(self) -> None:
        self._status = "opening the database"
        self._stop = StopSignal()
        self._thread = threading.Thread(target=self._ask_on, name="starting", daemon=True)

    def __enter__(self) -> Self:
        """Ask from now on."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Ask no more."""
        self._stop.set()
        self._thread.join()

    def tell(self, status: str) -> None:
        """Say this from now on."""
        self._status = " ".join(status.split())
        self._ask()

    def _ask_on(self) -> None:
        while True:
            self._ask()
            if self._stop.wait(_EXTENSION_SECONDS / 3):
                return

    def _ask(self) -> None:
        tell_systemd(f"EXTEND_TIMEOUT_USEC={_EXTENSION_SECONDS * 1_000_000}\nSTATUS={self._status}")


def stacks() -> str:
    """Return the stack of every thread, with its name."""
    names = {thread.ident or 0: thread.name for thread in threading.enumerate()}
    descriptor = os.memfd_create("stacks")
    try:
        faulthandler.dump_traceback(descriptor, all_threads=True)
        text = os.pread(descriptor, _LARGEST_DUMP_BYTES, 0).decode("utf-8", "replace")
    finally:
        os.close(descriptor)
    for number, name in names.items():
        text = text.replace(f"0x{number:016x}", f'"{name}"')
    return text
