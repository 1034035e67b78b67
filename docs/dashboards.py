"""Two dashboards for Grafana, written as code: one over the metrics, one over the views in PostgreSQL.

    python -m docs.dashboards

The files that Grafana reads are written anew; they are made by Grafana's own library, so that a field that it does not
know cannot get into them.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from grafana_foundation_sdk.builders import dashboard, prometheus, stat, table, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    VariableOption,
    VariableRefresh,
)

DIRECTORY = Path(__file__).parents[1] / "deploy" / "grafana" / "dashboards"

# As deploy/grafana/provisioning names them; whoever imports a file by hand is asked for his own.
PROMETHEUS = DataSourceRef(type_val="prometheus", uid="inventory-prometheus")
POSTGRESQL = DataSourceRef(type_val="grafana-postgresql-datasource", uid="inventory-postgresql")

_KINDS: Mapping[str, Callable[[], Any]] = {"stat": stat.Panel, "timeseries": timeseries.Panel, "table": table.Panel}
_HEIGHTS = {"stat": 4, "timeseries": 8, "table": 8}
_SECONDS, _GIGABYTES, _USD = "s", "decgbytes", "currencyUSD"

AnyPanel: TypeAlias = Builder[Any]


class Shown(NamedTuple):
    """A panel: what it asks, and how the answer is shown; widths are parts of 24."""

    title: str
    kind: str
    query: str
    unit: str = "short"
    width: int = 12
    legend: str = ""
    description: str = ""


METRICS: Sequence[Shown] = (
    Shown(
        "Findings", "stat", 'sum by (severity) (inventory_findings{account=~"$account"})', "short", 6, "{{severity}}"
    ),
    Shown(
        "Last complete sync",
        "stat",
        'time() - inventory_sync_last_success_timestamp_seconds{account=~"$account"}',
        _SECONDS,
        6,
        "{{account}}",
        "How long ago it ended.",
    ),
    Shown("Droplets", "stat", 'sum(inventory_droplets{account=~"$account"})', "short", 4),
    Shown("Backups", "stat", 'sum(inventory_backups{account=~"$account"})', "short", 4),
    Shown("Database", "stat", "inventory_database_up", "bool_on_off", 4, "answers"),
    Shown(
        "Stored",
        "timeseries",
        'sum by (account) (inventory_backups_size_gigabytes{account=~"$account"})',
        _GIGABYTES,
        legend="{{account}}",
        description="Gigabytes as DigitalOcean bills them.",
    ),
    Shown(
        "Findings by kind",
        "timeseries",
        'sum by (finding) (inventory_findings{account=~"$account"})',
        legend="{{finding}}",
    ),
    Shown(
        "Oldest newest backups",
        "timeseries",
        'topk(10, time() - inventory_droplet_newest_backup_timestamp_seconds{account=~"$account"})',
        _SECONDS,
        legend="{{droplet}}",
        description="The ten Droplets whose newest backup is oldest.",
    ),
    Shown(
        "Past the window",
        "timeseries",
        'topk(10, clamp_min(time() - inventory_droplet_backup_due_timestamp_seconds{account=~"$account"}, 0))',
        _SECONDS,
        legend="{{droplet}}",
        description="How long ago the window ended in which the next backup was due; 0 while it is open.",
    ),
    Shown(
        "Syncs a day by how they ended",
        "timeseries",
        'sum by (status) (increase(inventory_sync_runs_total{account=~"$account"}[1d]))',
        legend="{{status}}",
    ),
    Shown(
        "How long syncs take, 95 %",
        "timeseries",
        'histogram_quantile(0.95, sum by (le) (rate(inventory_sync_duration_seconds_bucket{account=~"$account"}[1d])))',
        _SECONDS,
        legend="95 %",
    ),
    Shown(
        "Requests an hour",
        "timeseries",
        'sum by (account) (increase(inventory_api_requests_total{account=~"$account"}[1h]))',
        legend="{{account}}",
    ),
    Shown(
        "Requests left this hour",
        "timeseries",
        'inventory_rate_limit_remaining_requests{account=~"$account"}',
        legend="{{account}}",
        description="As DigitalOcean last said; other programs of the account use the same.",
    ),
)
"""The dashboard over Prometheus."""

VIEWS: Sequence[Shown] = (
    Shown(
        "Can be restored",
        "stat",
        "SELECT sum(backups) AS backups FROM droplet_size_now WHERE account IN ($account)",
        width=6,
    ),
    Shown(
        "Stored",
        "stat",
        "SELECT sum(size_gigabytes) AS stored FROM droplet_size_now WHERE account IN ($account)",
        _GIGABYTES,
        6,
    ),
    Shown(
        "Cost a month",
        "stat",
        "SELECT sum(estimated_usd) AS estimated FROM cost_now WHERE account IN ($account)",
        _USD,
        6,
        description="An estimate, not an invoice.",
    ),
    Shown(
        "Last complete sync",
        "stat",
        "SELECT max(extract(epoch FROM now() - last_complete_at)) AS ago FROM sync_health WHERE account IN ($account)",
        _SECONDS,
        6,
        description="How long ago it ended; of several accounts the longest.",
    ),
    Shown(
        "Stored after each day",
        "timeseries",
        "SELECT day::timestamptz AS time, account AS metric, size_gigabytes AS value FROM fleet_size_by_day\n"
        " WHERE account IN ($account) AND $__timeFilter(day::timestamptz) ORDER BY day",
        _GIGABYTES,
    ),
    Shown(
        "Cost by month",
        "timeseries",
        "SELECT month::timestamptz AS time, account AS metric, sum(estimated_usd) AS value FROM monthly_cost\n"
        " WHERE account IN ($account) AND $__timeFilter(month::timestamptz) GROUP BY month, account ORDER BY month",
        _USD,
        description="An estimate, not an invoice; the newest month is not over.",
    ),
    Shown(
        "Missed backups",
        "table",
        "SELECT droplet, window_starts_at, window_ends_at FROM missed_backups\n"
        " WHERE account IN ($account) ORDER BY window_starts_at DESC LIMIT 100",
        description="Windows of the last 90 days without a backup.",
    ),
    Shown(
        "Restore points of each Droplet",
        "table",
        "SELECT droplet, plan, backups, expected_backups, newest_backup_at, verdict FROM droplet_retention\n"
        " WHERE account IN ($account) ORDER BY verdict, droplet LIMIT 200",
    ),
    Shown(
        "Fastest growing",
        "table",
        "SELECT droplet, size_gigabytes, growth_per_day_gigabytes, size_in_90_days_gigabytes FROM size_growth\n"
        " WHERE account IN ($account) ORDER BY growth_per_day_gigabytes DESC NULLS LAST, droplet LIMIT 20",
    ),
    Shown(
        "Out of the ordinary",
        "table",
        "SELECT learned_at, droplet, event, attribute, old_value, new_value, gone_reason FROM changes\n"
        " WHERE account IN ($account) AND $__timeFilter(learned_at)\n"
        "   AND event <> 'backup_appeared' AND gone_reason IS DISTINCT FROM 'expired'\n"
        " ORDER BY learned_at DESC LIMIT 100",
        description="Of the last 90 days.",
    ),
)
"""The dashboard over PostgreSQL."""


class _Sql(Dataquery):
    """A query of the PostgreSQL data source, for which the library has no type."""

    def __init__(self, sql: str, shape: str) -> None:
        self._sql = sql
        self._shape = shape

    def to_json(self) -> dict[str, object]:
        """Give it as Grafana's editor for code writes it."""
        return {
            "datasource": POSTGRESQL,
            "editorMode": "code",
            "format": self._shape,
            "rawQuery": True,
            "rawSql": self._sql,
            "refId": "A",
        }


