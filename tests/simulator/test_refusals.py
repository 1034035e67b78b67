"""Auth and errors: who is refused, and in which words."""

import pytest

from inventory.simulator.api import SimulatedApi
from inventory.simulator.fleet import Fleet
from inventory.simulator.routes import EVERY_SCOPE
from inventory.simulator.variants import Variants
from tests.simulator.conftest import Told, ask

LIMIT_HEADERS = {"ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"}
SCOPES = {
    "/v2/account": "account:read",
    "/v2/droplets": "droplet:read",
    "/v2/droplets?tag_name=web": "tag:read",
    "/v2/droplets/500000001": "droplet:read",
    "/v2/droplets/500000001/backups": "droplet:read",
    "/v2/droplets/500000001/backups/policy": "droplet:read",
    "/v2/droplets/500000001/snapshots": "droplet:read",
    "/v2/droplets/backups/policies": "droplet:read",
    "/v2/droplets/backups/supported_policies": "droplet:read",
    "/v2/images": "image:read",
    "/v2/images/ubuntu-20-04-x64": "image:read",
    "/v2/snapshots": "snapshot:read",
    "/v2/snapshots/1": "snapshot:read",
}


def error_of(answer: Told) -> tuple[int, str]:
    """Check that an answer is an error as the API writes it; return its status and id."""
    document = answer.document
    assert document.keys() == {"id", "message", "request_id"}
    assert document["message"]
    assert document["request_id"] == answer.headers["x-request-id"]
    return answer.status, document["id"]


@pytest.mark.parametrize("path", ["/v2/account", "/v2/droplets/1", "/v2/nowhere"])
@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer wrong", "Basic {token}", "{token}", "Bearer {token} x"]
)
def test_without_a_valid_token_nothing_is_said_but_that(api: SimulatedApi, path: str, authorization: str) -> None:
    answer = ask(api, path, authorization=authorization.format(token=api.token))
    assert error_of(answer) == (401, "unauthorized")
    assert answer.headers.keys() >= LIMIT_HEADERS
    assert answer.headers["content-type"] == "application/json; charset=utf-8"


def test_scheme_is_read_in_any_case(api: SimulatedApi) -> None:
    assert ask(api, "/v2/account", authorization=f"bearer {api.token}").status == 200


def test_gateway_refuses_in_other_words_and_without_limits(api: SimulatedApi) -> None:
    api.variants = Variants(refused_by="gateway")
    api.tokens["poor"] = {"account:read"}
    refusals = [ask(api, "/v2/droplets", token="wrong"), ask(api, "/v2/droplets", token="poor")]
    assert [error_of(each) for each in refusals] == [(401, "Unauthorized"), (403, "Forbidden")]
    for each in refusals:
        assert each.headers["content-type"] == "application/json"
        assert not each.headers.keys() & LIMIT_HEADERS
    assert ask(api, "/v2/droplets").headers.keys() >= LIMIT_HEADERS


@pytest.mark.parametrize(("path", "scope"), SCOPES.items())
def test_token_without_the_scope_is_forbidden_and_others_are_not_needed(
    api: SimulatedApi, path: str, scope: str
) -> None:
    api.tokens["poor"] = EVERY_SCOPE - {scope}
    assert error_of(ask(api, path, token="poor")) == (403, "forbidden")
    api.tokens["least"] = {scope, "droplet:read"} if scope == "tag:read" else {scope}
    assert ask(api, path, token="least").status in (200, 404)


@pytest.mark.parametrize("path", ["/v2/droplets", "/v2/droplets/500000001"])
def test_fields_that_the_token_may_not_read_are_empty_or_absent(api: SimulatedApi, path: str) -> None:
    def droplet() -> dict[str, object]:
        document = ask(api, path, token="poor").document
        return dict(document["droplet"] if "droplet" in document else document["droplets"][0])

    api.tokens["poor"] = {"droplet:read"}
    hidden = ("backup_ids", "snapshot_ids", "image", "tags", "volume_ids", "vpc_uuid")
    assert [droplet()[name] for name in hidden] == [[], [], {}, [], [], ""]
    api.variants = Variants(unreadable="absent")
    assert not droplet().keys() & set(hidden)
    api.tokens["poor"] = {"droplet:read", "tag:read"}
    assert droplet()["tags"] == ["web", "env:prod"]
    assert "backup_ids" not in droplet()


def test_backups_are_listed_without_the_scope_that_shows_their_ids(api: SimulatedApi) -> None:
    api.tokens["poor"] = {"droplet:read"}
    assert ask(api, "/v2/droplets/500000001/backups", token="poor").document["meta"]["total"] == 6


@pytest.mark.parametrize("rest", ["", "/backups", "/backups/policy", "/snapshots"])
def test_destroyed_and_unknown_droplets_are_not_found(api: SimulatedApi, fleet: Fleet, rest: str) -> None:
    first = next(iter(fleet.droplets))
    assert ask(api, f"/v2/droplets/{first}{rest}").status == 200
    fleet.destroy(first)
    for number in (first, 1, 0, 10**18):
        assert error_of(ask(api, f"/v2/droplets/{number}{rest}")) == (404, "not_found")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v2",
        "/v2/volumes",
        "/v2/droplets/backups",
        "/v2/droplets/backups/backups",
        "/v2/droplets/text",
        "/v2/droplets/-1",
        f"/v2/droplets/{'9' * 5000}",
        "/v2/droplets/500000001/backups/policies",
        "/v2/snapshots/1",
        "/v2/images/no-such-slug",
        f"/v2/images/{'9' * 64}",
        "/v2/images/²",
    ],
)
def test_what_does_not_exist_is_not_found(api: SimulatedApi, path: str) -> None:
    assert error_of(ask(api, path)) == (404, "not_found")


def test_policies_are_no_droplet_of_that_name(api: SimulatedApi) -> None:
    assert "policies" in ask(api, "/v2/droplets/backups/policies").document


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "BREW"])
def test_nothing_can_be_done_but_read(api: SimulatedApi, method: str) -> None:
    answer = ask(api, "/v2/droplets/500000001", method=method)
    assert error_of(answer) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET"
    assert error_of(ask(api, "/v2/nowhere", method=method)) == (404, "not_found")
    assert error_of(ask(api, "/v2/droplets", method=method, token="wrong")) == (401, "unauthorized")
