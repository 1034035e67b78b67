"""The metrics in Prometheus's format: a pure function of what was read.

A new metric is added to `families` and to the table in `docs/monitoring.md`; a test compares the two.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from inventory import __version__
from inventory.judging.findings import Verdict
from inventory.judging.rules import KINDS
from inventory.store.snapshot import AccountFigures, Snapshot
from inventory.vocabulary import RunStatus

_ACCOUNT = ("account",)

# Gauges of an account: name, help, and the value; None if it is not known.
_GAUGES: tuple[tuple[str, str, Callable[[AccountFigures], float | None]], ...] = (
    (
        "inventory_sync_last_attempt_timestamp_seconds",
        "When the last run began that ended by itself, successfully or not.",
        lambda account: _seconds(account.last_attempt_at),
    ),
    (
        "inventory_sync_last_success_timestamp_seconds",
        "When the last complete run ended.",
        lambda account: _seconds(account.last_success_at),
    ),
    (
        "inventory_sync_held",
        "1 if the last run held ends back until another run, or a person, confirms them.",
        lambda account: None if account.last_status is None else float(account.last_status == RunStatus.HELD),
    ),
    (
        "inventory_rate_limit_remaining_requests",
        "Requests left in DigitalOcean's hour, as reported to the last run.",
        lambda account: account.rate_limit_remaining,
    ),
    ("inventory_droplets", "Droplets that syncs look at.", lambda account: account.droplets),
    ("inventory_backups", "Backups that exist, of these Droplets.", lambda account: account.backups),
    (
        "inventory_backups_size_gigabytes",
        "Size of these backups, in gigabytes as DigitalOcean bills them.",
        lambda account: round(account.backups_gigabytes, 4),
    ),
    (
        "inventory_backups_held",
        "Backups that are missing, but not yet recorded as gone.",
        lambda account: account.backups_held,
    ),
)


def families(snapshot: Snapshot, verdict: Verdict | None, *, is_database_up: bool) -> Iterator[Metric]:
    """Yield every metric; without a verdict there are no findings."""
    yield _gauge("inventory_build_info", "The program's version.", ("version",), [((__version__,), 1.0)])
    yield _gauge(
        "inventory_database_up", "1 if the database answered the last check.", (), [((), float(is_database_up))]
    )
    for name, text, value in _GAUGES:
        values = ((account.name, value(account)) for account in snapshot.accounts)
        yield _gauge(name, text, _ACCOUNT, [((account,), each) for account, each in values if each is not None])
    yield from _counters(snapshot.accounts)
    yield _durations(snapshot.accounts)
    yield _gauge(
        "inventory_findings",
        "Findings of inventory check by severity; 0 of each that does not exist.",
        ("account", "finding", "severity"),
        _findings(snapshot.accounts, verdict).items() if verdict else (),
    )
    yield _gauge(
        "inventory_droplet_newest_backup_timestamp_seconds",
        "When the Droplet's newest backup was made, for the Droplets whose newest backup is oldest.",
        ("account", "droplet_id", "droplet"),
        [
            ((each.account, str(each.droplet_id), each.droplet), each.created_at.timestamp())
            for each in snapshot.newest_backups
        ],
    )
    yield _gauge(
        "inventory_droplet_backup_due_timestamp_seconds",
        "End of the window in which DigitalOcean will make the next backup of such a Droplet.",
        ("account", "droplet_id", "droplet"),
        [
            ((each.account, str(each.droplet_id), each.droplet), each.due_at.timestamp())
            for each in snapshot.newest_backups
            if each.due_at
        ],
    )


def _findings(accounts: Sequence[AccountFigures], verdict: Verdict) -> Mapping[tuple[str, ...], float]:
    """Count findings by account, name and severity; exempt ones have the severity `exempt`."""
    found: dict[tuple[str, ...], float] = dict.fromkeys(
        ((account.name, name, str(kind.severity)) for account in accounts for name, kind in KINDS.items()), 0.0
    )
    judged = [(each, str(each.severity)) for each in (*verdict.findings, *verdict.counted)]
    for finding, severity in [*judged, *((each, "exempt") for each, _ in verdict.exempted)]:
        key = (finding.account, finding.name, severity)
        found[key] = found.get(key, 0.0) + 1
    return found


def render(snapshot: Snapshot, verdict: Verdict | None, *, is_database_up: bool, database: str | None = None) -> bytes:
    """Write every metric in Prometheus's text format, with the label `database` if there is a name for it."""
    metrics = list(families(snapshot, verdict, is_database_up=is_database_up))
    if database:
        for metric in metrics:
            metric.samples = [each._replace(labels={**each.labels, "database": database}) for each in metric.samples]
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collected(metrics))
    return generate_latest(registry)


class _Collected(Collector):
    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        return iter(self._metrics)


def _counters(accounts: Sequence[AccountFigures]) -> Iterator[Metric]:
    requests = CounterMetricFamily("inventory_api_requests", "Requests sent, retries included.", labels=_ACCOUNT)
    runs = CounterMetricFamily("inventory_sync_runs", "Runs that ended, by status.", labels=("account", "status"))
    looks = CounterMetricFamily(
        "inventory_looks",
        "Looks at Droplets: listed completely, proven unchanged without a request, incomplete or failed.",
        labels=("account", "outcome"),
    )
    for account in accounts:
        requests.add_metric((account.name,), account.requests)
        for status, number in account.runs.items():
            runs.add_metric((account.name, status), number)
        for outcome, number in account.looks.items():
            looks.add_metric((account.name, outcome), number)
    yield from (requests, runs, looks)


def _durations(accounts: Sequence[AccountFigures]) -> Metric:
    family = HistogramMetricFamily("inventory_sync_duration_seconds", "How long runs took.", labels=_ACCOUNT)
    for account in accounts:
        classes = [(str(float(most)), float(number)) for most, number in account.durations.items()]
        family.add_metric((account.name,), [*classes, ("+Inf", account.timed_runs)], account.duration_seconds)
    return family


def _gauge(
    name: str, text: str, labels: Sequence[str], values: Iterable[tuple[tuple[str, ...], float]]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=labels)
    for names, value in values:
        family.add_metric(names, value)
    return family


def _seconds(at: datetime | None) -> float | None:
    return at.timestamp() if at else None
