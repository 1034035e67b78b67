"""What a command loads: cron starts a hundred times a day."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow  # a process each


@pytest.mark.parametrize(
    ("command", "unneeded"),
    [
        *(("sync", each) for each in ("alembic", "psycopg", "uvicorn", "plotext", "inventory.simulator")),
        ("report", "jinja2"),
    ],
)
def test_a_command_does_not_load_what_it_seldom_needs(command: str, unneeded: str) -> None:
    program = f"import sys, inventory.cli, inventory.commands.{command}; sys.exit({unneeded!r} in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
