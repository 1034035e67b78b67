"""Faults of a disk, put under a running command by strace: which there are, and where a command can meet them.

strace counts the calls of each thread: the n-th call of a kind is that of every thread that makes so many.
"""

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

_Result = TypeVar("_Result")

_WRITES = frozenset({"pwrite64", "write", "ftruncate"})
_SYNCS = frozenset({"fsync", "fdatasync"})
_NAMES = frozenset({"mkdir", "link", "linkat", "rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir"})
_MAKES = frozenset({"mkdir", "link", "linkat", "rename", "renameat", "renameat2"})
_OPENS = frozenset({"openat"})
CALLS = _WRITES | _SYNCS | _NAMES | _OPENS

# Every such call of a process would fail, be it of a disk or not.
_NOT_OF_DISKS_ALONE = frozenset({"write", "openat"})


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong at the n-th call of a kind.

    Attributes:
        calls: The system calls that it can befall.
        how: What strace does, in its words.
        is_lasting: It goes wrong from then on.
    """

    name: str
    calls: frozenset[str]
    how: str
    is_lasting: bool = False


def _both(name: str, calls: frozenset[str], how: str) -> Iterator[Fault]:
    yield Fault(f"{name}, once", calls, how)
    yield Fault(f"{name}, for ever", calls - _NOT_OF_DISKS_ALONE, how, is_lasting=True)


FAULTS = (
    *_both("disk full (ENOSPC)", _WRITES | _SYNCS | _MAKES, "error=ENOSPC"),
    *_both("disk error (EIO)", _WRITES | _NAMES, "error=EIO"),
    *_both("failed sync (EIO)", _SYNCS, "error=EIO"),
    # A call that says it has written less than it was given. To say so of more than nothing would be a lie, since
    # strace lets nothing be written; a disk that fills up in the middle of a call is tried with a real one.
    *_both("short write (0 bytes)", frozenset({"pwrite64"}), "retval=0"),
    Fault("killed", CALLS, "signal=KILL"),
)


class Point(NamedTuple):
    """The n-th call of a kind."""

    call: str
    number: int


class Strace:
    """Watches processes, or makes their calls fail, and writes down those that concern a directory."""

    def __init__(self, log: Path, place: Path) -> None:
        self._log = log
        self._place = re.compile(re.escape(str(place)) + "/")

    def watch(self, process: int, run: Callable[[], _Result]) -> tuple[_Result, list[Point]]:
        """Let `run` run the process; return its result, and every call that concerns the directory."""
        result = self._traced(process, CALLS, [], run)
        counted: Counter[tuple[str, str]] = Counter()
        found = []
        for thread, call, text in self._lines():
            counted[thread, call] += 1
            if self._place.search(text) and (call != "openat" or "O_CREAT" in text):
                found.append(Point(call, counted[thread, call]))
        return result, sorted(set(found))

    def inject(self, fault: Fault, point: Point, process: int, run: Callable[[], _Result]) -> tuple[_Result, int]:
        """Let `run` run the process with a fault; return its result, and how many calls of the directory failed."""
        when = f"{point.number}{'+' if fault.is_lasting else ''}"
        injected = [f"--inject={point.call}:{fault.how}:when={when}"]
        result = self._traced(process, {point.call}, injected, run)
        lines = [text for _, _, text in self._lines() if self._place.search(text)]
        if "signal" in fault.how:
            return result, sum("killed by SIGKILL" in text for text in self._log.read_text("utf-8").splitlines())
        return result, sum("(INJECTED)" in text for text in lines)

    def _traced(
        self, process: int, calls: set[str] | frozenset[str], more: Sequence[str], run: Callable[[], _Result]
    ) -> _Result:
        words = [shutil.which("strace") or "strace", "--follow-forks", "--decode-fds=path", f"--attach={process}"]
        words += [f"--output={self._log}", f"--trace={','.join(sorted(calls))}", *more]
        with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as strace:
            assert strace.stderr is not None
            said = strace.stderr.readline()
            if "attached" not in said:
                raise UntraceableError(said.strip())
            return run()

    def _lines(self) -> Iterator[tuple[str, str, str]]:
        """Give the thread, the name and the text of each call, in the order of their beginning."""
        for line in self._log.read_text("utf-8", "replace").splitlines():
            if found := re.match(r"(\d+) +(\w+)\((.*)", line):
                yield found[1], found[2], found[3]


class UntraceableError(Exception):
    """strace is not there, or may not look at another process."""
