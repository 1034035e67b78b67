"""What a digest says, and that names mean nothing in it."""

from datetime import timedelta

import pytest

from inventory.judging.rules import Rules
from inventory.notifying.letter import Letter
from inventory.report.digest import read_digest
from inventory.simulator.fleet import Fleet
from inventory.store.engine import Database
from tests.simulated import MONDAY, Account

HOSTILE = "<script>alert(1)</script> @channel *bold* http://evil.example"


@pytest.fixture
def accounts(database: Database) -> list[Account]:
    found = []
    for number, (name, droplet) in enumerate({"acme": "web-01", "other": HOSTILE}.items()):
        fleet = Fleet(MONDAY, first_droplet_id=1 + 1_000 * number, first_image_id=1 + 1_000_000 * number)
        fleet.add_droplet(name=droplet, plan="daily", backups=7, hour=0)
        account = Account(database, fleet, name=name)
        account.configured = frozenset({"acme", "other"})
        account.sync()
        found.append(account)
    return found


def digest(accounts: list[Account], *names: str) -> Letter:
    return read_digest(accounts[0].database, Rules(), (), MONDAY + timedelta(minutes=5), names)


def test_all_is_well_of_the_accounts_that_are_asked_for(accounts: list[Account]) -> None:
    letter = digest(accounts, "acme")
    assert letter.title == "BACKUPS OK - 1 Droplet; looked at 5 min ago"
    assert 'Backups of account "acme", 1 Droplet' in letter.text
    assert letter.html is not None
    assert "acme" in letter.html
    assert "other" not in letter.text + letter.html


def test_a_name_means_nothing_in_its_text_and_its_page(accounts: list[Account]) -> None:
    accounts[1].fleet.disable_backups(accounts[1].droplets[0])
    accounts[1].advance(minutes=4)
    accounts[1].sync()
    letter = digest(accounts, "acme", "other")
    assert letter.title.startswith("BACKUPS CRITICAL - 1001 (other) backups-disabled")
    assert "script" in letter.text
    assert not set("<>@*").intersection(letter.text)
    assert "http://" not in letter.text
    assert letter.html is not None
    assert "<script>alert" not in letter.html
    assert "&lt;script&gt;" in letter.html
