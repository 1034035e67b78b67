"""What two channels receive while much happens, round by round, as docs/notify.md lists it.

A sync, and then a round of messages, is every 6 hours. Windows open at 00:00 UTC and are awaited until 16:00.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from inventory.judging.evidence import inspect
from inventory.network.delivery import Outcome, Parcel, Receipt
from inventory.report.digest import read_digest
from inventory.rounds.notifying import Telling
from inventory.settings.load import Settings, load
from inventory.simulator.fleet import Fleet
from inventory.store import notices
from inventory.store.engine import Database
from tests.simulated import MONDAY, Account

pytestmark = pytest.mark.slow  # 46 syncs

PAGE = Path(__file__).parents[2].joinpath("docs", "notify.md").read_text("utf-8")
CHANNELS = """
[[notify]]
name = "ops"
url = "json://ops"
quiet = "22:00-07:00 Europe/Berlin"

[[notify]]
name = "boss"
url = "json://boss"
on = ["critical"]
digest = "Mon 07:00 Europe/Berlin"
"""
EXEMPTION = """
[[exemptions]]
finding = "backups-disabled"
droplet = "db-02"
until = 2026-03-09
reason = "moves"
"""
LAST = datetime(2026, 3, 13, 18, tzinfo=UTC)


class Week:
    """An account, its channels, and what happens to both."""

    def __init__(self, database: Database, place: Path) -> None:
        self.account = Account(database, Fleet(MONDAY))
        fleet = self.account.fleet
        self.ids = {
            name: fleet.add_droplet(name=name, plan="daily", backups=7, hour=0)
            for name in ("web-01", "web-02", "db-01", "db-02")
        }
        self.place = place
        self.settings = self.configure(CHANNELS)
        self.is_syncing = True
        self.away: set[str] = set()
        self.received: list[tuple[str, str, str]] = []

    def configure(self, text: str) -> Settings:
        path = self.place / "inventory.toml"
        path.write_text(text)
        path.chmod(0o600)
        self.settings = load(path, {}, needs_token=False)
        return self.settings

    def happens(self) -> Mapping[str, Callable[[], object]]:
        """Give what happens, by day and hour of March."""
        fleet, ids = self.account.fleet, self.ids

        def lose() -> None:
            fleet.lose(fleet.backups_of(ids["db-01"])[-2].id)

        def be_away() -> None:
            fleet.disable_backups(ids["web-02"])
            self.away.add("ops")

        def switch_on() -> None:
            for name in ("db-02", "web-02"):
                fleet.enable_backups(ids[name], "daily", hour=0)

        return {
            "2 18": partial(fleet.miss_next, ids["web-01"]),
            "3 18": partial(fleet.miss_next, ids["web-01"]),
            "5 6": partial(fleet.disable_backups, ids["db-02"]),
            "5 18": lose,
            "6 6": lose,
            "6 12": lambda: setattr(self, "is_syncing", False),
            "7 18": lambda: setattr(self, "is_syncing", True),
            "8 6": be_away,
            "9 0": self.away.clear,
            "9 6": lambda: self.configure(CHANNELS + EXEMPTION),
            "10 6": switch_on,
        }

    def live(self) -> None:
        happens = self.happens()
        while self.account.clock() <= LAST:
            now = self.account.clock()
            if self.is_syncing:
                self.account.sync()
            self._tell(now)
            happens.get(f"{now.day} {now.hour}", lambda: None)()
            self.account.advance(hours=6)

    def _tell(self, now: datetime) -> None:
        database, settings = self.account.database, self.settings
        with database.reading() as connection:
            verdict = inspect(
                connection,
                now,
                settings.rules,
                settings.exemptions,
                accounts=["default"],
                channels=notices.undelivered(connection, settings.channels, now),
            )
        summarise = partial(read_digest, database, settings.rules, settings.exemptions, now)
        for _ in Telling(database, settings, verdict, summarise, self._deliver, lambda: now).tell_all():
            pass

    def _deliver(self, parcel: Parcel, **_others: object) -> Receipt:
        channel = parcel.url.removeprefix("json://")
        if channel in self.away:
            return Receipt(Outcome.REFUSED, 503)
        now = self.account.clock()
        lines = [line for line in parcel.text.splitlines() if re.match("(NEW|WORSE|SOLVED|EXISTS) ", line)]
        for line in [parcel.title] if parcel.html else lines:
            self.received.append((f"{now:%a} {now.day} {now:%b %H:%M}Z", channel, line))
        return Receipt(Outcome.DELIVERED)


def listed() -> Iterator[tuple[str, str, str]]:
    """Give the messages that the page lists."""
    when = ""
    for row in PAGE.partition("## A week")[2].splitlines():
        cells = [each.strip() for each in row.split("|")[1:-1]]
        if len(cells) == 4 and cells[2] in ("`ops`", "`boss`"):
            when = cells[0] or when
            yield when, cells[2].strip("`"), cells[3]


def test_each_channel_receives_what_the_page_lists(database: Database, tmp_path: Path) -> None:
    week = Week(database, tmp_path)
    week.live()
    assert week.received == list(listed())
