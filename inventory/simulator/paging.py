"""Listings, page by page."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import overload
from urllib.parse import urlencode

from inventory.simulator.documents import Document
from inventory.simulator.faults import Fault
from inventory.simulator.messages import Request
from inventory.simulator.variants import Variants

_DEFAULT_PER_PAGE = 20
MAXIMUM_PER_PAGE = 200

_POSITIVE = re.compile(r"0*[1-9][0-9]{0,8}")


class Documents(Sequence[Document]):
    """The documents of some ids, each made when it is looked at: of a long listing only one page ever is."""

    def __init__(self, ids: Sequence[int], show: Callable[[int], Document]) -> None:
        self._ids = ids
        self._show = show

    def __len__(self) -> int:
        return len(self._ids)

    @overload
    def __getitem__(self, index: int) -> Document: ...
    @overload
    def __getitem__(self, index: slice) -> list[Document]: ...
    def __getitem__(self, index: int | slice) -> Document | list[Document]:
        if isinstance(index, slice):
            return [self._show(each) for each in self._ids[index]]
        return self._show(self._ids[index])

    def __iter__(self) -> Iterator[Document]:
        return map(self._show, self._ids)


@dataclass(frozen=True, slots=True)
class Listing:
    """What all pages of a listing show together, from the oldest.

    Attributes:
        key: The name of the entries in the body.
        show: Makes the document of an id.
        map_by: The field by whose value, as text, the entries are mapped; None where they are an array.
    """

    key: str
    ids: Sequence[int]
    show: Callable[[int], Document]
    map_by: str | None = None


def page(
    listing: Listing, request: Request, *, variants: Variants, account: str, most_per_page: int, fault: Fault
) -> Document:
    """Return the body of the page that is asked for.

    Args:
        listing: What all pages have.
        request: Which page, how many entries, and by what URL.
        variants: Say the order, and what no links look like.
        account: Whose listing it is; seeds the order where that is shuffled.
        most_per_page: The most entries of any page, whatever was asked for.
        fault: What is wrong with it.
    """
    every = Documents(variants.ordered(listing.ids, of=account), listing.show)
    shown = fault.shows(every)
    number = _positive(request.query.get("page")) or 1
    asked = _positive(request.query.get("per_page"))
    per_page = min(asked, MAXIMUM_PER_PAGE) if asked else None
    size = min(per_page or _DEFAULT_PER_PAGE, most_per_page)
    last = max(1, -(-len(shown) // size))
    entries = shown[(number - 1) * size : number * size]
    total = fault.total(len(shown if fault.is_plausible else every))
    links = _links(request, number, last, per_page)
    if fault.next_page is not None:
        links["next"] = fault.next_page
    return {
        listing.key: entries if listing.map_by is None else {str(each[listing.map_by]): each for each in entries},
        **_written_links(links, variants),
        "meta": {} if total is None else {"total": total},
    }


def _positive(written: str | None) -> int | None:
    return int(written) if written and _POSITIVE.fullmatch(written) else None


def _links(request: Request, number: int, last: int, per_page: int | None) -> dict[str, str]:
    """Name the pages that make sense: none before the first, none after the last."""
    pages = {"first": 1, "prev": number - 1} if number > 1 else {}
    pages |= {"next": number + 1, "last": last} if number < last else {}
    return {name: _url(request, page_number, per_page) for name, page_number in pages.items()}


def _url(request: Request, number: int, per_page: int | None) -> str:
    filters = {name: value for name, value in request.query.items() if name not in ("page", "per_page")}
    query: Mapping[str, str | int] = {"page": number, **({"per_page": per_page} if per_page else {}), **filters}
    return f"http://{request.headers.get('host', 'localhost')}{request.path}?{urlencode(query)}"


def _written_links(links: dict[str, str], variants: Variants) -> Document:
    if links or variants.single_page_links == "pages":
        return {"links": {"pages": links}}
    return {"links": {}} if variants.single_page_links == "empty" else {}
