"""What can be wrong with the API's answers, on demand."""

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any


@dataclass(slots=True)
class Fault:
    """What is wrong with the answers to one path; by itself nothing is.

    Attributes:
        status: In place of 200, with the body of an error.
        headers: More headers, or others.
        body: What is sent, given what should be.
        delay_seconds: How long nothing comes.
        is_reset: The connection is reset, and nothing comes.
        shows: Which entries a listing shows, or in place of which single document it answers, given all as they should
            be. The total still counts what is left out, unless `is_plausible`.
        total: What a listing announces, given that total; None announces nothing.
        next_page: The URL a listing names as its next page, whether there is one or not; None names the right one.
        before: What happens before the request of this number, counted from 1.
        at: The numbers of the requests to which all but `before` applies; None means every one.
        requests: How many there were.
        struck: To how many the fault applied.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Callable[[bytes], bytes] = lambda body: body
    delay_seconds: float = 0.0
    is_reset: bool = False
    shows: Callable[[Sequence[Any]], Sequence[Any]] = lambda entries: entries
    is_plausible: bool = False
    total: Callable[[int], int | None] = lambda true: true
    next_page: str | None = None
    before: Mapping[int, Callable[[], object]] = field(default_factory=dict)
    at: Container[int] | None = None
    requests: int = field(default=0, init=False)
    struck: int = field(default=0, init=False)

    def strike(self) -> "Fault":
        """Count a request, let happen what happens before it, and return the fault of its answer."""
        self.requests += 1
        self.before.get(self.requests, lambda: None)()
        if self.at is not None and self.requests not in self.at:
            return NO_FAULT
        self.struck += 1
        return self


NO_FAULT = Fault()


def struck(faults: Mapping[str, Fault], path: str) -> Fault:
    """Return the fault of the answer to this request, by its path or else by the first pattern such as `/v2/*`."""
    if not faults:
        return NO_FAULT
    patterns = (fault for pattern, fault in faults.items() if "*" in pattern and fnmatchcase(path, pattern))
    fault = faults.get(path) or next(patterns, None)
    return fault.strike() if fault else NO_FAULT


def with_lagging_backup_ids(droplets: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Let each Droplet not know of its newest backup yet: one way to show them, for `Fault.shows`."""
    return [{**each, "backup_ids": each["backup_ids"][:-1]} for each in droplets]
