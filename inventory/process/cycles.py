"""How often Python looks for values that only refer to each other."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# Python looks when so many more values were made than forgotten; by default 700.
_COLLECT_AFTER = 20_000


@contextmanager
def collecting_seldom() -> Iterator[None]:
    """Look for cycles less often: syncs and reports make many values that live on, and hardly any in cycles.

    There is one threshold for all threads of a process.
    """
    before = gc.get_threshold()
    gc.set_threshold(_COLLECT_AFTER, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
