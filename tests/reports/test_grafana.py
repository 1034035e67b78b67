"""The dashboards are as the code writes them, and what asks them answers every panel. Grafana itself is not asked."""

import json
import re
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import sqlalchemy as sa
import yaml

from docs import dashboards
from docs.dashboards import METRICS, VIEWS, Shown
from inventory.report.metrics import render
from inventory.serving.listening import names
from inventory.serving.web import Health, application, serve
from inventory.store.copy import copy
from inventory.store.engine import Database
from inventory.store.grants import grant_reader
from tests.conftest import temporary_database
from tests.end_to_end.daemon_process import eventually
from tests.postgres import Cluster
from tests.prometheus import Ask, needs_prometheus, prometheus
from tests.reports.conftest import ENDS_AT
from tests.unit.report.test_metrics import FULL, MOST, VERDICT

GRAFANA = dashboards.DIRECTORY.parent
READER = "grafana_panels"

_FROZEN = """
CREATE OR REPLACE VIEW report_clock AS
SELECT timestamptz '{now}' AS now, timestamptz '{now}' - interval '90 days' AS since"""


@pytest.mark.parametrize("name", dashboards.FILES)
def test_the_file_is_what_the_code_writes(name: str) -> None:
    """Else: make docs."""
    text = (dashboards.DIRECTORY / name).read_text("utf-8")
    assert text == dashboards.FILES[name]()
    document = json.loads(text)
    sources = {panel["datasource"]["uid"] for panel in document["panels"]}
    known = yaml.safe_load((GRAFANA / "provisioning" / "datasources" / "inventory.yml").read_text("utf-8"))
    assert sources < {each["uid"] for each in known["datasources"]}
    assert len({panel["title"] for panel in document["panels"]}) == len(document["panels"])


@pytest.fixture(scope="module")
def reader(_lived_on_sqlite: str, postgres: Cluster) -> Iterator[sa.Engine]:
    """Give the lived history to the role that dashboards have; its views speak of the end."""
    with temporary_database(postgres) as url:
        with closing(Database(_lived_on_sqlite)) as source, closing(Database(url)) as target:
            copy(source, target, lambda _done, _total: None)
            with target.writing() as connection:
                connection.exec_driver_sql(_FROZEN.format(now=ENDS_AT.isoformat()))
            grant_reader(target, READER)
            engine = sa.create_engine(target.url.set(username=READER), poolclass=sa.NullPool)
        yield engine
    postgres.execute(f"DROP ROLE {READER}")


@pytest.mark.parametrize("shown", VIEWS, ids=lambda shown: str(shown.title))
def test_the_role_that_reads_gets_rows_for_every_panel(reader: sa.Engine, shown: Shown) -> None:
    between = f"\\1 BETWEEN timestamptz '{ENDS_AT.isoformat()}' - interval '90 days' AND '{ENDS_AT.isoformat()}'"
    sql = re.sub(r"\$__timeFilter\(([^)]*)\)", between, shown.query).replace("$account", "'default'")
    assert "$" not in sql
    with reader.connect() as connection:
        result = connection.exec_driver_sql(sql)
        rows: list[Any] = list(result)
    assert rows
    assert any(value is not None for value in rows[0])
    if shown.kind == "timeseries":
        assert list(result.keys()) == ["time", "metric", "value"]
        assert all(at.tzinfo for at, *_ in rows)


@pytest.fixture(scope="module")
def ask_prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Let Prometheus scrape our metrics every second, from our own server; give what asks it."""
    health = Health(is_live=True, problems=())
    application_ = application(
        lambda: health, lambda: render(FULL, VERDICT, MOST, is_database_up=True), hosts=names("127.0.0.1:0")
    )
    with serve("127.0.0.1:0", application_) as serving:
        assert serving.url
        target = serving.url.removeprefix("http://")
        with prometheus(tmp_path_factory.mktemp("grafana"), target) as ask:
            eventually(lambda: bool(ask("count_over_time(up[1m]) >= 3")))
            yield ask


@pytest.mark.slow
@needs_prometheus
@pytest.mark.parametrize("shown", METRICS, ids=lambda shown: str(shown.title))
def test_prometheus_has_a_series_for_every_panel(ask_prometheus: Ask, shown: Shown) -> None:
    # One of the accounts has a line break in its name.
    query = shown.query.replace("$account", "(?s:.+)")
    assert "$" not in query
    series = ask_prometheus(query)
    assert series
    labels = {label for each in series for label in each["metric"]}
    assert set(re.findall(r"{{(\w+)}}", shown.legend)) <= labels
