"""A listing of Droplets that fails costs what it alone would show (R15), and is never proof that one is gone (R2)."""

from dataclasses import dataclass, field

import httpx
import pytest

from inventory.errors import PermissionDeniedError
from inventory.model import Selection
from inventory.store.engine import Database
from tests.simulated import Account, Api

REFUSED = [403, 422, 500]


@dataclass
class Refusing(httpx.BaseTransport):
    """Refuses questions whose query holds one of these, each with its status."""

    api: Api
    statuses: dict[str, int] = field(default_factory=dict)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        query = request.url.query.decode()
        status = next((status for part, status in self.statuses.items() if part in query), None)
        return self.api.handle_request(request) if status is None else httpx.Response(status, json={})


@pytest.fixture
def account(database: Database) -> Account:
    account = Account(database)
    account.fleet.add_droplet(name="web", backups=3, tags=["a"])
    return account


@pytest.fixture
def refusing(account: Account) -> Refusing:
    account.api = refusing = Refusing(account.api)  # type: ignore[assignment]  # a sync asks it for nothing else
    return refusing


@pytest.mark.parametrize("status", REFUSED)
def test_without_the_listing_of_gpu_droplets_known_ones_are_looked_at(
    account: Account, refusing: Refusing, status: int
) -> None:
    web, gpu = *account.droplets, account.fleet.add_droplet(name="gpu", gpu=True, backups=2)
    account.sync()
    refusing.statuses = {"type=gpus": status}
    for _ in range(3):
        account.advance(days=1)
        report = account.sync()
        assert (report.status, report.exit_code, report.counts["droplets_complete"]) == ("partial", 3, 2)
        assert (report.error or "").startswith("the listing of GPU Droplets failed: ")
        assert str(status) in (report.error or "")
        assert account.stored(gpu)["gone_at"] is None
    assert len(account.live(web)) == 6
    assert len(account.live(gpu)) == 5


@pytest.mark.parametrize(("status", "exit_code"), [(403, 0), (422, 3), (500, 3)])
def test_a_token_that_may_never_list_gpu_droplets_is_only_told_so(
    account: Account, refusing: Refusing, status: int, exit_code: int
) -> None:
    refusing.statuses = {"type=gpus": status}
    report = account.sync()
    assert (report.exit_code, len(account.live(account.droplets[0]))) == (exit_code, 3)
    [note] = report.notes
    assert note.startswith("the listing of GPU Droplets failed: ")


def test_a_gpu_droplet_that_is_gone_is_no_reason_to_miss_the_listing(account: Account, refusing: Refusing) -> None:
    gpu = account.fleet.add_droplet(name="gpu", gpu=True)
    account.sync()
    account.fleet.destroy(gpu)
    refusing.statuses = {"type=gpus": 403}
    codes = []
    for _ in range(3):
        account.advance(hours=1)
        codes.append(account.sync().exit_code)
    assert account.stored(gpu)["gone_at"] is not None
    assert codes == [3, 0, 0]


def test_the_listing_of_one_tag_costs_its_own_new_droplets_alone(account: Account, refusing: Refusing) -> None:
    account.selection = Selection(everything=False, tags=frozenset({"a", "b"}))
    known = account.fleet.add_droplet(name="known", backups=1, tags=["b"])
    account.sync()
    new = account.fleet.add_droplet(name="new", backups=1, tags=["b"])
    refusing.statuses = {"tag_name=b": 422}
    account.advance(days=1)
    report = account.sync()
    assert (report.exit_code, report.counts["droplets_complete"]) == (3, 2)
    assert (
        report.error
        == 'the listing of Droplets with the tag "b" failed: DigitalOcean answered 422, which is not expected'
    )
    assert len(account.live(known)) == 2
    assert account.rows("droplets", id=new) == []


def test_without_any_listing_nothing_is_looked_at(account: Account, refusing: Refusing) -> None:
    refusing.statuses = {"page=1": 403}
    report = account.sync()
    assert (report.status, report.failure) == ("failed", PermissionDeniedError.outcome)


def test_droplets_named_by_their_ids_are_asked_for_one_by_one(account: Account, refusing: Refusing) -> None:
    numbers = [*account.droplets, *(account.fleet.add_droplet(name=f"web-{n}", backups=1) for n in range(4))]
    account.selection = Selection(everything=False, droplet_ids=frozenset(numbers))
    refusing.statuses = {"type=gpus": 500}
    assert (account.sync().exit_code, len(account.rows("droplets"))) == (0, 5)
