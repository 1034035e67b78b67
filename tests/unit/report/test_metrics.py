"""The metrics of a snapshot, as Prometheus reads them."""

from datetime import UTC, datetime

import pytest
from prometheus_client.parser import text_string_to_metric_families

from inventory import __version__
from inventory.judging.findings import Finding, Verdict
from inventory.judging.rules import Exemption, Severity
from inventory.report.metrics import families, render
from inventory.store.snapshot import DURATION_BUCKETS, AccountFigures, NewestBackup, Snapshot

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
FULL = Snapshot(
    accounts=(
        AccountFigures(
            name='we"b\n',
            last_attempt_at=NOON,
            last_success_at=NOON,
            last_status="held",
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
        ),
        AccountFigures(name="new"),
    ),
    newest_backups=(NewestBackup('we"b\n', 7, "web-01", NOON, NOON), NewestBackup('we"b\n', 8, "web-02", NOON)),
)


def finding(name: str, severity: Severity) -> Finding:
    return Finding(name, severity, 'we"b\n', 7, "web-01", NOON, "what", "web-01")


VERDICT = Verdict(
    now=NOON,
    findings=(finding("missed-backup", "critical"), finding("missed-backup", "critical")),
    counted=(finding("unprotected", "counted"),),
    exempted=((finding("size-anomaly", "warning"), Exemption("size-anomaly", NOON.date(), "known", droplet="web-01")),),
    expired=(),
    droplets=2,
    looked_at=NOON,
)


def samples(snapshot: Snapshot = FULL, *, is_database_up: bool = True) -> dict[tuple[str, str], float]:
    """Read the text back: name and the values of its labels, to the figure."""
    text = render(snapshot, VERDICT, is_database_up=is_database_up).decode()
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
    }
    assert "inventory_backups" in found


def test_a_database_that_is_away_leaves_the_figures_as_they_were() -> None:
    found = samples(is_database_up=False)
    assert found["inventory_database_up", ""] == 0
    assert len(found) == len(samples())


def test_without_any_run_there_is_something_to_scrape() -> None:
    assert samples(Snapshot(), is_database_up=False)["inventory_database_up", ""] == 0


@pytest.mark.parametrize("family", [*families(FULL, VERDICT, is_database_up=True)], ids=lambda family: str(family.name))
def test_every_name_and_help_is_in_prometheus_form(family: object) -> None:
    name, text = getattr(family, "name", ""), getattr(family, "documentation", "")
    assert name.startswith("inventory_")
    assert text[0].isupper() or text[0].isdigit()
    assert text.endswith(".")


def test_a_label_keeps_the_metrics_of_two_databases_apart() -> None:
    def series(database: str | None) -> list[tuple[str, frozenset[tuple[str, str]]]]:
        text = render(FULL, VERDICT, is_database_up=True, database=database).decode()
        families = text_string_to_metric_families(text)
        return [(each.name, frozenset(each.labels.items())) for family in families for each in family.samples]

    one, two, without = series("one"), series('tw"o\\'), series(None)
    assert len(one) == len(two) == len(without) == len(set(one))
    assert not set(one) & set(two), "what node_exporter refuses of two files"
    assert [(name, labels - {("database", 'tw"o\\')}) for name, labels in two] == without
