"""Channels over rounds: first messages, quiet hours, receivers that are away or do not answer, digests."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from inventory.judging.verdict import Finding, Verdict
from inventory.network.delivery import Outcome, Parcel, Receipt
from inventory.notifying.letter import Letter
from inventory.rounds.notifying import Telling
from inventory.settings.load import Settings, load
from inventory.store import notices
from inventory.store.engine import Database
from tests.simulated import MONDAY

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WARNING = Finding("sync-held", "warning", "acme", None, None, MONDAY, "since Monday", "acme")
CRITICAL = Finding("account-not-active", "critical", "acme", None, None, None, "locked", "acme")


@dataclass
class Office:
    """Channels and who receives what they are sent.

    Attributes:
        ways: Channel -> what comes of its messages, None where the process is killed; delivered where not named.
        got: Channel and title of each message that was sent.
    """

    database: Database
    place: Path
    settings: Settings = field(init=False)
    ways: dict[str, Outcome | None] = field(default_factory=dict)
    got: list[tuple[str, str]] = field(default_factory=list)
    sent: list[Parcel] = field(default_factory=list)

    def configure(self, **channels: str) -> None:
        tables = (f'[[notify]]\nname = "{name}"\nurl = "json://{name}"\n{keys}\n' for name, keys in channels.items())
        path = self.place / "inventory.toml"
        path.write_text("".join(tables))
        path.chmod(0o600)
        self.settings = load(path, {}, needs_token=False)

    def round(self, at: datetime, *findings: Finding) -> list[tuple[str, str]]:
        """Tell all what is found now, and return what was sent."""
        with self.database.reading() as connection:
            channels = notices.undelivered(connection, self.settings.channels, at)
        undelivered = [
            Finding("notice-undelivered", "warning", name, None, None, what.since, "away", name)
            for name, what in channels.items()
            if what
        ]
        every = (*findings, *undelivered)
        verdict = Verdict(
            at, every, (), (), (), 0, at, accounts=frozenset({"acme", "other"}), channels=frozenset(channels)
        )
        self.got.clear()
        list(self._telling(verdict).tell_all())
        return [*self.got]

    def preview(self, at: datetime, *findings: Finding) -> list[tuple[str, str]]:
        """Return what would be told now; of a channel without anything, nothing."""
        verdict = Verdict(at, findings, (), (), (), 0, at, accounts=frozenset({"acme", "other"}))
        return [(told.channel, told.letter.title) for told in self._telling(verdict).preview() if told.letter]

    def _telling(self, verdict: Verdict) -> Telling:
        def summarise(accounts: Any) -> Letter:  # noqa: ANN401 - names
            return Letter(f"digest of {', '.join(accounts)}", "all is well", "<p>all is well</p>")

        return Telling(self.database, self.settings, verdict, summarise, self._deliver, lambda: verdict.now)

    def _deliver(self, parcel: Parcel, **_others: object) -> Receipt:
        channel = parcel.url.removeprefix("json://")
        outcome = self.ways.get(channel, Outcome.DELIVERED)
        if outcome is None:
            raise KeyboardInterrupt(parcel.title)
        self.got.append((channel, parcel.title))
        self.sent.append(parcel)
        return Receipt(outcome)


@pytest.fixture
def office(database: Database, tmp_path: Path) -> Office:
    found = Office(database, tmp_path)
    found.configure(ops="")
    found.round(MONDAY)
    return found


def test_a_new_a_renamed_and_a_widened_channel_first_get_what_exists(office: Office) -> None:
    office.configure(ops='on = ["critical"]')
    office.round(MONDAY)
    assert office.round(MONDAY + HOUR, WARNING, CRITICAL) == [("ops", "NEW critical account-not-active: acme: locked")]
    exists = "EXISTS warning sync-held: acme: since Monday"
    office.configure(ops="")
    assert office.round(MONDAY + 2 * HOUR, WARNING, CRITICAL) == [("ops", exists)]
    office.configure(renamed="")
    worst = "EXISTS critical account-not-active: acme: locked, and 1 more"
    assert office.round(MONDAY + 3 * HOUR, CRITICAL, WARNING) == [("renamed", worst)]
    assert "sums up what exists" in office.sent[-1].text
    assert office.round(MONDAY + 4 * HOUR, WARNING, CRITICAL) == []


def test_a_verdict_on_some_accounts_leaves_what_was_told_of_the_others(office: Office) -> None:
    other = Finding("sync-held", "warning", "other", None, None, MONDAY, "since then", "other")
    assert office.round(MONDAY + HOUR, WARNING, other) == [
        ("ops", "NEW warning sync-held: acme: since Monday, and 1 more")
    ]
    of_acme = Verdict(
        MONDAY + 2 * HOUR, (), (), (), (), 0, MONDAY, accounts=frozenset({"acme"}), beyond=frozenset({"other"})
    )
    office.got.clear()
    list(office._telling(of_acme).tell_all())
    assert office.got == [("ops", "SOLVED sync-held: acme: was: since Monday")]
    assert office.round(MONDAY + 3 * HOUR, other) == [], "it is known, and not new again"
    assert office.round(MONDAY + 4 * HOUR) == [("ops", "SOLVED sync-held: other: was: since then")]


def test_a_channel_that_is_gone_for_a_week_is_new_when_it_comes_back(office: Office) -> None:
    told = [("ops", "NEW warning sync-held: acme: since Monday")]
    assert office.round(MONDAY + HOUR, WARNING) == told
    office.configure(other='on = ["critical"]')
    office.round(MONDAY + 7 * DAY, WARNING)
    office.configure(ops="")
    assert office.round(MONDAY + 7 * DAY + HOUR, WARNING) == []
    office.configure(other='on = ["critical"]')
    office.round(MONDAY + 15 * DAY, WARNING)
    office.configure(ops="")
    assert office.round(MONDAY + 15 * DAY + HOUR, WARNING) == [("ops", "EXISTS warning sync-held: acme: since Monday")]


def test_what_comes_in_quiet_hours_is_told_after_them_if_it_is_still_true(office: Office) -> None:
    office.configure(ops='quiet = "22:00-07:00 UTC"')
    night = MONDAY.replace(hour=23)
    other = Finding("sync-held", "warning", "other", None, None, night, "since then", "other")
    assert office.preview(night, WARNING, other) == []
    assert office.round(night, WARNING, other) == []
    assert office.round(night + HOUR, WARNING, CRITICAL) == [("ops", "NEW critical account-not-active: acme: locked")]
    assert office.round(night + 2 * HOUR, WARNING) == [], "solved waits too"
    morning = [("ops", "NEW warning sync-held: acme: since Monday, and 1 more")]
    assert office.round(night + 8 * HOUR, WARNING) == morning
    assert office.sent[-1].text.splitlines()[-1].startswith('reason = "why"')
    assert "SOLVED account-not-active: acme" in office.sent[-1].text


def test_what_is_not_taken_is_given_up_after_7_days_and_others_are_told_so(office: Office) -> None:
    office.configure(ops="", boss="", acme='accounts = ["acme"]')
    office.ways = {"ops": Outcome.REFUSED}
    assert len(office.round(MONDAY + HOUR, CRITICAL)) == 3
    assert office.round(MONDAY + 3 * DAY, CRITICAL) == [("ops", "NEW critical account-not-active: acme: locked")]
    its_end = MONDAY + HOUR + 7 * DAY
    office.round(its_end - HOUR, CRITICAL)
    assert office.round(its_end, CRITICAL) == [("boss", "NEW warning notice-undelivered: ops: away")]
    assert office.round(its_end + HOUR, CRITICAL) == []

    office.ways = {}
    assert office.round(its_end + 2 * HOUR, CRITICAL) == [], "given up"
    notices.mend(office.database, "ops", its_end + 2 * HOUR)
    assert office.round(its_end + 3 * HOUR, CRITICAL) == [
        ("ops", "NEW critical account-not-active: acme: locked"),
        ("boss", "SOLVED notice-undelivered: ops: was: away"),
    ]


def test_news_reach_a_channel_that_is_back_and_bring_what_was_given_up(office: Office) -> None:
    office.ways = {"ops": Outcome.REFUSED}
    office.round(MONDAY + HOUR, CRITICAL)
    office.ways = {}
    later = MONDAY + 9 * DAY
    assert office.round(later, CRITICAL) == []
    assert office.round(later + HOUR, CRITICAL, WARNING) == [("ops", "NEW warning sync-held: acme: since Monday")]
    assert office.round(later + 2 * HOUR, CRITICAL, WARNING) == [
        ("ops", "NEW critical account-not-active: acme: locked")
    ]


def test_a_message_without_an_answer_is_sent_three_times(office: Office) -> None:
    office.ways = {"ops": Outcome.UNANSWERED}
    times = [len(office.round(MONDAY + number * HOUR, CRITICAL)) for number in range(1, 10)]
    assert times == [1, 1, 1, 0, 0, 0, 0, 0, 0]
    assert office.round(MONDAY + 10 * HOUR, CRITICAL, WARNING) == [("ops", "NEW warning sync-held: acme: since Monday")]
    assert office.round(MONDAY + 8 * DAY, CRITICAL) == []
    with office.database.reading() as connection:
        assert notices.undelivered(connection, ["ops", "new"], MONDAY + 8 * DAY)["ops"]
        assert notices.undelivered(connection, ["ops", "new"], MONDAY + 6 * DAY) == {"ops": None, "new": None}


def test_a_channel_for_digests_gets_each_once_and_at_most_a_day_late(office: Office) -> None:
    office.configure(weekly='digest = "Mon 07:00 UTC"')
    seven = MONDAY.replace(hour=7)
    digest = [("weekly", "digest of acme, other")]
    assert office.round(seven + HOUR, CRITICAL) == [], "none for what was due before it was there"
    assert office.round(seven + 2 * HOUR, CRITICAL) == [], "nor later"
    assert office.round(seven + 7 * DAY - HOUR, CRITICAL) == []
    office.ways = {"weekly": Outcome.REFUSED}
    assert office.preview(seven + 7 * DAY - HOUR) == []
    assert office.preview(seven + 7 * DAY) == digest
    assert office.round(seven + 7 * DAY, CRITICAL) == digest
    office.ways = {}
    assert office.preview(seven + 7 * DAY) == digest
    assert office.round(seven + 7 * DAY + HOUR) == digest
    assert office.sent[-1].html == "<p>all is well</p>"
    assert office.round(seven + 7 * DAY + 2 * HOUR) == []
    assert office.round(seven + 15 * DAY) == digest, "24 h late"
    assert office.round(seven + 22 * DAY + HOUR) == [], "25 h late"


def test_a_digest_without_an_answer_is_sent_three_times(office: Office) -> None:
    office.configure(weekly='digest = "Mon 14:00 UTC"')
    office.round(MONDAY)
    office.ways = {"weekly": Outcome.UNANSWERED}
    due = MONDAY.replace(hour=14)
    assert [len(office.round(due + number * HOUR)) for number in range(5)] == [1, 1, 1, 0, 0]


def test_a_digest_that_is_taken_brings_what_was_given_up(office: Office) -> None:
    office.configure(ops='on = ["critical"]\ndigest = "Mon 14:00 UTC"')
    office.ways = {"ops": Outcome.REFUSED}
    office.round(MONDAY + HOUR, CRITICAL)
    office.ways = {}
    due = MONDAY.replace(hour=14) + 14 * DAY
    assert office.round(due, CRITICAL) == [("ops", "digest of acme, other")]
    assert office.round(due + HOUR, CRITICAL) == [("ops", "EXISTS critical account-not-active: acme: locked")]


def test_a_digest_waits_in_quiet_hours_and_is_of_the_channel_s_accounts(office: Office) -> None:
    office.configure(
        weekly='digest = "Mon 06:00 UTC"\nquiet = "22:00-07:00 UTC"\naccounts = ["ac*"]\non = ["critical"]'
    )
    six = MONDAY.replace(hour=6)
    assert office.round(six + 2 * HOUR) == []
    assert office.round(six + 7 * DAY, CRITICAL) == [("weekly", "NEW critical account-not-active: acme: locked")]
    assert office.round(six + 7 * DAY + HOUR, CRITICAL) == [("weekly", "digest of acme")]


@pytest.mark.parametrize(
    ("keys", "title"),
    [
        ('on = ["critical"]', "NEW critical account-not-active: acme: locked"),
        ('digest = "Mon 14:00 UTC"', "digest of acme, other"),
    ],
)
def test_a_process_that_dies_while_it_sends_is_followed_by_another(office: Office, keys: str, title: str) -> None:
    office.configure(ops=keys)
    office.round(MONDAY + HOUR)
    at = MONDAY.replace(hour=14)
    office.ways = {"ops": None}
    with pytest.raises(KeyboardInterrupt, match=title):
        office.round(at, CRITICAL)
    office.ways = {}
    assert office.round(at + timedelta(seconds=59), CRITICAL) == [], "its claim holds for a minute"
    assert office.round(at + timedelta(minutes=1), CRITICAL) == [("ops", title)]
    assert office.round(at + timedelta(minutes=2), CRITICAL) == []
