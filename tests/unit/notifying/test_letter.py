"""A name means nothing to a medium, whatever it is; and a channel's scope hides without solving."""

from datetime import UTC, datetime

import pytest

from inventory.judging.findings import Finding, Verdict
from inventory.notifying.letter import write
from inventory.notifying.scope import Scope
from inventory.notifying.telling import Change, Message, due, settle, tell

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def verdict(severity: str, tag: str = "prod") -> Verdict:
    finding = Finding("backups-disabled", severity, "acme-1", 1, "db-02", NOW, "off", "db-02")  # type: ignore[arg-type]
    return Verdict(NOW, (finding,), (), (), (), 1, NOW, frozenset({"acme-1"}), tags={1: {tag}})


@pytest.mark.parametrize("name", ["@channel", "<script>", "*bold*", "a\nb", "x" * 10_000, "http://evil.example"])
def test_a_name_is_harmless_in_every_medium(name: str) -> None:
    finding = Finding("backups-disabled", "critical", "default", 1, name, NOW, "off", "1")
    letter = write([Message(Change.NEW, finding)])
    assert letter.title == "NEW critical backups-disabled: 1"
    assert not set("@<>*\n").intersection(letter.text)
    assert "://" not in letter.text
    assert len(letter.text) < 500


def test_what_no_longer_fits_a_channel_is_not_called_solved() -> None:
    scope = Scope({"critical"}, ["acme-*"], (), ["prod*"])
    first = scope.of(verdict("critical"))
    known = tell({}, due({}, first), NOW)
    assert len(known) == 1
    for later in (verdict("warning"), verdict("critical", tag="test")):
        its = scope.of(later)
        assert settle(known, its) == {}
        assert due({}, its) == []


@pytest.mark.parametrize(("patterns", "is_told"), [(["acme"], True), (["ac*"], True), (["other"], False), ([], True)])
def test_a_channel_of_a_group_is_told_of_its_accounts(patterns: list[str], *, is_told: bool) -> None:
    its = Scope({"critical"}, groups=patterns, group_of={"acme-1": "acme"}).of(verdict("critical"))
    assert bool(its.findings) == is_told
    assert its.accounts == ({"acme-1"} if is_told else set())
