"""A worker shows what is wrong with Droplets as it was kept, and what is wrong with accounts as it is now."""

from datetime import UTC, datetime

from inventory.judging.verdict import Finding, Verdict
from inventory.store.verdicts import Kept
from inventory.workers.figures import with_droplets

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def finding(name: str, severity: str, droplet_id: int | None = None) -> Finding:
    return Finding(name, severity, "acme", droplet_id, None, None, "", "acme")  # type: ignore[arg-type]


def test_kept_findings_on_droplets_stand_beside_those_of_now_on_accounts() -> None:
    overdue, missed = finding("sync-overdue", "critical"), finding("missed-backup", "warning", 1)
    counted, exempt = finding("unprotected", "counted", 2), finding("missed-backup", "warning", 3)
    before = finding("sync-held", "unknown")  # of the account, as it was when it was judged
    whole = Verdict(NOON, (overdue,), (), (), (), 0, None, accounts=frozenset({"acme"}))
    found = with_droplets(whole, [Kept(NOON, (before, missed, counted), (exempt,))])
    assert found.findings == (overdue, missed)
    assert found.counted == (counted,)
    assert [each for each, _ in found.exempted] == [exempt]
