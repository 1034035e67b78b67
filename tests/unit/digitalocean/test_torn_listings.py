"""A list that changes while it is walked: complete never lacks what was there all along (R1)."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from unittest import mock

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.digitalocean import paging, questions
from inventory.digitalocean.client import Client
from inventory.model import Listing
from inventory.network.access import Token
from inventory.process.clock import utc_now
from tests.examples import examples
from tests.faults.documents import backup, listing

PER_PAGE = 3

# What happens before a page is served: at which places backups go, and how many come.
Step = tuple[list[int], int]
NOTHING: Step = ([], 0)


@dataclass
class Torn:
    """Serves a list page by page, and changes it before each.

    As in an account, an id that is gone never comes back, and a new one is larger than all before.
    """

    present: list[int]
    steps: Iterator[Step]
    is_newest_first: bool = False
    always_present: set[int] = field(init=False)
    newest: int = field(init=False)

    def __post_init__(self) -> None:
        self.always_present = set(self.present)
        self.newest = max(self.present, default=0)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self._change(*next(self.steps, NOTHING))
        page = int(request.url.params["page"])
        ordered = sorted(self.present, reverse=self.is_newest_first)
        shown = [backup(number) for number in ordered[(page - 1) * PER_PAGE : page * PER_PAGE]]
        next_page = "a link" if page * PER_PAGE < len(ordered) else None
        return httpx.Response(200, json=listing(shown, total=len(ordered), next_page=next_page))

    def _change(self, places: list[int], new: int) -> None:
        gone = {self.present[place % len(self.present)] for place in places if self.present}
        self.always_present -= gone
        fresh = range(self.newest + 1, self.newest + 1 + new)
        self.present = [*(number for number in self.present if number not in gone), *fresh]
        self.newest += new

    def listed(self, *, accept_disagreeing_total: bool = False) -> Listing:
        with (
            mock.patch.object(paging, "PER_PAGE", PER_PAGE),
            Client(Token("t"), requests_per_second=0, transport=httpx.MockTransport(self)) as client,
        ):
            return questions.list_backups(client, 1, clock=utc_now, accept_disagreeing_total=accept_disagreeing_total)


sizes = st.integers(0, 10)
steps = st.lists(st.tuples(st.lists(st.integers(0, 9), max_size=2), st.integers(0, 2)), max_size=10)


@settings(max_examples=examples(4))
@given(size=sizes, steps=steps, is_newest_first=st.booleans())
def test_complete_listing_lacks_nothing_that_was_there_all_along(
    *, size: int, steps: list[Step], is_newest_first: bool
) -> None:
    torn = Torn(list(range(1, size + 1)), iter(steps), is_newest_first)
    listed = torn.listed()
    if listed.is_complete:
        assert torn.always_present <= {each.id for each in listed.backups}


@given(size=sizes, is_newest_first=st.booleans(), accepts=st.booleans())
def test_list_that_stays_is_complete(*, size: int, is_newest_first: bool, accepts: bool) -> None:
    torn = Torn(list(range(1, size + 1)), iter([]), is_newest_first)
    listed = torn.listed(accept_disagreeing_total=accepts)
    assert listed.is_complete
    assert [each.id for each in listed.backups] == list(range(1, size + 1))


def test_what_the_total_alone_would_miss() -> None:
    """One goes and one comes between two pages: the total fits, and 4 was on no page."""
    torn = Torn([1, 2, 3, 4, 5, 6], iter([NOTHING, ([0], 1)]))
    listed = torn.listed()
    assert listed.problem == paging.CHANGED
    assert 4 in torn.always_present
