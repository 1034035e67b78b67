"""The metrics in Prometheus's format: a pure function of what was read.

A new metric is added to `families` and to the table in `docs/monitoring.md`; a test compares the two.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from inventory import __version__
from inventory.judging.rules import KINDS
from inventory.judging.verdict import Verdict
from inventory.store.snapshot import AccountFigures, NewestBackup, Snapshot
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
    (
        "inventory_sync_overdue_after_seconds",
        "How long after a complete run the next is overdue, by the schedule of the last run.",
        lambda account: account.overdue_after_seconds,
    ),
    (
        "inventory_monthly_cost_usd",
        "What these backups cost a month as things are now, estimated, in US dollars.",
        lambda account: account.monthly_cost_usd,
    ),
)

_DROPLET = ("account", "droplet_id", "droplet")

# Gauges of a Droplet with backups: name, help, and the value at the moment of the snapshot; None if it is not known.
_DROPLET_GAUGES: tuple[tuple[str, str, Callable[[NewestBackup, datetime], float | None]], ...] = (
    (
        "inventory_droplet_newest_backup_timestamp_seconds",
        "When the Droplet's newest backup was made, for the Droplets whose newest backup is oldest.",
        lambda droplet, _: droplet.created_at.timestamp(),
    ),
    (
        "inventory_droplet_backup_due_timestamp_seconds",
        "End of the window in which DigitalOcean will make the next backup of such a Droplet.",
        lambda droplet, _: _seconds(droplet.due_at),
    ),
    (
        "inventory_oldest_backup_age_seconds",
        "Age of such a Droplet's oldest backup: how far back it can be restored.",
        lambda droplet, now: (now - droplet.oldest_at).total_seconds(),
    ),
)


class Most(NamedTuple):
    """How many have series of their own: accounts, the worst first; Droplets, and as many findings on Droplets."""

    accounts: int
    droplets: int


def families(snapshot: Snapshot, verdict: Verdict | None, most: Most, *, is_database_up: bool) -> Iterator[Metric]:
    """Yield every metric; without a verdict there are no findings."""
    accounts = _worst_first(snapshot.accounts, verdict)[: most.accounts]
    yield _gauge("inventory_build_info", "The program's version.", ("version",), [((__version__,), 1.0)])
    yield _gauge(
        "inventory_database_up", "1 if the database answered the last check.", (), [((), float(is_database_up))]
    )
    left_out = len(snapshot.accounts) - len(accounts)
    yield _gauge("inventory_accounts_left_out", "Accounts beyond account_metrics.", (), [((), left_out)])
    for name, text, value in _GAUGES:
        values = ((account.name, value(account)) for account in accounts)
        yield _gauge(name, text, _ACCOUNT, [((account,), each) for account, each in values if each is not None])
    yield from _counters(accounts)
    yield _durations(accounts)
    yield _gauge(
        "inventory_findings",
        "Findings of inventory check by severity; 0 of each that does not exist.",
        ("account", "finding", "severity"),
        _findings(accounts, snapshot.accounts, verdict).items() if verdict else (),
    )
    yield from _of_droplets(snapshot)
    yield from _droplet_findings(verdict, most.droplets)


def _worst_first(accounts: Sequence[AccountFigures], verdict: Verdict | None) -> Sequence[AccountFigures]:
    """Order accounts by their worst finding, so that those left out are well as far as is known."""
    places: dict[str, int] = {}
    for place, finding in enumerate(verdict.findings if verdict else ()):
        places.setdefault(finding.account, place)
    return sorted(accounts, key=lambda account: places.get(account.name, len(places) + len(accounts)))


def _of_droplets(snapshot: Snapshot) -> Iterator[Metric]:
    for name, text, value in _DROPLET_GAUGES:
        values = (
            ((each.account, str(each.droplet_id), each.droplet), value(each, snapshot.now))
            for each in snapshot.newest_backups
        )
        yield _gauge(name, text, _DROPLET, [(labels, each) for labels, each in values if each is not None])


def _droplet_findings(verdict: Verdict | None, most: int) -> Iterator[Metric]:
    found = [each for each in verdict.findings if each.droplet_id is not None] if verdict else []
    yield _gauge(
        "inventory_droplet_finding",
        "1 for each finding of inventory check on a Droplet that exists now, the worst first.",
        (*_DROPLET, "finding", "severity"),
        [
            ((each.account, str(each.droplet_id), each.droplet or "", each.name, each.severity), 1.0)
            for each in found[:most]
        ],
    )
    yield _gauge(
        "inventory_droplet_findings_left_out",
        "Findings on Droplets beyond droplet_metrics.",
        (),
        [((), len(found[most:]))],
    )


def _findings(
    shown: Sequence[AccountFigures], stored: Sequence[AccountFigures], verdict: Verdict
) -> Mapping[tuple[str, ...], float]:
    """Count findings by account, name and severity; exempt ones have the severity `exempt`.

    Of accounts that are stored only those shown are counted; one that was never synced is shown by nothing else.
    """
    left_out = {account.name for account in stored} - {account.name for account in shown}
    found: dict[tuple[str, ...], float] = dict.fromkeys(
        ((account.name, name, str(kind.severity)) for account in shown for name, kind in KINDS.items()), 0.0
    )
    judged = [(each, str(each.severity)) for each in (*verdict.findings, *verdict.counted)]
    for finding, severity in [*judged, *((each, "exempt") for each, _ in verdict.exempted)]:
        if finding.account not in left_out:
            key = (finding.account, finding.name, severity)
            found[key] = found.get(key, 0.0) + 1
    return found


def render(
    snapshot: Snapshot,
    verdict: Verdict | None,
    most: Most,
    *,
    is_database_up: bool,
    database: str | None = None,
) -> bytes:
    """Write every metric in Prometheus's text format, with the label `database` if there is a name for it."""
    metrics = list(families(snapshot, verdict, most, is_database_up=is_database_up))
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
