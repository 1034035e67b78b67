"""Work in a child process, so that there is an answer even if a library or the kernel ends what works for it.

Where memory ends, Python raises an error; libraries written in other languages end the process, and so does the kernel.
"""

import os
import signal
import sys
import traceback
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import NoReturn

from inventory.errors import EXIT_BUG
from inventory.process.interruption import SIGNALS

_STDERR = 2


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended.

    Attributes:
        code: Its exit code; negative, the number of the signal that ended it.
        complaints: All that it wrote to stderr.
    """

    code: int
    complaints: bytes


def in_child(work: Callable[[], int]) -> Ended:
    """Do the work in a child of its own session, which gets the signals that this process gets, and return its end.

    To be called before there are threads. What the work returns is the child's exit code.

    Raises:
        OSError: There can be no more processes, or no more open files.
    """
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as complaints, os.fdopen(writing, "wb") as sink, _held_back(SIGNALS) as release:
        child = os.fork()
        if not child:
            release()
            _end_with(work, writing)
        with _forwarding(child):
            release()
            sink.close()
            said = complaints.read()
            _, status = os.waitpid(child, 0)
    return Ended(os.waitstatus_to_exitcode(status), said)


@contextmanager
def _held_back(numbers: Collection[signal.Signals]) -> Iterator[Callable[[], None]]:
    """Let signals wait until the function that is given is called, or the block ends."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)

    def release() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

    try:
        yield release
    finally:
        release()


def _end_with(work: Callable[[], int], complaints: int) -> NoReturn:
    """Do the work in the child, and end it."""
    code = EXIT_BUG
    try:
        # A terminal sends its signals to this process's parent alone, which forwards them.
        os.setsid()
        os.dup2(complaints, _STDERR)
        code = work()
    except BaseException:  # noqa: BLE001 - nothing of the child may go on as if it were the parent
        traceback.print_exc()
    finally:
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


@contextmanager
def _forwarding(child: int) -> Iterator[None]:
    """Send the child each signal that comes while the block lasts."""
    before = {each: signal.signal(each, lambda number, _frame: os.kill(child, number)) for each in SIGNALS}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
