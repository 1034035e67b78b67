"""What users' queries, alert rules and scripts compare with stays as it is."""

from inventory.vocabulary import GoneReason, Outcome, RunMode, RunStatus, Trigger


def test_words_are_those_that_were_always_stored() -> None:
    assert set(GoneReason) == {
        "droplet_destroyed",
        "converted",
        "expired",
        "backups_disabled",
        "unknown",
        "unexplained",
    }
    assert set(Outcome) == {
        *("complete", "incomplete", "held", "not_found", "unproven", "gone"),
        *("failed", "unavailable", "timed_out", "rate_limited"),
        *("unauthorized", "forbidden", "malformed", "refused", "stopped"),
    }
    assert set(RunStatus) == {"running", "complete", "partial", "held", "failed", "interrupted", "busy"}
    assert set(RunMode) == {"detection", "listing", "subset"}
    assert set(Trigger) == {"command", "daemon", "worker"}
