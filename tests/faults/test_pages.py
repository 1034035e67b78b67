"""Rows 23 to 29: pages that repeat, lie, tear, or point elsewhere."""

import pytest

from inventory.digitalocean.client import Client
from inventory.digitalocean.questions import list_backups, list_droplets
from inventory.errors import ApiError, ProtocolError
from inventory.model import Listing
from inventory.process.clock import utc_now
from tests.faults.byte_server import ByteServer, Close, Script, answer
from tests.faults.conftest import TOKEN, Ask
from tests.faults.documents import backup, droplet, listing

NEXT = "https://api.digitalocean.com/v2/droplets/1/backups?page=2"
CHANGED = "the list changed while it was read"


def some(first: int, last: int) -> list[dict[str, object]]:
    return [backup(number) for number in range(first, last + 1)]


def pages(server: ByteServer, *documents: object) -> None:
    """Serve the pages from the first; those past the end are empty."""
    for number, document in enumerate(documents, 1):
        script: Script | bytes = document if isinstance(document, (list, bytes)) else answer(document)
        server.script(script, path=f"/v2/droplets/1/backups?page={number}&per_page=200")
    server.script(answer(listing([], total=0)))


def read(client: Client, *, accept_disagreeing_total: bool = False) -> Listing:
    return list_backups(client, 1, clock=utc_now, accept_disagreeing_total=accept_disagreeing_total)


def ids(listing: Listing) -> list[int]:
    return [each.id for each in listing.backups]


DOCUMENTED = b"""{"meta": {"total": 1}, "backups": [{"id": 6372321, "created_at": "2020-07-28T16:47:44Z",
  "min_disk_size": 25, "name": "web-01-1595954862243", "regions": ["nyc3", "sfo3"], "size_gigabytes": 2.34,
  "type": "snapshot"}], "links": {"pages": {"last": "https://api.digitalocean.com/v2/images?page=2",
  "next": "https://api.digitalocean.com/v2/images?page=2"}}}"""


def test_row_23_example_of_the_documentation_is_complete(client: Client, server: ByteServer) -> None:
    """Its next page is one of images, and its backup is a snapshot."""
    pages(server, answer(DOCUMENTED), listing([], total=1))
    listed = read(client)
    assert listed.is_complete
    assert (ids(listed), listed.backups[0].type, listed.pages, listed.rows) == ([6372321], "snapshot", 2, 1)
    assert [head.split(b" ")[1] for head in server.heads] == [
        b"/v2/droplets/1/backups?page=1&per_page=200",
        b"/v2/droplets/1/backups?page=2&per_page=200",
    ]


@pytest.mark.parametrize("scheme", ["host", "javascript:alert(1)", "/v2/images?page=9", "x" * 1_000_000, 7, ["a"]])
def test_row_23_links_are_never_followed(client: Client, server: ByteServer, scheme: object) -> None:
    with ByteServer() as other:
        link = other.url if scheme == "host" else scheme
        pages(server, listing([backup(1)], total=1, next_page=link), listing([], total=1))
        assert read(client).is_complete
        assert other.connections == 0
    assert len(server.heads) == 2


def test_row_24_page_that_repeats(client: Client, server: ByteServer) -> None:
    server.script(answer(listing(some(1, 3), total=3, next_page=NEXT)))
    listed = read(client)
    assert listed.problem == "page 2 repeats page 1"
    assert (ids(listed), listed.pages, listed.rows) == ([1, 2, 3], 2, 6)


@pytest.mark.parametrize(("total", "most"), [(30, 5), (..., 50)])
def test_row_24_ever_new_items(client: Client, server: ByteServer, total: object, most: int) -> None:
    endless = [listing(some(n * 10 + 1, n * 10 + 10), total=total, next_page=NEXT) for n in range(60)]
    pages(server, *endless)
    listed = read(client)
    assert listed.problem == f"there are more than {most} pages"
    assert listed.pages == len(server.heads) == most


def test_row_25_next_page_is_empty(client: Client, server: ByteServer) -> None:
    pages(server, listing(some(1, 200), total=200, next_page=NEXT), listing([], total=200))
    assert read(client).is_complete


def test_row_25_full_page_without_a_next(client: Client, server: ByteServer) -> None:
    pages(server, listing(some(1, 200), total=201), listing(some(201, 201), total=201))
    listed = read(client)
    assert listed.is_complete
    assert (len(ids(listed)), listed.pages) == (201, 4), "two pages, walked twice"


def test_row_26_list_that_changes_between_walks(client: Client, server: ByteServer) -> None:
    first, second = "/v2/droplets/1/backups?page=1&per_page=200", "/v2/droplets/1/backups?page=2&per_page=200"
    whole = answer(listing(some(1, 200), total=202, next_page=NEXT))
    server.script(whole, path=first)
    server.script(answer(listing(some(201, 202), total=202)), answer(listing(some(202, 203), total=202)), path=second)
    listed = read(client)
    assert listed.problem == CHANGED
    assert ids(listed)[-1] == 203, "the second walk's values are used"


def test_row_26_total_that_changes_between_walks(client: Client, server: ByteServer) -> None:
    """Both walks show the same ids, but the second announces one more: it came while the list was read."""
    first, second = "/v2/droplets/1/backups?page=1&per_page=200", "/v2/droplets/1/backups?page=2&per_page=200"
    first_pages = [answer(listing(some(1, 200), total=total, next_page=NEXT)) for total in (202, 203)]
    server.script(*first_pages, path=first)
    server.script(*(answer(listing(some(201, 202), total=total)) for total in (202, 203)), path=second)
    listed = read(client)
    assert listed.problem == "DigitalOcean announced 203 backups and sent 202"
    assert (len(ids(listed)), listed.pages) == (202, 4)


