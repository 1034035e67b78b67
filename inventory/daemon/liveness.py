"""Whether the process gets on: what moved last, systemd told of it, and every stack where nothing does."""

import faulthandler
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

_LARGEST_DUMP_BYTES = 262_144


class Liveness:
    """Knows when something last moved; any thread may tell."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._moved_at = monotonic()
        self._what: object = None

    def moved(self, what: object = None) -> None:
        """Note that work is where `what` says; the same again is no movement, None always is one."""
        if what is None or what != self._what:
            self._what = what
            self._moved_at = self._monotonic()

    @property
    def silent_seconds(self) -> float:
        """How long nothing has moved."""
        return self._monotonic() - self._moved_at


def tell_systemd(state: str, environ: Mapping[str, str] = os.environ) -> None:
    """Tell the service manager `READY=1`, `WATCHDOG=1` or `STOPPING=1`, where one listens.

    Source: https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
    """
    address = environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):  # as an abstract socket is written
        address = "\0" + address[1:]
    # A manager that cannot be told is no reason to stop.
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notifier, suppress(OSError):
        notifier.sendto(state.encode("ascii"), address)


def stacks() -> str:
    """Return where every thread is, by name."""
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
