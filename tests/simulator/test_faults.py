"""Fault modes: what can be wrong with an answer that has no socket, and that it struck."""

import json
from typing import Any

import pytest

from inventory.simulator.api import SimulatedApi
from inventory.simulator.faults import Fault
from inventory.simulator.fleet import Fleet
from tests.simulator.conftest import ask

FIRST = "/v2/droplets/500000001/backups"
SECOND = "/v2/droplets/500000002/backups"
PAGE_OF_A_PROXY = b"<html><body><h1>502 Bad Gateway</h1></body></html>"


def listed(api: SimulatedApi, path: str = FIRST) -> tuple[list[int], Any]:
    document = ask(api, path).document
    return [each["id"] for each in document["backups"]], document["meta"].get("total")


def true_ids(api: SimulatedApi) -> list[int]:
    return [each.id for each in api.fleet.backups_of(500_000_001)]


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 502, 503, 504])
def test_status_has_the_body_of_an_error(api: SimulatedApi, status: int) -> None:
    api.faults[FIRST] = Fault(status=status)
    answer = ask(api, FIRST)
    assert answer.status == status
    assert answer.document.keys() == {"id", "message", "request_id"}
    assert ask(api, SECOND).status == 200


@pytest.mark.parametrize("status", [500, 502, 503, 504, 200])
def test_body_can_be_the_html_of_a_proxy(api: SimulatedApi, status: int) -> None:
    api.faults[FIRST] = Fault(
        status=status, body=lambda _: PAGE_OF_A_PROXY, headers={"content-type": "text/html", "server": "cloudflare"}
    )
    answer = ask(api, FIRST)
    assert (answer.status, answer.body) == (status, PAGE_OF_A_PROXY)
    assert (answer.headers["content-type"], answer.headers["server"]) == ("text/html", "cloudflare")


def test_body_can_be_cut_off(api: SimulatedApi) -> None:
    api.faults[FIRST] = Fault(body=lambda body: body[:-40])
    with pytest.raises(json.JSONDecodeError):
        assert ask(api, FIRST).document


def test_listing_can_show_less_than_it_announces(api: SimulatedApi) -> None:
    true = true_ids(api)
    api.faults[FIRST] = Fault(shows=lambda entries: entries[1:])
    assert listed(api) == (true[1:], len(true))
    api.faults[FIRST] = Fault(shows=lambda _: [])
    assert listed(api) == ([], len(true))


def test_listing_can_plausibly_show_less_than_there_is(api: SimulatedApi) -> None:
    true = true_ids(api)
    api.faults[FIRST] = Fault(shows=lambda entries: entries[1:], is_plausible=True)
    assert listed(api) == (true[1:], len(true) - 1)
    api.faults[FIRST] = Fault(shows=lambda _: [], is_plausible=True)
    assert listed(api) == ([], 0)


def test_listing_can_show_an_entry_twice(api: SimulatedApi) -> None:
    true = true_ids(api)
    api.faults[FIRST] = Fault(shows=lambda entries: [*entries, entries[0]])
    assert listed(api) == ([*true, true[0]], len(true))


def test_total_can_lie_or_be_missing(api: SimulatedApi) -> None:
    true = true_ids(api)
    api.faults[FIRST] = Fault(total=lambda total: total + 1)
    assert listed(api) == (true, len(true) + 1)
    api.faults[FIRST] = Fault(total=lambda _: None)
    assert listed(api) == (true, None)


def test_next_page_can_be_anywhere(api: SimulatedApi) -> None:
    foreign = "https://elsewhere.example/v2/images?page=2"
    api.faults[FIRST] = Fault(next_page=foreign)
    assert ask(api, FIRST).document["links"] == {"pages": {"next": foreign}}
    assert ask(api, f"{FIRST}?per_page=4").document["links"]["pages"]["next"] == foreign


def test_server_can_choose_its_own_page_size(api: SimulatedApi) -> None:
    api.most_per_page = 4
    document = ask(api, f"{FIRST}?per_page=200").document
    assert len(document["backups"]) == 4
    assert document["links"]["pages"]["next"].endswith("?page=2&per_page=200")


@pytest.mark.parametrize("is_replaced", [True, False])
def test_listing_can_be_torn_between_two_pages(api: SimulatedApi, fleet: Fleet, *, is_replaced: bool) -> None:
    """What goes shifts the rest by one, so that one entry is on no page; what comes hides that from the total."""
    true = true_ids(api)

    def tear() -> None:
        fleet.lose(true[0])
        if is_replaced:
            fleet.add_backup(500_000_001)

    api.faults[FIRST] = Fault(before={2: tear})
    walked = [listed(api, f"{FIRST}?per_page=2&page={number}") for number in (1, 2, 3)]
    found = [number for ids, _ in walked for number in ids]
    assert true[2] not in found
    assert [total for _, total in walked] == [6, 6, 6] if is_replaced else [6, 5, 5]


def test_droplet_can_be_destroyed_in_the_middle_of_a_run(api: SimulatedApi, fleet: Fleet) -> None:
    api.faults[FIRST] = Fault(before={1: lambda: fleet.destroy(500_000_001)})
    assert 500_000_001 in [each["id"] for each in ask(api, "/v2/droplets").document["droplets"]]
    assert ask(api, FIRST).status == 404


def test_fault_can_strike_some_requests_alone(api: SimulatedApi) -> None:
    fault = api.faults[FIRST] = Fault(status=403, at={2, 3})
    pages = [ask(api, f"{FIRST}?per_page=2&page={number}").status for number in (1, 2, 3, 3)]
    assert pages == [200, 403, 403, 200]
    assert (fault.requests, fault.struck) == (4, 2)


def test_fault_can_strike_all_paths_of_a_pattern(api: SimulatedApi) -> None:
    pattern = api.faults["/v2/droplets/*/backups"] = Fault(status=500)
    own = api.faults[SECOND] = Fault(status=404)
    assert [ask(api, path).status for path in (FIRST, SECOND, f"{FIRST}/policy")] == [500, 404, 200]
    assert (pattern.struck, own.struck) == (1, 1)


def test_fault_strikes_single_documents_too(api: SimulatedApi) -> None:
    path = "/v2/droplets/500000001"
    api.faults[path] = Fault(shows=lambda entries: [{**each, "name": 7} for each in entries])
    assert ask(api, path).document["droplet"]["name"] == 7
    api.faults[path] = Fault(shows=lambda _: [])
    assert ask(api, path).document == {"droplet": None}


def test_wrong_token_is_refused_whatever_else_is_wrong(api: SimulatedApi) -> None:
    api.faults["*"] = Fault(status=503)
    assert ask(api, FIRST, token="wrong").status == 401
    assert ask(api, FIRST).status == 503