class _Sqls(Builder[Dataquery]):
    def __init__(self, sql: str, shape: str) -> None:
        self._query = _Sql(sql, shape)

    def build(self) -> Dataquery:
        """Give the query."""
        return self._query


def _panel(shown: Shown, source: DataSourceRef, query: Builder[Dataquery]) -> AnyPanel:
    panel: Any = _KINDS[shown.kind]()
    panel = panel.title(shown.title).datasource(source).height(_HEIGHTS[shown.kind]).span(shown.width)
    if shown.kind != "table":
        panel = panel.unit(shown.unit)
    if shown.description:
        panel = panel.description(shown.description)
    made: AnyPanel = panel.with_target(query)
    return made


def _account(source: DataSourceRef, query: str) -> Builder[Any]:
    every = VariableOption(selected=True, text="All", value="$__all")
    variable = dashboard.QueryVariable("account").label("Account").datasource(source).query(query)
    return variable.multi(True).include_all(True).current(every).refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)  # noqa: FBT003 - the library's own


def _dashboard(uid: str, title: str, since: str, account: Builder[Any], panels: Sequence[AnyPanel]) -> str:
    made = dashboard.Dashboard(title).uid(uid).tags(["backups", "digitalocean"]).timezone("utc").time(since, "now")
    made = made.refresh("5m").readonly().with_variable(account)
    for panel in panels:
        made = made.with_panel(panel)
    return JSONEncoder(sort_keys=True, indent=1).encode(made.build()) + "\n"


def over_prometheus() -> str:
    """Write the dashboard of the metrics."""
    panels = [
        _panel(each, PROMETHEUS, prometheus.Dataquery().expr(each.query).legend_format(each.legend).ref_id("A"))
        for each in METRICS
    ]
    account = _account(PROMETHEUS, "label_values(inventory_droplets, account)")
    return _dashboard("inventory-prometheus", "Backups of Droplets: metrics", "now-7d", account, panels)


def over_postgresql() -> str:
    """Write the dashboard of the views."""
    shapes = {"timeseries": "time_series"}
    panels = [_panel(each, POSTGRESQL, _Sqls(each.query, shapes.get(each.kind, "table"))) for each in VIEWS]
    account = _account(POSTGRESQL, "SELECT name FROM accounts ORDER BY name")
    return _dashboard("inventory-postgresql", "Backups of Droplets: history", "now-90d", account, panels)


FILES = {"inventory-prometheus.json": over_prometheus, "inventory-postgresql.json": over_postgresql}


def main() -> None:
    """Write both anew."""
    for name, written in FILES.items():
        (DIRECTORY / name).write_text(written(), "utf-8")


if __name__ == "__main__":
    main()
