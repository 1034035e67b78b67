"""`inventory simulator`, as a user types it."""

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
import pytest

from inventory.commands import simulator
from inventory.errors import EXIT_NEEDS_CHANGE, ConfigurationError, UsageError


@contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """Start the command; give its process and the lines it prints once it serves."""
    command = [sys.executable, "-m", "inventory", "simulator", "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines: list[str] = []
        while not lines or not lines[-1].endswith(" sync\n"):
            line = process.stdout.readline()
            assert line, (lines, process.communicate())
            lines.append(line)
        try:
            yield process, lines
        finally:
            process.kill()


def settings(lines: list[str]) -> dict[str, str]:
    """Read the settings that are printed to be copied."""
    return dict(re.findall(r"export ([A-Z_]+)=(.+)", "".join(lines)))


def backups(told: dict[str, str]) -> tuple[int, int, timedelta]:
    """Ask for all there is: how many Droplets and backups, and by how much the clock is off."""
    headers = {"authorization": f"Bearer {told['INVENTORY_TOKEN']}"}
    with httpx.Client(base_url=told["INVENTORY_API_URL"], headers=headers, trust_env=False) as client:
        kinds = [client.get("/v2/droplets", params={"per_page": 200, "type": kind}) for kind in ("droplets", "gpus")]
    droplets = [each for answer in kinds for each in answer.json()["droplets"]]
    skew = abs(parsedate_to_datetime(kinds[0].headers["date"]) - datetime.now(UTC))
    return len(droplets), sum(len(each["backup_ids"]) for each in droplets), skew


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_account_is_served_in_real_time_until_a_signal(number: signal.Signals) -> None:
    with running("--droplets", "12", "--days", "30") as (process, lines):
        droplets, total, skew = backups(settings(lines))
        assert f"{droplets} Droplets with {total} backups" in lines[0]
        assert skew < timedelta(minutes=1)
        process.send_signal(number)
        assert process.wait(60) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
        *before_the_program, _ = lines
        assert max(map(len, before_the_program)) <= 80


@pytest.mark.slow
def test_printed_commands_sync_the_account(tmp_path: Path) -> None:
    with running("--droplets", "3", "--token", "my-own") as (_, lines):
        script = "".join(lines[lines.index("\n") :]).replace(lines[-1], f"{sys.executable} -m inventory sync")
        ended = subprocess.run(["/bin/sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert "COMPLETE: 3 of 3 Droplets." in ended.stdout
        assert (tmp_path / "simulated.db").exists()


@pytest.mark.parametrize("token", ["", "\n", "with blanks", "ä"])
def test_token_that_no_program_could_send_is_one_sentence(token: str) -> None:
    with pytest.raises(UsageError, match=r"^--token: the .*token "):
        simulator.run(port=0, droplets=1, days=1, token=token, seed=1, oldest_goes="by_age")


def test_port_in_use_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError) as caught:
            simulator.run(port=port, droplets=1, days=0, token=None, seed=1, oldest_goes="by_age")
    assert caught.value.exit_code == EXIT_NEEDS_CHANGE
    assert str(caught.value) == (
        f"cannot listen on port {port} of 127.0.0.1 (address already in use). "
        "Choose another; --port 0 takes a free one."
    )
