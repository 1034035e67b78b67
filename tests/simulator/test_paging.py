"""Paging, and which Droplets a listing is asked for."""

from typing import Any, get_args, get_type_hints

import pytest

from inventory.simulator.api import SimulatedApi
from inventory.simulator.faults import NO_FAULT
from inventory.simulator.fleet import Fleet
from inventory.simulator.messages import Request
from inventory.simulator.paging import Listing, page
from inventory.simulator.variants import Variants
from tests.simulator.conftest import HOST, MONDAY, ask

LISTINGS = {
    "/v2/droplets": "droplets",
    "/v2/droplets/500000001/backups": "backups",
    "/v2/droplets/500000001/snapshots": "snapshots",
    "/v2/droplets/backups/policies": "policies",
    "/v2/images": "images",
    "/v2/snapshots": "snapshots",
}


@pytest.fixture
def many() -> SimulatedApi:
    """450 Droplets, the first of which has 230 backups and 30 snapshots."""
    fleet = Fleet(MONDAY)
    first, *_ = [fleet.add_droplet(name=f"web-{number}", tags=["web"]) for number in range(450)]
    made = [fleet.add_backup(first) for _ in range(260)]
    for number in made[:30]:
        fleet.convert(number)
    return SimulatedApi(fleet)


def ids(document: dict[str, Any], key: str) -> list[int]:
    entries = document[key]
    return [int(each) for each in entries] if isinstance(entries, dict) else [int(each["id"]) for each in entries]


def pages(document: dict[str, Any]) -> dict[str, str]:
    return dict(document["links"].get("pages", {}))


def test_twenty_to_a_page_unless_more_is_asked_for(many: SimulatedApi) -> None:
    assert ids(ask(many, "/v2/droplets").document, "droplets") == list(many.fleet.droplets)[:20]
    second = ask(many, "/v2/droplets?page=2&per_page=7").document
    assert ids(second, "droplets") == list(many.fleet.droplets)[7:14]


@pytest.mark.parametrize(("path", "key"), LISTINGS.items())
@pytest.mark.parametrize("per_page", [7, 200])
def test_pages_hold_every_entry_once_and_the_total_of_all(
    many: SimulatedApi, path: str, key: str, per_page: int
) -> None:
    found: list[int] = []
    totals = set()
    number = 0
    is_last = False
    while not is_last:
        number += 1
        document = ask(many, f"{path}?page={number}&per_page={per_page}").document
        found += ids(document, key)
        totals.add(document["meta"]["total"])
        is_last = "next" not in pages(document)
    assert len(set(found)) == len(found)
    assert totals == {len(found)}
    assert number == -(-len(found) // per_page)


def test_total_of_nothing_is_zero(api: SimulatedApi) -> None:
    *_, without_backups = api.fleet.droplets
    answer = ask(api, f"/v2/droplets/{without_backups}/backups")
    assert answer.status == 200
    assert answer.document == {"backups": [], "links": {}, "meta": {"total": 0}}


def test_links_name_the_pages_that_make_sense(many: SimulatedApi) -> None:
    def names(number: int) -> set[str]:
        return set(pages(ask(many, f"/v2/droplets?per_page=200&page={number}").document))

    assert names(1) == {"next", "last"}
    assert names(2) == {"first", "prev", "next", "last"}
    assert names(3) == {"first", "prev"}


def test_links_lead_back_to_the_server_that_was_asked(many: SimulatedApi) -> None:
    base = f"http://{HOST}/v2/droplets"
    assert pages(ask(many, "/v2/droplets?page=2&per_page=200").document) == {
        "first": f"{base}?page=1&per_page=200",
        "prev": f"{base}?page=1&per_page=200",
        "next": f"{base}?page=3&per_page=200",
        "last": f"{base}?page=3&per_page=200",
    }
    assert pages(ask(many, "/v2/droplets").document)["last"] == f"{base}?page=23"
    assert pages(ask(many, "/v2/droplets?tag_name=web").document)["next"] == f"{base}?page=2&tag_name=web"


@pytest.mark.parametrize(("links", "written"), [("empty", {}), ("pages", {"pages": {}}), ("absent", None)])
def test_links_of_a_single_page_come_in_all_official_forms(api: SimulatedApi, links: Any, written: object) -> None:  # noqa: ANN401 - a literal
    api.variants = Variants(single_page_links=links)
    assert ask(api, "/v2/droplets").document.get("links") == written


@pytest.mark.parametrize("asked", [201, 400, 10**8])
def test_more_than_two_hundred_are_clamped(many: SimulatedApi, asked: int) -> None:
    answer = ask(many, f"/v2/droplets?per_page={asked}")
    assert answer.status == 200
    assert len(answer.document["droplets"]) == 200
    assert pages(answer.document)["next"].endswith("/v2/droplets?page=2&per_page=200")


@pytest.mark.parametrize("wrong", ["0", "-1", "text", "", "1.5", "²", "9" * 5000])
@pytest.mark.parametrize("parameter", ["page", "per_page"])
def test_page_numbers_that_are_none_count_as_not_given(many: SimulatedApi, parameter: str, wrong: str) -> None:
    answer = ask(many, f"/v2/droplets?{parameter}={wrong}")
    assert answer.status == 200
    assert answer.document == ask(many, "/v2/droplets").document


@pytest.mark.parametrize("number", [4, 1000])
def test_page_past_the_end_is_empty(many: SimulatedApi, number: int) -> None:
    document = ask(many, f"/v2/droplets?per_page=200&page={number}").document
    assert (document["droplets"], document["meta"]) == ([], {"total": 450})
    assert pages(document).keys() == {"first", "prev"}


@pytest.mark.parametrize("order", get_args(get_type_hints(Variants)["order"]))
def test_order_is_stable_and_new_entries_do_not_disturb_it(many: SimulatedApi, order: Any) -> None:  # noqa: ANN401 - a literal
    many.variants = Variants(order=order)
    path = "/v2/droplets/500000001/backups?per_page=200"
    before = ids(ask(many, path).document, "backups")
    assert ids(ask(many, path).document, "backups") == before
    made = many.fleet.add_backup(500_000_001)
    after = ids(ask(many, f"{path}&page=1").document, "backups") + ids(ask(many, f"{path}&page=2").document, "backups")
    assert [number for number in after if number != made and number in before] == before
    if order == "ascending":
        assert after == sorted(after)
    elif order == "descending":
        assert after == sorted(after, reverse=True)
    else:
        assert after not in (sorted(after), sorted(after, reverse=True))


def test_shuffled_order_differs_from_account_to_account() -> None:
    orders = []
    for seed in (1, 2):
        fleet = Fleet(MONDAY, seed=seed)
        for number in range(20):
            fleet.add_droplet(name=f"web-{number}")
        api = SimulatedApi(fleet)
        api.variants = Variants(order="shuffled")
        orders.append(ids(ask(api, "/v2/droplets").document, "droplets"))
    assert orders[0] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1])


