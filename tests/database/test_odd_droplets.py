"""A Droplet whose fields came in another shape: its backups are looked at, and what was known of it stays (R13)."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import httpx
import pytest

from inventory.store.engine import Database
from inventory.views import queries
from inventory.views.rows import Event, KnownDroplet
from tests.simulated import OBSERVATIONS, Account, Api

Row = TypeVar("Row", bound=tuple[Any, ...])

ALL_ODD: Mapping[str, object] = {
    "name": {},
    "region": "nyc3",
    "size_slug": None,
    "size": [],
    "status": 7,
    "created_at": "0001-01-01T00:00:00Z",
    "next_backup_window": {"start": None, "end": None},
    "tags": {},
    "features": "backups",
    "backup_ids": [{}],
    "snapshot_ids": 0,
}


class OddApi(Api):
    """Shows some fields of some Droplets in another shape.

    Attributes:
        odd: Droplet id -> what stands in place of its fields.
    """

    odd: dict[int, Mapping[str, object]]

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = super().handle_request(request)
        document = json.loads(answer.content)
        for each in [*document.get("droplets", ()), *([document["droplet"]] if "droplet" in document else ())]:
            each.update(self.odd.get(each["id"], {}))
        return httpx.Response(answer.status_code, headers={"content-type": "application/json"}, json=document)


@pytest.fixture
def api(database: Database) -> OddApi:
    api = OddApi(Account(database).fleet, uuid="uuid-of-default")
    api.odd = {}
    return api


@pytest.fixture
def account(database: Database, api: OddApi) -> Account:
    account = Account(database, api.fleet)
    account.api = api
    for name in ("web-01", "web-02"):
        account.fleet.add_droplet(name=name, backups=3, tags=["web"])
    return account


def ask(account: Account, kind: type[Row]) -> list[Row]:
    with account.database.reading() as connection:
        return queries.ask(connection, kind, queries.Question(account.clock()))


def test_of_a_known_droplet_all_stays_and_its_backups_are_looked_at(account: Account, api: OddApi) -> None:
    number = account.droplets[0]
    account.sync()
    before = account.dump(without=OBSERVATIONS)
    api.odd = {number: ALL_ODD}
    account.advance(minutes=5)
    report = account.sync(is_full=False)
    assert (report.status, report.exit_code, report.counts["droplets_complete"]) == ("complete", 0, 2)
    assert report.notes == (
        f"Droplet {number}: {' and '.join(sorted(ALL_ODD))} cannot be read, and is taken as unknown",
    )
    assert account.dump(without=OBSERVATIONS) == before


def test_a_new_droplet_has_its_id_for_a_name_and_nothing_else(account: Account, api: OddApi) -> None:
    number = account.droplets[0]
    api.odd = {number: ALL_ODD}
    assert account.sync().exit_code == 0
    assert len(account.live(number)) == 3
    shown = next(each for each in ask(account, KnownDroplet) if each.droplet_id == number)
    assert shown.droplet == str(number)
    assert [shown.region, shown.size_slug, shown.price_monthly_usd, shown.status, shown.created_at] == [None] * 5
    api.odd = {}
    account.advance(hours=1)
    assert account.sync().exit_code == 0
    assert (account.stored(number)["name"], account.stored(number)["region"]) == ("web-01", "nyc3")
    changed = {each.attribute: (each.old_value, each.new_value) for each in ask(account, Event)}
    assert changed["name"] == (str(number), "web-01")
    assert changed["region"] == ("", "nyc3")
    assert changed["status"] == ("", "active")


def test_the_same_oddity_of_many_droplets_is_said_once(account: Account, api: OddApi) -> None:
    api.odd = {key: {"next_backup_window": {}} for key in account.droplets}
    first = account.droplets[0]
    assert account.sync().notes == (
        f"Droplet {first} and 1 more: next_backup_window cannot be read, and is taken as unknown",
    )
    assert account.stored(first)["next_window_starts_at"] is None


def test_a_window_that_cannot_be_read_is_not_the_end_of_the_one_known(account: Account, api: OddApi) -> None:
    account.sync()
    first, second = account.droplets
    window = account.stored(first)["next_window_starts_at"]
    assert isinstance(window, datetime)
    assert window.tzinfo == UTC
    api.odd = {first: {"next_backup_window": {}}, second: {"next_backup_window": None}}
    account.advance(hours=1)
    account.sync()
    assert account.stored(first)["next_window_starts_at"] == window
    assert account.stored(second)["next_window_starts_at"] is None


def test_a_droplet_without_a_readable_name_is_found_by_the_one_it_had(account: Account, api: OddApi) -> None:
    account.sync()
    api.odd = {account.droplets[0]: {"name": None}}
    account.advance(hours=1)
    assert account.sync("web-01").exit_code == 0
