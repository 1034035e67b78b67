"""A few threads that ask, while the thread that called keeps its lease, its deadline and its signals in sight."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Self, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_TICK_SECONDS = 0.2

# Enough for the threads to go on asking while the caller writes what it has.
_IN_FLIGHT = 100


class Fetcher:
    """A pool of threads, as a context manager.

    `tick` is called in the calling thread at least every 0.2 s while it waits, and may raise to give up; `stop` must
    then make every question under way end soon, because leaving the context waits for the threads.
    """

    def __init__(self, threads: int, *, tick: Callable[[], None], stop: Callable[[], None]) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="fetch")
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
        """Ask for every item and yield the answers as they come; a hundred items are under way at most (R11).

        What `ask` raises is raised here.
        """
        waiting = iter(items)
        under_way: dict[Future[Result], Item] = {}
        answered: SimpleQueue[Future[Result]] = SimpleQueue()
        while True:
            for item in islice(waiting, _IN_FLIGHT - len(under_way)):
                future = self._executor.submit(ask, item)
                under_way[future] = item
                future.add_done_callback(answered.put)
            if not under_way:
                return
            self._tick()
            try:
                future = answered.get(timeout=_TICK_SECONDS)
            except Empty:
                continue
            yield under_way.pop(future), future.result()

    def all(self, *questions: Callable[[], Result]) -> list[Result]:
        """Ask different questions at once, wait, and return the answers in the order of the questions."""
        answers = dict(self.each(lambda number: questions[number](), range(len(questions))))
        return [answers[number] for number in range(len(questions))]

    def ahead(self, ask: Callable[[], Result]) -> Callable[[], Result]:
        """Ask beside what is asked next; return what waits for the answer, once: nobody keeps it then (R11)."""
        asked = [self._executor.submit(ask)]
        return lambda: asked.pop().result()

    def one(self, ask: Callable[[], Result]) -> Result:
        """Ask a single question and wait for its answer."""
        [answer] = self.all(ask)
        return answer
