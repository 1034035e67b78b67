"""Commands that need more than the core say what to install."""

import subprocess
import sys

import pytest

from inventory.errors import EXIT_MEND

pytestmark = pytest.mark.slow  # a process each


@pytest.mark.parametrize(
    ("command", "missing"),
    [("daemon", "apscheduler"), ("daemon", "starlette"), ("daemon", "uvicorn"), ("metrics", "prometheus_client")],
)
def test_a_missing_extra_is_named_with_the_command_that_installs_it(command: str, missing: str) -> None:
    program = f"import sys; sys.modules['{missing}'] = None; from inventory.__main__ import main; sys.exit(main())"
    ended = subprocess.run(
        [sys.executable, "-c", program, command], capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.returncode == EXIT_MEND
    assert missing in ended.stderr
    assert ended.stderr.endswith("pip install 'droplet-backup-inventory[daemon]'\n")
    assert ended.stderr.count("\n") == 1
