"""What a process runs out of: descriptors, threads and memory. That is no bug, and an operator can give it more."""

import errno
import os
from contextlib import ExitStack

# The file, its log, the log's index, and the directory.
_OF_A_DATABASE = 4

TOO_MANY_FILES = "too many files and connections are open (see ulimit -n, or LimitNOFILE of the unit)"
_NO_THREADS = "no more threads can be started (see ulimit -u and -v, TasksMax of the unit, or the container's limits)"
NO_MEMORY = "there is not enough memory (see ulimit -v, MemoryMax of the unit, or the container's limit)"
_OF_THE_SYSTEM = {errno.EMFILE: TOO_MANY_FILES, errno.ENFILE: TOO_MANY_FILES, errno.ENOMEM: NO_MEMORY}


def exhausted(error: BaseException) -> str | None:
    """Say what a process ran out of, if that is what an error, or one that caused it, is about; None if it is not."""
    while True:
        if isinstance(error, MemoryError) or _is_of_memory(error):
            return NO_MEMORY
        if isinstance(error, OSError) and error.errno in _OF_THE_SYSTEM:
            return _OF_THE_SYSTEM[error.errno]
        # Python has no class for it, only these words.
        if isinstance(error, RuntimeError) and str(error) == "can't start new thread":
            return _NO_THREADS
        earlier = error.__cause__ or error.__context__
        if earlier is None:
            return None
        error = earlier


def _is_of_memory(error: BaseException) -> bool:
    """Tell whether an error is what Python, or the loader of libraries, says where they found no memory to say so."""
    if isinstance(error, SystemError):
        return "without setting an exception" in str(error) or "without exception set" in str(error)
    return isinstance(error, ImportError) and any(
        words in str(error) for words in ("failed to map segment", "cannot allocate memory")
    )


def has_descriptors() -> bool:
    """Tell whether as many files can be opened as SQLite needs, which says only that it cannot open its own."""
    with ExitStack() as files:
        for _ in range(_OF_A_DATABASE):
            try:
                descriptor = os.open(os.devnull, os.O_RDONLY)
            except OSError:
                return False
            files.callback(os.close, descriptor)
    return True
