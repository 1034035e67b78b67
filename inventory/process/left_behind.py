"""What is on its way to its name: locked while its process lives, so that the next one knows what a killed one left."""

import fcntl
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path


def lock(descriptor: int, path: Path) -> bool:
    """Lock what was just made; tell whether it is still there, since before it may be taken for left behind."""
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return path.exists()


def remove(found: Iterable[Path], how: Callable[[Path], object]) -> None:
    """Remove what no process has locked; what cannot be locked or removed stays."""
    for left in found:
        with suppress(OSError):
            descriptor = os.open(left, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                how(left)
            finally:
                os.close(descriptor)
