"""What a command loads: cron starts a hundred times a day."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow  # a process each


@pytest.mark.parametrize("unneeded", ["alembic", "psycopg", "uvicorn", "plotext", "inventory.simulator"])
def test_sync_does_not_load_what_it_seldom_needs(unneeded: str) -> None:
    program = f"import sys, inventory.cli, inventory.commands.sync; sys.exit({unneeded!r} in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