# Which Droplets


def test_droplets_with_a_gpu_are_listed_apart(lively: SimulatedApi) -> None:
    usual = ids(ask(lively, "/v2/droplets?per_page=200").document, "droplets")
    assert ids(ask(lively, "/v2/droplets?per_page=200&type=droplets").document, "droplets") == usual
    gpus = ids(ask(lively, "/v2/droplets?per_page=200&type=gpus").document, "droplets")
    assert sorted(usual + gpus) == list(lively.fleet.droplets)
    assert {lively.fleet.droplets[number].size.gpu_model is None for number in gpus} == {False}


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("tag_name=web", ["web-01"]),
        ("tag_name=env%3Aprod", ["web-01", "db-01"]),
        ("tag_name=we", []),
        ("tag_name=WEB", []),
        ("name=DB-01", ["db-01"]),
        ("name=db", []),
        ("name=db-01&type=droplets", ["db-01"]),
        ("name=db-01&type=gpus", []),
    ],
)
def test_tags_are_exact_and_names_exact_but_for_case(api: SimulatedApi, query: str, names: list[str]) -> None:
    document = ask(api, f"/v2/droplets?{query}").document
    assert [each["name"] for each in document["droplets"]] == names
    assert document["meta"]["total"] == len(names)


@pytest.mark.parametrize("query", ["tag_name=web&name=web-01", "tag_name=web&type=gpus"])
def test_tag_cannot_be_combined(api: SimulatedApi, query: str) -> None:
    answer = ask(api, f"/v2/droplets?{query}")
    assert (answer.status, answer.document["id"]) == (422, "unprocessable_entity")


def test_only_the_entries_of_a_page_are_made() -> None:
    """A long listing is not made anew for each of its pages."""
    made = []

    def show(number: int) -> dict[str, Any]:
        made.append(number)
        return {"id": number}

    request = Request("GET", "/v2/droplets", {"page": "2"}, {})
    listing = Listing("droplets", range(10_000), show)
    document = page(listing, request, variants=Variants(), account="", most_per_page=200, fault=NO_FAULT)
    assert made == ids(document, "droplets") == list(range(20, 40))
