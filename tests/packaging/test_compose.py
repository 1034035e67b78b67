"""The structure of docker-compose.yml; no Docker engine is asked."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_group

from inventory.cli import app
from inventory.settings.declared import VARIABLES

ROOT = Path(__file__).parents[2]
USER = 10001
DATASOURCES = ROOT / "deploy" / "grafana" / "provisioning" / "datasources" / "inventory.yml"


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return document


def test_every_secret_and_volume_that_is_used_is_declared_and_the_other_way_round(compose: dict[str, Any]) -> None:
    services = compose["services"].values()
    assert {name for service in services for name in service.get("secrets", ())} == compose["secrets"].keys()
    mounted = {volume.partition(":")[0] for service in services for volume in service.get("volumes", ())}
    ours = {name for name in mounted if name.startswith("./")}
    assert mounted - ours == compose["volumes"].keys()
    assert all((ROOT / name).is_dir() for name in ours)


def test_secrets_are_files_that_git_and_the_image_leave_out(compose: dict[str, Any]) -> None:
    assert {secret["file"].partition("/")[0] for secret in compose["secrets"].values()} == {"secrets"}
    assert "secrets/" in (ROOT / ".gitignore").read_text().splitlines()
    ignored, *kept = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line[0] in "*!"]
    assert ignored == "*"
    assert "!secrets/" not in kept


def test_a_service_is_given_secrets_only_as_files_it_may_read(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        environment = service.get("environment", {})
        told = [value for name, value in environment.items() if name.endswith("_FILE")]
        # Grafana is told of its database's password in a file that it is given.
        told += (
            re.findall(r"/run/secrets/\w+", DATASOURCES.read_text()) if service["image"].startswith("grafana/") else []
        )
        assert sorted(told) == sorted(f"/run/secrets/{name}" for name in service.get("secrets", ()))
        assert not {"TOKEN", "PASSWORD", "URL"} & {name.rpartition("_")[2] for name in environment}


def test_the_daemon_is_told_what_it_knows(compose: dict[str, Any]) -> None:
    daemon = compose["services"]["daemon"]
    assert set(daemon["environment"]) <= set(VARIABLES.values())
    name, *options = daemon["command"]
    command = get_group(app).commands[name]
    assert {word for word in options if word.startswith("--")} <= {
        word for each in command.params for word in each.opts
    }


def test_the_daemon_waits_for_the_database_to_be_healthy(compose: dict[str, Any]) -> None:
    assert compose["services"]["daemon"]["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert compose["services"]["database"]["healthcheck"]["test"][:2] == ["CMD", "pg_isready"]


def test_the_daemon_may_do_as_little_as_possible(compose: dict[str, Any]) -> None:
    daemon = compose["services"]["daemon"]
    assert daemon["read_only"] is True
    assert daemon["cap_drop"] == ["ALL"]
    assert not {"cap_add", "privileged", "user", "volumes", "network_mode", "pid", "tmpfs"} & daemon.keys()
    assert {"mem_limit", "pids_limit"} <= daemon.keys()


def test_whoever_asks_the_daemon_by_its_name_is_answered(compose: dict[str, Any]) -> None:
    daemon = compose["services"]["daemon"]
    assert daemon["command"][-2:] == ["--http", "0.0.0.0:8080"]
    assert daemon["environment"]["INVENTORY_HTTP_HOSTS"] in compose["services"]


def test_what_runs_for_ever_starts_again_and_fills_no_disk_with_its_log(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        assert service["restart"] == "unless-stopped"
        assert {"max-size", "max-file"} <= service["logging"]["options"].keys()


def test_no_service_gains_privileges_or_is_open_to_the_network(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


def test_the_owner_of_the_secret_files_is_the_image_s_user() -> None:
    assert f"chown {USER} " in (ROOT / "docker-compose.yml").read_text()
    assert f"USER {USER}:{USER}\n" in (ROOT / "Dockerfile").read_text()
