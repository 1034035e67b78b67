"""A few threads that ask, while the calling thread watches its lease, its deadline and its signals."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from queue import Empty, SimpleQueue
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_TICK_SECONDS = 0.2

# Enough for the threads to go on asking while the caller writes what it has.
_IN_FLIGHT = 100


@contextmanager
def threads_to_fetch(number: int, *, stop: Callable[[], None]) -> Iterator[ThreadPoolExecutor]:
    """Give so many threads for the length of the block.

    `stop` is called where the block fails. It must make every question under way end soon, because the end of the block
    waits for the threads.
    """
    executor = ThreadPoolExecutor(number, thread_name_prefix="fetch")
    try:
        yield executor
    except BaseException:
        stop()
        raise
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Asks in threads.

    Attributes:
        tick: Called in the calling thread at least every 0.2 s while it waits; it may raise to give up.
    """

    executor: ThreadPoolExecutor
    tick: Callable[[], None]

    def each(self, ask: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[tuple[Item, Result]]:
        """Ask for every item and yield the answers as they come; at most a hundred items are under way (R11).

        What `ask` raises is raised here.
        """
        waiting = iter(items)
        under_way: dict[Future[Result], Item] = {}
        answered: SimpleQueue[Future[Result]] = SimpleQueue()
        while True:
            for item in islice(waiting, _IN_FLIGHT - len(under_way)):
                future = self.executor.submit(ask, item)
                under_way[future] = item
                future.add_done_callback(answered.put)
            if not under_way:
                return
            self.tick()
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
        """Ask beside what is asked next; return what waits for the answer, once: nothing keeps it afterwards (R11)."""
        asked = [self.executor.submit(ask)]
        return lambda: asked.pop().result()

    def one(self, ask: Callable[[], Result]) -> Result:
        """Ask a single question and wait for its answer."""
        [answer] = self.all(ask)
        return answer
