"""The metrics of a snapshot, as Prometheus reads them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from inventory import __version__
from inventory.judging.rules import Exemption, Severity
from inventory.judging.verdict import Finding, Verdict
from inventory.report.metrics import Most, families, render
from inventory.store.snapshot import DURATION_BUCKETS, AccountFigures, NewestBackup, Snapshot

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MOST = Most(accounts=10, droplets=10)
FULL = Snapshot(
    now=NOON + timedelta(hours=1),
    accounts=(
        AccountFigures(
            name='we"b\n',
            last_attempt_at=NOON,
            last_success_at=NOON,
            last_status="held",
            overdue_after_seconds=7200,
            rate_limit_remaining=0,
            runs={"complete": 7, "held": 1},
            durations=dict.fromkeys(DURATION_BUCKETS, 8),
            duration_seconds=56.0,
            timed_runs=8,
            looks={"complete": 5, "proven": 3, "incomplete": 2, "failed": 1},
            requests=100,
            droplets=3,
            backups=21,
            backups_gigabytes=1.5,
            backups_held=12,
            monthly_cost_usd=3.6,
        ),
        AccountFigures(name="new"),
    ),
    newest_backups=(
        NewestBackup('we"b\n', 7, "web-01", NOON, NOON - timedelta(hours=1), NOON),
        NewestBackup('we"b\n', 8, "web-02", NOON, NOON),
    ),
)


def finding(name: str, severity: Severity) -> Finding:
    return Finding(name, severity, 'we"b\n', 7, "web-01", NOON, "what", "web-01")


VERDICT = Verdict(
    now=NOON,
    findings=(finding("missed-backup", "critical"), replace(finding("missed-backup", "critical"), droplet_id=8)),
    counted=(finding("unprotected", "counted"),),
    exempted=((finding("size-anomaly", "warning"), Exemption("size-anomaly", NOON.date(), "known", droplet="web-01")),),
    expired=(),
    droplets=2,
    looked_at=NOON,
)


def samples(snapshot: Snapshot = FULL, *, is_database_up: bool = True) -> dict[tuple[str, str], float]:
    """Read the text back: name and the values of its labels, to the figure."""
    text = render(snapshot, VERDICT, MOST, is_database_up=is_database_up).decode()
    return {
        (sample.name, ",".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_every_figure_is_shown() -> None:
    found = samples()
    web = 'we"b\n'
    expected = {
        ("inventory_build_info", __version__): 1,
        ("inventory_database_up", ""): 1,
        ("inventory_sync_last_attempt_timestamp_seconds", web): NOON.timestamp(),
        ("inventory_sync_last_success_timestamp_seconds", web): NOON.timestamp(),
        ("inventory_sync_held", web): 1,
        ("inventory_sync_overdue_after_seconds", web): 7200,
        ("inventory_monthly_cost_usd", web): 3.6,
        ("inventory_accounts_left_out", ""): 0,
        ("inventory_oldest_backup_age_seconds", f"{web},web-01,7"): 7200,
        ("inventory_oldest_backup_age_seconds", f"{web},web-02,8"): 3600,
        ("inventory_droplet_finding", f"{web},web-01,7,missed-backup,critical"): 1,
        ("inventory_droplet_finding", f"{web},web-01,7,size-anomaly,warning"): None,
        ("inventory_droplet_findings_left_out", ""): 0,
        ("inventory_rate_limit_remaining_requests", web): 0,
        ("inventory_droplets", web): 3,
        ("inventory_backups", web): 21,
        ("inventory_backups_size_gigabytes", web): 1.5,
        ("inventory_backups_held", web): 12,
        ("inventory_api_requests_total", web): 100,
        ("inventory_sync_runs_total", f"{web},complete"): 7,
        ("inventory_looks_total", f"{web},failed"): 1,
        ("inventory_sync_duration_seconds_bucket", f"{web},60.0"): 8,
        ("inventory_sync_duration_seconds_bucket", f"{web},+Inf"): 8,
        ("inventory_sync_duration_seconds_count", web): 8,
        ("inventory_sync_duration_seconds_sum", web): 56,
        ("inventory_findings", f"{web},missed-backup,critical"): 2,
        ("inventory_findings", f"{web},missed-backup,warning"): 0,
        ("inventory_findings", f"{web},unprotected,counted"): 1,
        ("inventory_findings", f"{web},size-anomaly,exempt"): 1,
        ("inventory_findings", "new,backups-disabled,critical"): 0,
        ("inventory_droplet_newest_backup_timestamp_seconds", f"{web},web-01,7"): NOON.timestamp(),
        ("inventory_droplet_backup_due_timestamp_seconds", f"{web},web-01,7"): NOON.timestamp(),
        ("inventory_droplet_backup_due_timestamp_seconds", f"{web},web-02,8"): None,
    }
    assert {key: found.get(key) for key in expected} == expected


def test_what_is_not_known_is_absent_and_not_zero() -> None:
    found = {name for name, labels in samples() if labels == "new"}
    assert not found & {
        "inventory_sync_last_attempt_timestamp_seconds",
        "inventory_sync_last_success_timestamp_seconds",
        "inventory_sync_held",
        "inventory_rate_limit_remaining_requests",
        "inventory_sync_overdue_after_seconds",
        "inventory_monthly_cost_usd",
    }
    assert "inventory_backups" in found


def test_a_database_that_is_away_leaves_the_figures_as_they_were() -> None:
    found = samples(is_database_up=False)
    assert found["inventory_database_up", ""] == 0
    assert len(found) == len(samples())


def test_without_any_run_there_is_something_to_scrape() -> None:
    assert samples(Snapshot(NOON), is_database_up=False)["inventory_database_up", ""] == 0


@pytest.mark.parametrize(
    "family", [*families(FULL, VERDICT, MOST, is_database_up=True)], ids=lambda family: str(family.name)
)
def test_every_name_and_help_is_in_prometheus_form(family: object) -> None:
    name, text = getattr(family, "name", ""), getattr(family, "documentation", "")
    assert name.startswith("inventory_")
    assert text[0].isupper() or text[0].isdigit()
    assert text.endswith(".")


def test_a_label_keeps_the_metrics_of_two_databases_apart() -> None:
    def series(database: str | None) -> list[tuple[str, frozenset[tuple[str, str]]]]:
        text = render(FULL, VERDICT, MOST, is_database_up=True, database=database).decode()
        families = text_string_to_metric_families(text)
        return [(each.name, frozenset(each.labels.items())) for family in families for each in family.samples]

    one, two, without = series("one"), series('tw"o\\'), series(None)
    assert len(one) == len(two) == len(without) == len(set(one))
    assert not set(one) & set(two), "what node_exporter refuses of two files"
    assert [(name, labels - {("database", 'tw"o\\')}) for name, labels in two] == without


def test_of_many_accounts_and_findings_the_worst_are_shown_and_the_others_counted() -> None:
    wrong = [
        Finding("missed-backup", "warning", name, number, "gpu", NOON, "what", "gpu")
        for number, name in enumerate("db")
    ]
    snapshot = replace(FULL, accounts=tuple(AccountFigures(name) for name in "abcd"))
    text = render(snapshot, replace(VERDICT, findings=tuple(wrong)), Most(2, 1), is_database_up=True).decode()
    found = [each for family in text_string_to_metric_families(text) for each in family.samples]
    assert [each.labels["account"] for each in found if each.name == "inventory_droplets"] == ["d", "b"]
    assert {each.labels["account"] for each in found if each.name == "inventory_findings"} == {"b", "d", 'we"b\n'}
    assert [each.labels["account"] for each in found if each.name == "inventory_droplet_finding"] == ["d"]
    left_out = {each.name: each.value for each in found if each.name.endswith("_left_out")}
    assert left_out == {"inventory_accounts_left_out": 2, "inventory_droplet_findings_left_out": 1}