def test_row_26_total_that_changes_between_pages(client: Client, server: ByteServer) -> None:
    pages(server, listing(some(1, 200), total=201, next_page=NEXT), listing(some(201, 202), total=202))
    listed = read(client)
    assert listed.problem == CHANGED
    assert (listed.rows, listed.announced_total, listed.pages) == (202, 202, 2)


def test_row_26_second_page_fails(client: Client, server: ByteServer, error_of: Ask) -> None:
    pages(server, listing(some(1, 200), total=202, next_page=NEXT), [Close()])
    error_of(lambda: read(client))


@pytest.mark.parametrize(
    "documents",
    [
        [listing([backup(1), backup(1)], total=2)],
        [listing([backup(1), backup(1)], total=1)],
        [listing(some(1, 20), total=21, next_page=NEXT), listing(some(20, 20), total=21)],
    ],
)
def test_row_27_same_id_twice(client: Client, server: ByteServer, documents: list[object]) -> None:
    pages(server, *documents)
    listed = read(client)
    assert listed.problem == CHANGED
    assert len(ids(listed)) == len(set(ids(listed)))


LIES: dict[str, tuple[object, object, str | None]] = {
    "fewer": (7, 1, "DigitalOcean announced 7 backups and sent 1"),
    "more": (1, 3, "DigitalOcean announced 1 backups and sent 3"),
    "none": (0, 1, "DigitalOcean announced 0 backups and sent 1"),
    "empty": (7, 0, "DigitalOcean announced 7 backups and sent 0"),
    "true": (3, 3, None),
    "nothing at all": (0, 0, None),
    "missing": (..., 3, None),
    "missing, empty": (..., 0, "DigitalOcean did not say how many backups there are"),
    "missing, full": (..., 200, "DigitalOcean did not say how many backups there are"),
    "text": ("3", 3, None),
    "text, empty": ("0", 0, "DigitalOcean did not say how many backups there are"),
    "negative": (-1, 3, None),
    "infinite": (1e400, 3, None),
    "huge": (10**30, 3, None),
    "a fraction": (3.0, 3, None),
    "true as a bool": (True, 1, None),
    "an object": ({}, 0, "DigitalOcean did not say how many backups there are"),
}


@pytest.mark.parametrize(("total", "sent", "problem"), LIES.values(), ids=LIES)
def test_row_28_total(client: Client, server: ByteServer, total: object, sent: int, problem: str | None) -> None:
    pages(server, listing(some(1, sent), total=total), listing([], total=total))
    listed = read(client)
    assert listed.problem == problem
    assert len(listed.backups) == sent
    assert listed.announced_total == (total if type(total) is int and 0 <= total < 2**31 else None)


def test_row_28_two_agreeing_walks_stand_in_for_a_total(client: Client, server: ByteServer) -> None:
    pages(server, listing(some(1, 3), total=7))
    assert read(client).problem == "DigitalOcean announced 7 backups and sent 3"
    listed = read(client, accept_disagreeing_total=True)
    assert listed.is_complete
    assert (ids(listed), listed.pages, listed.announced_total) == ([1, 2, 3], 2, 7)


def test_row_28_walks_that_disagree_stand_in_for_nothing(client: Client, server: ByteServer) -> None:
    server.script(answer(listing(some(1, 3), total=7)), answer(listing(some(1, 4), total=7)))
    assert read(client, accept_disagreeing_total=True).problem == CHANGED


def test_row_29_server_chooses_its_own_page_size(client: Client, server: ByteServer) -> None:
    twenty = [listing(some(n * 20 + 1, n * 20 + 20), total=60, next_page=NEXT) for n in range(2)]
    pages(server, *twenty, listing(some(41, 60), total=60))
    listed = read(client)
    assert listed.is_complete
    assert (len(ids(listed)), listed.pages) == (60, 6)


@pytest.mark.parametrize("links", [{}, {"pages": {}}, None, [], {"pages": None}, {"pages": {"next": ""}}])
def test_ways_to_say_that_there_is_no_next_page(client: Client, server: ByteServer, links: object) -> None:
    pages(server, {"backups": [backup(1)], "links": links, "meta": {"total": 1}})
    assert read(client).is_complete
    assert len(server.heads) == 1


def test_one_bad_entry_refuses_the_whole_listing_of_backups(client: Client, server: ByteServer, error_of: Ask) -> None:
    pages(server, listing([*some(1, 3), backup(4, size_gigabytes=None), backup(5)]))
    error = error_of(lambda: read(client))
    assert isinstance(error, ProtocolError)
    assert str(error).startswith("the answer does not fit: backups.3.size_gigabytes: Input should be a valid number")


def test_what_cannot_be_read_of_one_droplet_is_unknown_of_it_alone(client: Client, server: ByteServer) -> None:
    odd = [droplet(2, region=None), {"id": "3"}, droplet(4, name="\x1b" * 2000), 5, {"id": 6}]
    server.script(answer({"droplets": [droplet(1), *odd, droplet(7)], "meta": {"total": 7}}))
    listed = list_droplets(client)
    assert listed.problem is None
    assert {number: each.unreadable for number, each in listed.droplets.items()} == {
        1: (),
        2: ("region",),
        4: ("name",),
        6: ("created_at", "name", "region", "size_slug", "status"),
        7: (),
    }
    assert listed.unidentified == tuple(
        f"the answer does not fit: droplets.{position}: its id cannot be read" for position in (2, 4)
    )


def test_errors_of_pages_do_not_name_the_token(client: Client, server: ByteServer, error_of: Ask) -> None:
    pages(server, {"backups": [{"id": TOKEN}], "meta": TOKEN, "links": TOKEN})
    assert isinstance(error_of(lambda: read(client)), ApiError)
