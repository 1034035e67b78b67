"""What is asked of a daemon and of a simulated account, each a process of its own."""

import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.golden.running import ENDS_AT, PATIENCE_SECONDS, Ended, Json, environment, run, started


def metrics(demonstration: Path, directory: Path) -> Json:
    """Give what `metrics` prints, which is what the daemon serves, and what else the daemon answers."""
    file = directory / "daemon.toml"
    file.write_text('[accounts.demo]\ntoken = "not-a-real-one"\n', "utf-8")
    file.chmod(0o600)
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with environment(directory, {"INVENTORY_DATABASE_URL": str(demonstration), "INVENTORY_CONFIG": file.name}):
        printed = run("metrics").out
        with started("daemon", "--http", address) as process:
            ask = partial(_answer, f"http://{address}")
            _wait_for(ask)
            answers = {path: ask(path) for path in ("/livez", "/readyz", "/metrics")}
            health = run("health", "--http", address)
        return {
            "daemon": {
                **{path: [answer.status_code, answer.headers["content-type"]] for path, answer in answers.items()},
                "exit code of inventory health": health.code,
                "exit code when it is told to stop": process.returncode,
                "serves what inventory metrics prints": answers["/metrics"].text == printed,
            },
            "metrics": _families(printed),
        }


def _answer(url: str, path: str) -> httpx.Response:
    return httpx.get(url + path, timeout=PATIENCE_SECONDS, trust_env=False)


def _wait_for(ask: Callable[[str], httpx.Response]) -> None:
    """Wait until the daemon answers, and has read what it serves."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        with suppress(httpx.TransportError):
            if ask("/readyz").is_success and 'account="demo"' in ask("/metrics").text:
                return
        time.sleep(0.05)
    raise AssertionError("the daemon did not answer in time")


def _families(text: str) -> Json:
    """Give each metric's type and samples."""
    found: dict[str, Any] = {}
    family = ""
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            family, kind = line.split()[2:]
            found[family] = {"type": kind, "samples": {}}
        elif not line.startswith("#"):
            sample, _, written = line.rpartition(" ")
            name = re.sub(r'version="[^"]*"', 'version="<version>"', sample)
            found[family]["samples"][name] = round(float(written), 6)
    return found


def syncs(directory: Path) -> Json:
    """Give what `sync` and `doctor` say of a simulated account: before a first sync, after it, and after a loss.

    The script of the simulated account lets a backup disappear on its day 23.
    """
    before = ENDS_AT - timedelta(days=2)
    variables = {"INVENTORY_DATABASE_URL": "synced.db", "INVENTORY_REQUESTS_PER_SECOND": "0", "INVENTORY_HTTP": "off"}
    found: dict[str, Ended] = {}
    with environment(directory, variables), pytest.MonkeyPatch.context() as patch:
        run("db", "upgrade")
        with _simulated(patch, days=23, at=before) as url:
            found["doctor, before a first sync"] = run("doctor", "--json", at=before)
            found["sync --dry-run, the first"] = run("sync", "--dry-run", "--json", at=before)
            found["sync, the first"] = run("sync", "--json", at=before)
            found["doctor"] = run("doctor", "--json", at=before)
            found["sync, nothing new"] = run("sync", "--json", at=before)
            found["sync --droplet"] = run("sync", "--droplet", "web-01", "--json", at=before)
            found["sync --droplet, of another account"] = run("sync", "--droplet", "1", "--json", at=before)
            patch.setenv("INVENTORY_TOKEN", "another")
            found["sync, token rejected"] = run("sync", "--json", at=before)
            found["doctor, token rejected"] = run("doctor", "--json", at=before)
        with _simulated(patch, days=25, at=ENDS_AT) as later:
            found["sync --dry-run, two days later"] = run("sync", "--dry-run", "--json")
            found["sync, two days later"] = run("sync", "--json")
    return {what: ended.golden(str(directory), url, later) for what, ended in found.items()}


@contextmanager
def _simulated(patch: pytest.MonkeyPatch, *, days: int, at: datetime) -> Iterator[str]:
    """Serve a simulated account, set what it says to set, and give its URL."""
    words = ("--port", "0", "--droplets", "5", "--days", str(days), "--token", "simulated")
    with started("simulator", *words, at=at) as process:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        told: dict[str, str] = {}
        for line in lines:
            told.update(re.findall(r"export (\w+)=(.+)", line))
            if line.endswith(" sync\n"):
                break
        patch.setenv("INVENTORY_API_URL", told["INVENTORY_API_URL"])
        patch.setenv("INVENTORY_TOKEN", told["INVENTORY_TOKEN"])
        yield told["INVENTORY_API_URL"]
