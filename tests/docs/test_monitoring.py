"""What docs/monitoring.md and the alert rules say is what the program does."""

import ast
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from inventory.judging.rules import KINDS
from inventory.report.metrics import families, render
from inventory.rounds.ping import path_of
from inventory.settings.declared import WrittenSettings
from tests.unit.report.test_metrics import FULL, MOST, VERDICT

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
RULES = ROOT / "deploy" / "prometheus"
PROMTOOL = shutil.which("promtool") or ""

METRICS = [*families(FULL, VERDICT, MOST, is_database_up=True)]
NAMES = {f"{metric.name}_total" if metric.type == "counter" else metric.name for metric in METRICS}


def table(heading: str) -> list[list[str]]:
    """Read the cells of the first table below a heading, without its head."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def rules() -> list[dict[str, Any]]:
    document = yaml.safe_load((RULES / "inventory.yml").read_text(encoding="utf-8"))
    return [rule for group in document["groups"] for rule in group["rules"]]


def test_the_table_of_metrics_is_that_of_the_program() -> None:
    ours = [
        [
            f"`{metric.name}_total`" if metric.type == "counter" else f"`{metric.name}`",
            metric.type,
            ", ".join(f"`{label}`" for label in getattr(metric, "_labelnames", ())),
            metric.documentation,
        ]
        for metric in METRICS
    ]
    assert table("Metrics") == ours


def test_every_alert_is_explained_with_its_severity() -> None:
    explained = {row[0].strip("`"): row[1] for row in table("Alerts")}
    assert explained == {rule["alert"]: rule["labels"]["severity"] for rule in rules()}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))
def test_every_alert_asks_for_metrics_that_exist_and_is_tested(rule: dict[str, Any]) -> None:
    asked = set(re.findall(r"inventory_\w+", rule["expr"]))
    assert asked
    assert asked <= NAMES
    assert f"alertname: {rule['alert']}\n" in (RULES / "inventory_test.yml").read_text(encoding="utf-8")


def test_the_rules_know_which_findings_concern_an_account() -> None:
    of_accounts = {name for name, kind in KINDS.items() if kind.is_of_account}
    named = {rule["alert"]: re.findall(r'finding=~"([^"]+)"', rule["expr"]) for rule in rules()}
    for alert in ("InventoryFinding", "InventoryFindingCritical"):
        (pattern,) = named[alert]
        assert set(pattern.split("|")) == of_accounts


def test_every_event_of_the_log_is_listed() -> None:
    listed = {event for row in table("The log") for event in re.findall(r"`([a-z.]+)`", row[0])}
    assert listed == {event for path in (ROOT / "inventory").rglob("*.py") for event in events(path)} - {
        "sync.started",  # with --verbose only
    }


def events(path: Path) -> set[str]:
    """Find the events that a module logs: first arguments of the methods of `_log`."""
    calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    texts = (call.args[0] for call in calls if call.args and re.match(r"_log\.|getattr\(_log", ast.unparse(call.func)))
    return {str(text.value) for text in texts if isinstance(text, ast.Constant)}


def test_every_setting_that_is_named_exists() -> None:
    named = {"http", "http_hosts", "ping_url", "ping_url_file", "droplet_metrics", "account_metrics"}
    assert all(f"`{name}`" in PAGE for name in named)
    assert named <= WrittenSettings.model_fields.keys()


def test_the_pings_are_those_of_the_program() -> None:
    assert [path_of(code) for code in (0, 3, 75, 143, 78)] == ["", "", "/log", "/log", "/78"]
    assert "(exit codes 0 and 3) | `URL` |" in PAGE


needs_promtool = pytest.mark.skipif(not PROMTOOL, reason="promtool is missing: Debian's package prometheus has it")


@needs_promtool
@pytest.mark.parametrize("words", [["check", "rules", "inventory.yml"], ["test", "rules", "inventory_test.yml"]])
def test_prometheus_takes_the_rules_and_their_tests_pass(words: list[str]) -> None:
    done = subprocess.run([PROMTOOL, *words], cwd=RULES, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
@pytest.mark.parametrize("database", [None, 'o"ne'])
def test_prometheus_takes_the_metrics(database: str | None) -> None:
    text = render(FULL, VERDICT, MOST, is_database_up=True, database=database)
    done = subprocess.run([PROMTOOL, "check", "metrics"], input=text, capture_output=True, check=False, timeout=60)
    # What DigitalOcean calls a gigabyte, 10^9 or 2^30 bytes, it does not say: the figure stays as it is billed.
    warnings = ['inventory_backups_size_gigabytes use base unit "bytes" instead of "gigabytes"']
    assert done.stderr.decode().splitlines() == warnings
