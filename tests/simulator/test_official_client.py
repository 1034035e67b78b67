"""DigitalOcean's own Python client reads the account over HTTP, and sees exactly the fleet."""

from collections.abc import Callable, Iterator
from typing import Any

import pydo
import pytest

from inventory.simulator.api import SimulatedApi
from inventory.simulator.server import serve

Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def client(lively: SimulatedApi) -> Iterator[Any]:
    with serve(lively) as url:
        yield pydo.Client(token=lively.token, endpoint=url)


def every(ask: Ask, key: str, *, per_page: int = 2, **chosen: object) -> list[Any]:
    """Walk all pages as the client's documentation shows it; a map gives its items."""
    found: list[Any] = []
    page = 1
    while True:
        answer = ask(page=page, per_page=per_page, enforce_https=False, **chosen)
        entries = answer[key]
        found += entries.items() if isinstance(entries, dict) else entries
        if "next" not in answer["links"].get("pages", {}):
            assert answer["meta"]["total"] == len(found)
            return found
        page += 1


def test_account(client: Any, lively: SimulatedApi) -> None:  # noqa: ANN401 - pydo has no types
    account = client.account.get(enforce_https=False)["account"]
    assert (account["uuid"], account["status"]) == (lively.uuid, "active")


def test_droplets(client: Any, lively: SimulatedApi) -> None:  # noqa: ANN401 - pydo has no types
    listed = every(client.droplets.list, "droplets") + every(client.droplets.list, "droplets", type="gpus")
    assert {each["id"]: each["name"] for each in listed} == {
        number: droplet.name for number, droplet in lively.fleet.droplets.items()
    }
    for each in listed:
        assert client.droplets.get(each["id"], enforce_https=False)["droplet"] == each


def test_backups_by_page(client: Any, lively: SimulatedApi) -> None:  # noqa: ANN401 - pydo has no types
    for number in lively.fleet.droplets:
        listed = every(client.droplets.list_backups, "backups", droplet_id=number)
        assert [(each["id"], each["size_gigabytes"], tuple(each["regions"])) for each in listed] == [
            (backup.id, backup.size_gigabytes, backup.regions) for backup in lively.fleet.backups_of(number)
        ]


def test_policies(client: Any, lively: SimulatedApi) -> None:  # noqa: ANN401 - pydo has no types
    policies = dict(every(client.droplets.list_backup_policies, "policies", per_page=5))
    plans = {int(number): each.get("backup_policy", {}).get("plan") for number, each in policies.items()}
    assert plans == {
        number: droplet.policy.plan if droplet.policy else None for number, droplet in lively.fleet.droplets.items()
    }
    for number, policy in policies.items():
        assert client.droplets.get_backup_policy(int(number), enforce_https=False) == {"policy": policy}
    supported = client.droplets.list_supported_backup_policies(enforce_https=False)["supported_policies"]
    assert {each["name"] for each in supported} == {"daily", "weekly"}


def test_images_and_snapshots(client: Any, lively: SimulatedApi) -> None:  # noqa: ANN401 - pydo has no types
    fleet = lively.fleet
    images = every(client.images.list, "images", private=True, per_page=50)
    backups = {backup.id for number in fleet.droplets for backup in fleet.backups_of(number)}
    assert {each["id"] for each in images} == backups | fleet.snapshots.keys()
    snapshots = every(client.snapshots.list, "snapshots", resource_type="droplet")
    assert {int(each["id"]) for each in snapshots} == fleet.snapshots.keys()
    for each in snapshots:
        assert client.snapshots.get(each["id"], enforce_https=False)["snapshot"] == each
        assert client.images.get(int(each["id"]), enforce_https=False)["image"]["type"] == "snapshot"
    of_droplets = [
        each["id"]
        for number in fleet.droplets
        for each in every(client.droplets.list_snapshots, "snapshots", droplet_id=number)
    ]
    assert set(of_droplets) <= fleet.snapshots.keys()


def test_destroyed_droplet_is_not_found(client: Any, lively: SimulatedApi) -> None:  # noqa: ANN401 - pydo has no types
    gone = next(iter(lively.fleet.destroyed))
    assert client.droplets.list_backups(gone, enforce_https=False)["id"] == "not_found"
