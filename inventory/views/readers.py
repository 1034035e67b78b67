"""Two transactions that see the same state, so that two questions can be asked at once."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TypeVar, overload

import sqlalchemy as sa

_Asked = TypeVar("_Asked")
_One = TypeVar("_One")
_Other = TypeVar("_Other")
_Third = TypeVar("_Third")
_Fourth = TypeVar("_Fourth")
_Last = TypeVar("_Last")


@dataclass(frozen=True, slots=True)
class TwoReaders:
    """Two transactions that see the same state of a database.

    Attributes:
        second: None where a second one cannot be had, or is not wanted: then one question is asked after the other.
    """

    connection: sa.Connection
    second: sa.Connection | None = None

    @overload
    def at_once(
        self, one: Callable[[sa.Connection], _One], other: Callable[[sa.Connection], _Other], /
    ) -> tuple[_One, _Other]: ...

    @overload
    def at_once(
        self,
        one: Callable[[sa.Connection], _One],
        other: Callable[[sa.Connection], _Other],
        third: Callable[[sa.Connection], _Third],
        fourth: Callable[[sa.Connection], _Fourth],
        last: Callable[[sa.Connection], _Last],
        /,
    ) -> tuple[_One, _Other, _Third, _Fourth, _Last]: ...

    def at_once(self, *questions: Callable[[sa.Connection], object]) -> tuple[object, ...]:
        """Begin with the first question; each is asked of the connection that is free then."""
        return tuple(self.of_each(questions, lambda connection, question: question(connection)))

    def of_each(self, asked: Iterable[_Asked], answer: Callable[[sa.Connection, _Asked], _One]) -> list[_One]:
        """Answer all of these, in their order, each over the connection that is free then."""
        if self.second is None:
            return [answer(self.connection, each) for each in asked]
        free = SimpleQueue[sa.Connection]()
        for connection in (self.connection, self.second):
            free.put(connection)

        def over_a_free_one(each: _Asked) -> _One:
            connection = free.get()
            try:
                return answer(connection, each)
            finally:
                free.put(connection)

        with ThreadPoolExecutor(2, "reader") as threads:
            return list(threads.map(over_a_free_one, asked))
