"""Pages that are made once for all who ask: kept until a sync changed something, and for a quarter of an hour at most.

Whoever asks waits a moment. What takes longer is made all the same, for the next time that it is asked for; until then
there is the page that was kept before, or none. While a sync is under way most of the machine is left to it: after each
page that was made, none is begun for several times as long as that one took.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Generic, NamedTuple, TypeVar

MOST_AT_ONCE = 2
MOST = 200
"""So many pages are kept; compressed, most are of ten to fifty kilobytes."""

FRESH_SECONDS = 10.0
"""So long nobody looks whether something changed, or whether what failed can be made now."""

KEPT_SECONDS = 15 * 60.0

RESTED_TIMES = 4
RESTED_SECONDS = 5.0
"""So long nobody waits for a page at most because of another that took long, while a sync is under way."""

_Answer = TypeVar("_Answer")


class Made(NamedTuple, Generic[_Answer]):
    """A page that was made.

    Attributes:
        state: What it was made of; a page of the same state would be the same.
        answer: None if the state is still the one that was given.
        kept_seconds: For how long it may be given to others while its state is that.
        is_beside_sync: Whether a sync was under way, to which others like it are to leave the machine.
    """

    state: object
    answer: _Answer | None
    kept_seconds: float = KEPT_SECONDS
    is_beside_sync: bool = False


@dataclass(frozen=True, slots=True)
class _Page(Generic[_Answer]):
    answer: _Answer
    state: object
    is_fresh_until: float
    is_kept_until: float


class Kept(Generic[_Answer]):
    """Pages by what was asked, those that were asked for last."""

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        """Keep none yet; `seconds` tells how many have gone by."""
        self._seconds = seconds
        self._lock = threading.Lock()
        self._pages: OrderedDict[Hashable, _Page[_Answer]] = OrderedDict()
        self._making: dict[Hashable, Future[_Answer]] = {}
        self._rests_until = 0.0

    def get(self, asked: Hashable, make: Callable[[object], Made[_Answer]], patience_seconds: float) -> _Answer | None:
        """Give the page as it was made before or is made now; None if that takes longer, or others are being made.

        `make` gets the state of the page that is kept, None if there is none, and runs in a thread of its own. What it
        raises is raised here.
        """
        with self._lock:
            now = self._seconds()
            page = self._pages.get(asked)
            if page is not None and now >= page.is_kept_until:
                page = None
            if page is not None and now < page.is_fresh_until:
                self._pages.move_to_end(asked)
                return page.answer
            future = self._making.get(asked)
            if future is None and len(self._making) < MOST_AT_ONCE and now >= self._rests_until:
                future = self._making[asked] = Future()
                threading.Thread(target=self._make, args=(asked, make, page, future), name="page", daemon=True).start()
        try:
            if future is not None:
                return future.result(patience_seconds)
        except TimeoutError:
            pass
        return page.answer if page else None

    def _make(
        self,
        asked: Hashable,
        make: Callable[[object], Made[_Answer]],
        page: _Page[_Answer] | None,
        future: "Future[_Answer]",
    ) -> None:
        began = self._seconds()
        try:
            made = make(page.state if page else None)
        except BaseException as error:  # noqa: BLE001 - it is raised to those who asked
            with self._lock:
                del self._making[asked]
            future.set_exception(error)
            return
        with self._lock:
            del self._making[asked]
            if made.is_beside_sync:
                self._rest(began)
            answer = self._keep(asked, made, page)
        future.set_result(answer)

    def _rest(self, began: float) -> None:
        """Begin no page for a while; two that were made at once rest one after the other."""
        now = self._seconds()
        rest = min(RESTED_TIMES * (now - began), RESTED_SECONDS)
        self._rests_until = max(self._rests_until, now) + rest

    def _keep(self, asked: Hashable, made: Made[_Answer], page: _Page[_Answer] | None) -> _Answer:
        now = self._seconds()
        if (page is not None and made.kept_seconds < KEPT_SECONDS) or made.answer is None:
            # What failed replaces nothing that may still be given.
            assert page is not None
            self._pages[asked] = replace(page, is_fresh_until=now + FRESH_SECONDS)
            return page.answer if made.answer is None else made.answer
        if made.kept_seconds:
            self._pages[asked] = _Page(made.answer, made.state, now + FRESH_SECONDS, now + made.kept_seconds)
            self._pages.move_to_end(asked)
            if len(self._pages) > MOST:
                self._pages.popitem(last=False)
        return made.answer
