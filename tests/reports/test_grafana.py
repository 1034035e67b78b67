"""The dashboards are as the code writes them, and what asks them answers every panel. Grafana itself is not asked."""

import json
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
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
from tests.postgres import Cluster
from tests.reports.conftest import ENDS_AT
from tests.unit.report.test_metrics import FULL, MOST, VERDICT

GRAFANA = dashboards.DIRECTORY.parent
PROMETHEUS = shutil.which("prometheus") or ""
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
def ask_prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], list[Any]]]:
    """Let Prometheus scrape our metrics every second, from our own server; give what asks it."""
    place = tmp_path_factory.mktemp("prometheus")
    health = Health(is_live=True, problems=())
    application_ = application(
        lambda: health, lambda: render(FULL, VERDICT, MOST, is_database_up=True), hosts=names("127.0.0.1:0")
    )
    with serve("127.0.0.1:0", application_) as serving:
        assert serving.url
        target = serving.url.removeprefix("http://")
        scraped = {"job_name": "inventory", "scrape_interval": "1s", "static_configs": [{"targets": [target]}]}
        (place / "prometheus.yml").write_text(yaml.safe_dump({"scrape_configs": [scraped]}))
        with socket.create_server(("127.0.0.1", 0)) as free:
            address = f"127.0.0.1:{free.getsockname()[1]}"
        words = [f"--config.file={place}/prometheus.yml", f"--storage.tsdb.path={place}/data"]
        log = (place / "log").open("w")
        process = subprocess.Popen([PROMETHEUS, *words, f"--web.listen-address={address}"], stdout=log, stderr=log)
        try:
            with httpx.Client(base_url=f"http://{address}", trust_env=False) as client:

                def ask(query: str) -> list[Any]:
                    answer = client.get("/api/v1/query", params={"query": query}).raise_for_status()
                    found: list[Any] = answer.json()["data"]["result"]
                    return found

                _wait_for_two_scrapes(ask, place / "log")
                yield ask
        finally:
            process.terminate()
            process.wait(30)
            log.close()


def _wait_for_two_scrapes(ask: Callable[[str], list[Any]], log: Path) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            if ask("count_over_time(up[1m]) >= 3"):
                return
        except httpx.HTTPError:
            pass  # it answers 503 until it has opened its database
        time.sleep(0.5)
    pytest.fail(log.read_text())


@pytest.mark.slow
@pytest.mark.skipif(not PROMETHEUS, reason="prometheus is missing: Debian's package prometheus has it")
@pytest.mark.parametrize("shown", METRICS, ids=lambda shown: str(shown.title))
def test_prometheus_has_a_series_for_every_panel(ask_prometheus: Callable[[str], list[Any]], shown: Shown) -> None:
    # One of the accounts has a line break in its name.
    query = shown.query.replace("$account", "(?s:.+)")
    assert "$" not in query
    series = ask_prometheus(query)
    assert series
    labels = {label for each in series for label in each["metric"]}
    assert set(re.findall(r"{{(\w+)}}", shown.legend)) <= labels
