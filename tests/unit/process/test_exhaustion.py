"""What a process runs out of is said, however deep in an error it is."""

import errno

from inventory.process.exhaustion import exhausted


def wrapped(error: BaseException) -> BaseException:
    outer = RuntimeError("cannot")
    outer.__cause__ = error
    return outer


def test_descriptors_threads_and_memory_are_found_and_nothing_else() -> None:
    assert "ulimit -n" in (exhausted(OSError(errno.EMFILE, "too many")) or "")
    assert "ulimit -n" in (exhausted(wrapped(OSError(errno.ENFILE, "too many"))) or "")
    assert "ulimit -u" in (exhausted(wrapped(RuntimeError("can't start new thread"))) or "")
    assert "memory" in (exhausted(wrapped(wrapped(MemoryError()))) or "")
    assert "memory" in (exhausted(OSError(errno.ENOMEM, "Cannot allocate memory")) or "")
    assert "memory" in (exhausted(wrapped(SystemError("error return without exception set"))) or "")
    assert "memory" in (
        exhausted(wrapped(SystemError("<function f> returned NULL without setting an exception"))) or ""
    )
    assert "memory" in (exhausted(ImportError("lib.so: failed to map segment from shared object")) or "")
    assert exhausted(ImportError("No module named 'nothing'")) is None
    assert exhausted(wrapped(SystemError("bad argument to internal function"))) is None
    assert exhausted(wrapped(OSError(errno.EACCES, "denied"))) is None
