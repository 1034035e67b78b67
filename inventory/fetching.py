"""A few threads that ask, while the thread that called keeps its lease, its deadline and its signals in sight."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from types import TracebackType
from typing import Self, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_TICK_SECONDS = 0.2


class Fetcher:
    """A pool of threads, as a context manager.

    `tick` is called in the calling thread at least every 0.2 s while it waits, and may raise to give up; `stop` must
    then make every question under way end soon, because leaving the context waits for the threads.
    """

    def __init__(self, threads: int, *, tick: Callable[[], None], stop: Callable[[], None]) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="fetch")
        self._in_flight = 2 * threads
        self._tick = tick
        self._stop = stop

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._stop()
        self._executor.shutdown(wait=True, cancel_futures=True)

    def each(self, ask: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[tuple[Item, Result]]:
        """Ask for every item and yield the answers as they come; few items are under way at any time (R11).

        What `ask` raises is raised here.
        """
        waiting = iter(items)
        under_way: dict[Future[Result], Item] = {}
        while True:
            for item in islice(waiting, self._in_flight - len(under_way)):
                under_way[self._executor.submit(ask, item)] = item
            if not under_way:
                return
            self._tick()
            done, _ = wait(under_way, timeout=_TICK_SECONDS, return_when=FIRST_COMPLETED)
            # A set's order is chance; in the order of the questions, one thread makes the same run the same every time.
            for future in [each for each in under_way if each in done]:
                yield under_way.pop(future), future.result()

    def one(self, ask: Callable[[], Result]) -> Result:
        """Ask a single question and wait for its answer."""
        return next(answer for _, answer in self.each(lambda _: ask(), [None]))
