"""Verdicts on different accounts are put together as if all had been judged at once."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from inventory.judging.rules import Exemption
from inventory.judging.verdict import Finding, Judged, Left, Verdict, together

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
EXEMPTION = Exemption("missed-backup", date(2027, 1, 1), "known", droplet="db")
EXPIRED = Exemption("missed-backup", date(2026, 1, 1), "was known", droplet="db")


def verdict(account: str, number: int, severity: str = "warning", **changes: object) -> Verdict:
    """A verdict on one Droplet of an account, which misses a backup; it is exempt or only counted elsewhere, too."""
    missed = Finding("missed-backup", severity, account, number, f"db-{number}", NOW, "one window", f"db-{number}")  # type: ignore[arg-type]
    bare = replace(missed, name="unprotected", severity="counted")
    usual = Verdict(
        now=NOW,
        findings=(missed,),
        counted=(bare,),
        exempted=((missed, EXEMPTION),),
        expired=(EXPIRED,),
        droplets=number,
        looked_at=NOW - timedelta(hours=number),
        accounts=frozenset({account}),
        judged={number: Judged(account, NOW)},
        lost={number: frozenset({number})},
        tags={number: ("web",)},
        left={number: Left(number, NOW)},
        channels=frozenset({"ops"}),
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def test_one_is_what_it_was() -> None:
    one = verdict("acme", 1)
    assert together([one]) is one


@pytest.mark.parametrize("is_turned", [False, True])
def test_two_are_what_both_are(is_turned: bool) -> None:  # noqa: FBT001
    beta, acme = verdict("beta", 2, "critical"), verdict("acme", 3)
    both = together([acme, beta] if is_turned else [beta, acme])
    assert both == Verdict(
        now=NOW,
        findings=(*beta.findings, *acme.findings),
        counted=(*acme.counted, *beta.counted),
        exempted=(*beta.exempted, *acme.exempted),
        expired=(EXPIRED,),
        droplets=5,
        looked_at=NOW - timedelta(hours=3),
        accounts=frozenset({"acme", "beta"}),
        judged={2: Judged("beta", NOW), 3: Judged("acme", NOW)},
        lost={2: frozenset({2}), 3: frozenset({3})},
        tags={2: ("web",), 3: ("web",)},
        left={2: Left(2, NOW), 3: Left(3, NOW)},
        channels=frozenset({"ops"}),
    )


def test_where_one_was_never_looked_at_nobody_says_since_when_all_are() -> None:
    assert together([verdict("acme", 1, looked_at=None), verdict("beta", 2)]).looked_at is None
