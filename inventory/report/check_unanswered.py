"""No answer to monitoring, or none in time. Loaded before the command itself, whose loading takes time and memory."""

import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from signal import Signals

from inventory.errors import SIGNAL_BASE
from inventory.process.child import Ended, in_child
from inventory.process.exhaustion import NO_MEMORY, exhausted
from inventory.process.interruption import SIGNALS, ending_in_time, lasting_at_most
from inventory.terminal.display import redactor, shown_to_monitoring

EXIT_UNANSWERED = 3
""""Unknown" of monitoring plug-ins."""

EXIT_SAID_WHY = 71
"""What the process that looks ends with if it has said why it has no answer, and nothing else is worth telling.

Source: EX_OSERR of sysexits.h; nobody outside sees it.
"""

_ANSWERS = range(EXIT_UNANSWERED + 1)
_LOADING_SECONDS = 20
_STDOUT = 1


def unanswered(why: str) -> str:
    """Say in one line why `check` has no answer, with all problems if there are several."""
    lines = [line.strip() for line in redactor()(why).splitlines() if line.strip()]
    return f"BACKUPS UNKNOWN - {shown_to_monitoring('; '.join(lines))}"


def say_unanswered(error: BaseException, foreseen: str | None = None) -> int:
    """Say to monitoring in one line why there is no answer, and return the exit code.

    `foreseen` is what an error that is no bug says. The traceback of a bug goes to stderr.
    """
    if why := exhausted(error) or foreseen:
        sys.stdout.write(unanswered(why) + "\n")
        return EXIT_SAID_WHY
    sys.stderr.write(redactor()(traceback.format_exc()))
    sys.stdout.write(unanswered(f"a bug, please report it: {type(error).__name__}: {error}") + "\n")
    return EXIT_UNANSWERED


def answered(work: Callable[[], int]) -> int:
    """Do in a child what answers monitoring, and return its exit code; if it ends without an answer, say so.

    Where it runs out of something, libraries and Python complain in many words on stderr, which are left out.
    """

    def answer() -> int:
        signal.alarm(_LOADING_SECONDS)  # until the command line is read, which may say otherwise
        return _said(work)

    try:
        ended = in_child(answer)
    except OSError as error:
        say_unanswered(error, f"no process can be started: {error.strerror} (see ulimit -u, or TasksMax of the unit)")
        return EXIT_UNANSWERED
    if ended.code in _ANSWERS:
        sys.stderr.write(redactor()(ended.complaints.decode(errors="replace")))
        return ended.code
    if ended.code != EXIT_SAID_WHY:
        sys.stdout.write(unanswered(_end(ended)) + "\n")
    return EXIT_UNANSWERED


def answered_here(work: Callable[[], int]) -> int:
    """Do in this process what answers monitoring, and return its exit code."""
    code = _said(work)
    return EXIT_UNANSWERED if code == EXIT_SAID_WHY else code


def _said(work: Callable[[], int]) -> int:
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - before the command has begun, such as want of memory
        return say_unanswered(error)


def _end(ended: Ended) -> str:
    """Say how a child ended that said nothing."""
    number = -ended.code if ended.code < 0 else ended.code - SIGNAL_BASE
    if number in SIGNALS:
        return f"interrupted by {Signals(number).name}"
    complaints = ended.complaints.decode(errors="replace").strip().split("\n")
    if number == signal.SIGALRM:
        how, last_words = "had no answer in time", ""
    elif ended.code < 0:
        how, last_words = f"was ended by a signal ({signal.strsignal(number)})", complaints[0]
    else:
        how, last_words = f"ended with exit code {ended.code}", complaints[-1]
    said = f', and said "{last_words}"' if last_words else ""
    return f"the process that looked {how}{said}. Perhaps {NO_MEMORY}"


@dataclass(slots=True)
class Wait:
    """What the answer to monitoring waits for.

    Attributes:
        seconds: How long there may be none.
        what: In words that may be shown.
    """

    seconds: int
    what: str = "the program and its settings to load"

    def end(self, why: str) -> int:
        """Say, in another thread than the one that waits, that there is no answer, and return the exit code."""
        with suppress(OSError):  # not through sys.stdout, which the other thread may hold
            os.write(_STDOUT, f"BACKUPS UNKNOWN - {why}; it waited for {self.what}\n".encode())
        return EXIT_SAID_WHY


@contextmanager
def answering_within(seconds: int) -> Iterator[Wait]:
    """End the process if the block lasts longer, whatever it waits for, or if it does not end soon after a signal."""
    wait = Wait(seconds)
    with (
        lasting_at_most(seconds, lambda: wait.end(f"no answer within {seconds} s")),
        ending_in_time(lambda number: wait.end(f"interrupted by {Signals(number).name}")),
    ):
        yield wait
