"""The standard streams as commands need them: open, however the process was started, and without errors of their own.

A stream that cannot be written to must not stop the work of a command; at the end, the command says what was lost.
"""

import io
import os
import select
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_STDIN, _STDOUT, _STDERR = range(3)


class _Descriptor(io.FileIO):
    """A descriptor that remembers its first failure and takes everything after it for written."""

    failure: OSError | None = None

    def write(self, data: "ReadableBuffer") -> int:
        """Write, and wait where the other side reads slowly."""
        if self.failure is None:
            try:
                while (written := super().write(data)) is None:
                    select.select([], [self], [])
            except BrokenPipeError:
                if self.fileno() == _STDERR:
                    return memoryview(data).nbytes
                raise
            except OSError as error:
                self.failure = error
            else:
                return written
        return memoryview(data).nbytes


def prepare() -> None:
    """Open the streams that were closed, and let stdout and stderr fail without an error.

    A closed descriptor is opened on /dev/null: a database or a connection would otherwise get its number, and messages
    would be written into it. Streams that a test put in place are left alone.
    """
    for number in (_STDIN, _STDOUT, _STDERR):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stdin is None:
        sys.stdin = open(_STDIN, closefd=False, encoding="utf-8")  # noqa: SIM115 - it stays open
    if sys.stdout is sys.__stdout__:
        sys.stdout = _text(_STDOUT, sys.stdout)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _text(_STDERR, sys.stderr)


def _text(number: int, before: TextIO | None) -> TextIO:
    """Write text to a descriptor in the encoding that Python chose; letters that it lacks are escaped."""
    raw = _Descriptor(number, "wb", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=before.encoding if before else "utf-8",
        errors="backslashreplace",
        line_buffering=number == _STDERR or raw.isatty(),
    )


def lost_answer() -> str | None:
    """Say why not all that was printed to stdout was written; None if it was.

    Raises:
        BrokenPipeError: The reader of stdout has gone.
    """
    sys.stdout.flush()
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    failure = raw.failure if isinstance(raw, _Descriptor) else None
    return failure.strerror if failure else None
