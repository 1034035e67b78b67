"""Prometheus and Alertmanager as the distribution has them, each on a free port of loopback."""

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

Ask = Callable[[str], list[Any]]

# Debian's build, and no other, reads its templates from one fixed place; it does not start without them.
_TEMPLATES = Path("/usr/share/prometheus/alertmanager/default.tmpl")
_OF_DEBIAN = shutil.which("prometheus-alertmanager") if _TEMPLATES.exists() else None
_PROMETHEUS = shutil.which("prometheus") or ""
_ALERTMANAGER = shutil.which("alertmanager") or _OF_DEBIAN or ""

needs_prometheus = pytest.mark.skipif(
    not _PROMETHEUS, reason="prometheus is missing: Debian's package prometheus has it"
)
needs_alertmanager = pytest.mark.skipif(
    not _ALERTMANAGER, reason="alertmanager is missing: Debian's package prometheus-alertmanager has it"
)

_START_SECONDS = 60


@contextmanager
def prometheus(place: Path, target: str, more: Mapping[str, object] | None = None) -> Iterator[Ask]:
    """Scrape a host and port, and evaluate rules, every second; give what asks for the result of a query.

    `more` is the rest of its configuration.
    """
    configuration = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "scrape_configs": [{"job_name": "inventory", "static_configs": [{"targets": [target]}]}],
        **(more or {}),
    }
    with _running(_PROMETHEUS, place / "prometheus", configuration, "--storage.tsdb.path=data") as client:

        def ask(query: str) -> list[Any]:
            answer = client.get("/api/v1/query", params={"query": query}).raise_for_status()
            found: list[Any] = answer.json()["data"]["result"]
            return found

        yield ask


@contextmanager
def alertmanager(place: Path, configuration: Mapping[str, object]) -> Iterator[str]:
    """Run one that knows of no other; give its host and port."""
    words = ("--storage.path=data", "--cluster.listen-address=")
    with _running(_ALERTMANAGER, place / "alertmanager", configuration, *words) as client:
        yield client.base_url.netloc.decode()


@contextmanager
def _running(program: str, place: Path, configuration: Mapping[str, object], *words: str) -> Iterator[httpx.Client]:
    """Run a server in a new directory, from when it is ready to the end of the block; give what asks it."""
    place.mkdir()
    (place / "configuration.yml").write_text(yaml.safe_dump(configuration))
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [program, "--config.file=configuration.yml", f"--web.listen-address={address}", *words]
    with (place / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=place, stdout=log, stderr=log)
    try:
        with httpx.Client(base_url=f"http://{address}", trust_env=False) as client:
            until = time.monotonic() + _START_SECONDS
            while not _is_ready(client):
                if process.poll() is not None or time.monotonic() > until:
                    pytest.fail((place / "log").read_text())
                time.sleep(0.1)
            yield client
    finally:
        process.terminate()
        process.wait(30)


def _is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/-/ready").is_success
    except httpx.TransportError:
        return False
