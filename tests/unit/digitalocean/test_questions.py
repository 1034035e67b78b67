"""What is asked, and with which words."""

from collections.abc import Callable, Mapping

import httpx
import pytest

from inventory.digitalocean import questions
from inventory.digitalocean.client import Client
from inventory.errors import AuthenticationError, PermissionDeniedError
from inventory.network.access import Token
from tests.faults.documents import droplet, policy


class Api:
    """Answers by path, with a 404 for the rest, and notes what was asked."""

    def __init__(self, by_path: Mapping[str, object]) -> None:
        self.by_path = by_path
        self.asked: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.raw_path.decode())
        found = self.by_path.get(request.url.path, 404)
        return httpx.Response(found) if isinstance(found, int) else httpx.Response(200, json=found)


def client_of(api: Api) -> Client:
    return Client(Token("t"), requests_per_second=0, transport=httpx.MockTransport(api))


def listed(*droplets: dict[str, object]) -> dict[str, object]:
    return {"droplets": list(droplets), "links": {}, "meta": {"total": len(droplets)}}


def test_droplets_without_a_gpu_by_tag() -> None:
    api = Api({"/v2/droplets": listed(droplet(1))})
    pages = questions.list_droplets(client_of(api), tag="web")
    assert set(pages.droplets) == {1}
    assert api.asked == ["/v2/droplets?tag_name=web&page=1&per_page=200"]


def test_droplets_with_a_gpu_are_filtered_here() -> None:
    fleet = listed(droplet(1), droplet(2, tags=["db"]), droplet(3, tags=None), droplet(4, tags=[]))
    api = Api({"/v2/droplets": fleet})
    pages = questions.list_droplets(client_of(api), tag="web", gpus=True)
    assert set(pages.droplets) == {1}
    assert pages.problem is None
    assert api.asked == ["/v2/droplets?type=gpus&page=1&per_page=200"]


def test_all_droplets() -> None:
    api = Api({"/v2/droplets": listed(droplet(1))})
    questions.list_droplets(client_of(api))
    questions.list_droplets(client_of(api), gpus=True)
    assert api.asked == ["/v2/droplets?page=1&per_page=200", "/v2/droplets?type=gpus&page=1&per_page=200"]


def test_droplets_that_are_fewer_than_announced() -> None:
    api = Api({"/v2/droplets": {**listed(droplet(1)), "meta": {"total": 3}}})
    pages = questions.list_droplets(client_of(api))
    assert pages.problem == "DigitalOcean announced 3 Droplets and sent 1"
    assert set(pages.droplets) == {1}


def test_one_policy() -> None:
    api = Api({"/v2/droplets/7/backups/policy": {"policy": policy(7)}})
    policy_, doubt = questions.read_policy(client_of(api), 7)
    assert (policy_.plan, doubt) == ("daily", None)


@pytest.mark.parametrize(("answer", "reads"), [(listed(), True), (403, False), (404, False), ([], False)])
def test_whether_the_token_reads_droplets(answer: object, *, reads: bool) -> None:
    assert questions.reads_droplets(client_of(Api({"/v2/droplets": answer}))) is reads


def test_rejected_token_is_no_answer() -> None:
    with pytest.raises(AuthenticationError):
        questions.reads_droplets(client_of(Api({"/v2/droplets": 401})))


QUESTIONS: dict[str, Callable[[Client], object]] = {
    "account:read": questions.read_account,
    "droplet:read": questions.list_droplets,
    "droplet:read and tag:read": lambda client: questions.list_droplets(client, tag="web"),
    "droplet:read and image:read": lambda client: questions.read_policy(client, 1),
}


@pytest.mark.parametrize("scopes", QUESTIONS)
def test_missing_scope_is_named(scopes: str) -> None:
    api = Api(dict.fromkeys(["/v2/account", "/v2/droplets", "/v2/droplets/1/backups/policy"], 403))
    with pytest.raises(PermissionDeniedError) as caught:
        QUESTIONS[scopes](client_of(api))
    assert str(caught.value) == f"the token lacks a scope (403): this needs {scopes}"


def test_one_droplet() -> None:
    api = Api({"/v2/droplets/5": {"droplet": droplet(5)}})
    assert questions.read_droplet(client_of(api), 5).id == 5
    assert api.asked == ["/v2/droplets/5"]
