"""A name means nothing to a medium, whatever it is; and a channel's scope hides without solving."""

from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from inventory.judging.verdict import Finding, Left, Verdict
from inventory.notifying.letter import page_of, write
from inventory.notifying.scope import Scope
from inventory.notifying.telling import Change, Message, due, settle, tell
from inventory.pages.asked import Asked
from inventory.pages.routes import routes
from inventory.pages.site import Site
from inventory.settings.load import load

NOW = datetime(2026, 3, 2, tzinfo=UTC)
SINCE = datetime(2026, 2, 27, 9, tzinfo=UTC)
LOST = Finding(
    "backups-disabled", "critical", "acme-1", 1, "db-02", SINCE, "since Fri 27 Feb 09:00Z; none is left", "db-02"
)
NOTHING = Verdict(NOW, (), (), (), (), 1, NOW)


def verdict(severity: str, tag: str = "prod") -> Verdict:
    finding = Finding("backups-disabled", severity, "acme-1", 1, "db-02", NOW, "off", "db-02")  # type: ignore[arg-type]
    return Verdict(NOW, (finding,), (), (), (), 1, NOW, frozenset({"acme-1"}), tags={1: {tag}})


@pytest.mark.parametrize("name", ["@channel", "<script>", "*bold*", "a\nb", "x" * 10_000, "http://evil.example"])
def test_a_name_is_harmless_in_every_medium(name: str) -> None:
    finding = replace(LOST, droplet=name, subject="1", what="gone")
    letter = write([Message(Change.NEW, finding)], NOTHING)
    assert letter.title.startswith("NEW critical backups-disabled: 1 (acme-1): ")
    assert len(letter.title) <= 120
    assert not set("@<>*\n").intersection(letter.title)
    assert not set("@<>*").intersection(letter.text)
    assert "://" not in letter.title + letter.text
    assert letter.text.splitlines()[0].endswith(": gone")
    assert len(letter.text) < 700


def test_a_message_says_what_is_left_what_to_do_and_where_to_look() -> None:
    now = replace(NOTHING, left={1: Left(3, NOW - timedelta(days=2))})
    letter = write([Message(Change.WORSE, LOST)], now, "https://backups.example.com/here")
    assert (
        letter.text
        == """\
WORSE critical backups-disabled: db-02 (acme-1): since Fri 27 Feb 09:00Z; none is left
since: 27 Feb 09:00Z
left to restore from: 3 backups, newest of 28 Feb 00:00Z
next: inventory show db-02
https://backups.example.com/here/droplets/1
If it is known, paste into the configuration file, with your reason:
[[exemptions]]
finding = "backups-disabled"
droplet = "1"
until = 2026-04-01
reason = "why"
"""[:-1]
    )


@pytest.mark.parametrize(
    ("left", "line"),
    [
        (Left(1, NOW), "left to restore from: 1 backup, newest of 00:00Z"),
        (Left(0, None), "left to restore from: nothing"),
    ],
)
def test_what_is_left_is_counted(left: Left, line: str) -> None:
    assert line in write([Message(Change.NEW, LOST)], replace(NOTHING, left={1: left})).text.splitlines()


def test_nothing_is_said_of_what_is_left_where_nobody_ever_looked() -> None:
    assert (
        "left"
        not in write([Message(Change.NEW, replace(LOST, what="x"))], replace(NOTHING, left={1: Left(None, None)})).text
    )


def test_the_first_120_letters_tell_it_all() -> None:
    subject, account = "d" * 28, "a" * 20
    finding = replace(LOST, name="unexplained-loss", droplet=subject, subject=subject, account=account)
    letter = write([Message(Change.WORSE, finding)], NOTHING)
    for shown in (letter.title[:120], letter.text[:120], f"{letter.title}\n{letter.text}"[:120]):
        for word in ("WORSE critical unexplained-loss", subject, account, "since Fri 27 Feb 09:00Z"):
            assert word in shown


def test_the_pasted_exemption_exempts_and_the_command_can_be_typed(tmp_path: Path) -> None:
    odd = replace(LOST, droplet="db_02", subject="db_02")
    of_account = replace(LOST, name="sync-held", droplet_id=None, droplet=None, subject="acme-1")
    text = write([Message(Change.NEW, each) for each in (odd, of_account)], NOTHING).text
    assert "next: inventory show 1\n" in text
    _, tables = text.split("with your reason:\n")
    path = tmp_path / "inventory.toml"
    path.write_text(tables)
    exemptions = load(path, {}, needs_token=False).exemptions
    assert [(each.finding, each.droplet, each.account) for each in exemptions] == [
        ("backups-disabled", "1", None),
        ("sync-held", None, "acme-1"),
    ]


@pytest.mark.parametrize("change", Change)
def test_a_thousand_findings_are_one_short_message(change: Change) -> None:
    messages = [
        Message(change, replace(LOST, name=name, droplet_id=number, droplet="x" * 10_000, subject=str(number)))
        for name in ("backups-disabled", "unexplained-loss", "missed-backup")
        for number in range(333)
    ]
    letter = write(messages, NOTHING)
    assert len(letter.title) <= 120
    assert len(letter.text) < 4_000
    if change is Change.NEW:
        told = "333 Droplets: 0, 1, 2 and 330 more; inventory check lists them"
        assert [line.partition(": ")[2] for line in letter.text.splitlines()] == [told] * 3


def test_what_is_solved_needs_no_command_and_no_exemption() -> None:
    text = write([Message(Change.SOLVED, LOST)], NOTHING).text
    assert text.startswith("SOLVED backups-disabled: db-02 (acme-1): was: since")
    assert "next" not in text
    assert "exempt" not in text


def test_links_lead_to_pages_that_are_there() -> None:
    paths = [route.path for route in routes(Site(nullcontext, lambda: None))]  # type: ignore[arg-type, return-value, attr-defined]
    assert "/droplets/{id}" in paths
    assert page_of(LOST) == "/droplets/1"
    assert page_of(replace(LOST, droplet_id=None)) == "/?account=acme-1"
    assert Asked.read({"account": "acme-1"}).account == "acme-1"


def test_what_no_longer_fits_a_channel_is_not_called_solved() -> None:
    scope = Scope("ops", {"critical"}, ["acme-*"], (), ["prod*"])
    first = scope.of(verdict("critical"))
    known = tell({}, due({}, first), NOW)
    assert len(known) == 1
    for later in (verdict("warning"), verdict("critical", tag="test")):
        its = scope.of(later)
        assert settle(known, its) == {}
        assert due({}, its) == []


@pytest.mark.parametrize(("patterns", "is_told"), [(["acme"], True), (["ac*"], True), (["other"], False), ([], True)])
def test_a_channel_of_a_group_is_told_of_its_accounts(patterns: list[str], *, is_told: bool) -> None:
    its = Scope("ops", {"critical"}, groups=patterns, group_of={"acme-1": "acme"}).of(verdict("critical"))
    assert bool(its.findings) == is_told
    assert its.accounts == ({"acme-1"} if is_told else set())
