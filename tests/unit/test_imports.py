"""What a command loads: cron starts a hundred times a day."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow  # a process each


@pytest.mark.parametrize(
    ("command", "unneeded"),
    [
        ("sync", {"alembic", "apscheduler", "psycopg", "uvicorn", "plotext", "inventory.simulator"}),
        ("report", {"jinja2", "httpx"}),
        ("show", {"httpx"}),
    ],
)
def test_a_command_does_not_load_what_it_seldom_needs(command: str, unneeded: set[str]) -> None:
    program = f"import sys, inventory.cli, inventory.commands.{command}; print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    loaded = set(told.stdout.split())
    assert f"inventory.commands.{command}" in loaded
    assert loaded & unneeded == set()
