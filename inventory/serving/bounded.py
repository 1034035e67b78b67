"""Connections that end by themselves, so that whoever connects and is silent costs neither descriptors nor answers.

uvicorn's `limit_concurrency` counts requests that were read: it bounds no socket, and no time before the first byte.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

MOST_CONNECTIONS = 64
REQUEST_SECONDS = 5.0
ANSWER_SECONDS = 30.0

# asyncio accepts as many connections in one turn of its loop as the backlog is long; uvicorn's default is 2,048. A
# connection is known to us two turns later, and the one that makes room for it is closed with the turn after that.
BACKLOG = 32
MOST_SOCKETS = MOST_CONNECTIONS + 3 * BACKLOG


class BoundedProtocol(H11Protocol):
    """A connection that has 5 s for a whole request, 5 s more for each next one, and 30 s to read an answer.

    Beyond 64 connections the oldest one without a request ends at once; where each has one, the oldest of all.
    """

    accepted_at: float
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to wait for a request, and make room."""
        super().connection_made(transport)
        self.accepted_at = self.loop.time()
        self._end_after(REQUEST_SECONDS)
        if len(self.connections) > MOST_CONNECTIONS:
            others = [each for each in self.connections if isinstance(each, BoundedProtocol) and each is not self]
            min(others, key=lambda other: (other.has_request, other.accepted_at)).end()

    def data_received(self, data: bytes) -> None:
        """Read on; only a whole request, never its parts, earns the connection more time."""
        had_request = self.has_request
        super().data_received(data)
        if self.has_request and not had_request:
            self._end_after(ANSWER_SECONDS)

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        self._end_after(REQUEST_SECONDS)
        super().on_response_complete()
        if self.has_request:  # the next one was sent along with the one before
            self._end_after(ANSWER_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._end_after(None)
        super().connection_lost(exc)

    @property
    def has_request(self) -> bool:
        """Whether a whole request came that is not answered yet."""
        # The type says that there always is one; before the first request there is none.
        cycle: Any = self.cycle
        return cycle is not None and not cycle.response_complete

    def _end_after(self, seconds: float | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.loop.call_later(seconds, self.end)

    def end(self) -> None:
        """Close the connection at once."""
        self.connections.discard(self)
        # Not close(): that would wait until the other side has read what is still to be sent.
        self.transport.abort()
