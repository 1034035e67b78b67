"""Commands that need more than the core say what to install."""

import subprocess
import sys

import pytest

from inventory.errors import EXIT_MEND

pytestmark = pytest.mark.slow  # a process

# Command, module, and the extra that brings it.
MISSING = (
    ("daemon", "starlette", "daemon"),
    ("daemon", "uvicorn", "daemon"),
    ("metrics", "prometheus_client", "daemon"),
    ("simulator", "uvicorn", "demo"),
    ("demo", "uvicorn", "demo"),
)
# Imports once and forks for each command, which lacks the module there.
PROGRAM = """
import os, sys
from inventory.__main__ import main
for words in sys.argv[1:]:
    command, module = words.split()
    if os.fork() == 0:
        sys.modules[module] = None
        sys.exit(main([command]))
    print(os.waitstatus_to_exitcode(os.wait()[1]))
"""


def test_a_missing_extra_is_named_with_the_command_that_installs_it() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, *(f"{command} {module}" for command, module, _ in MISSING)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert ended.stdout.split() == [str(EXIT_MEND)] * len(MISSING)
    for line, (_, module, extra) in zip(ended.stderr.splitlines(), MISSING, strict=True):
        assert module in line
        assert line.endswith(f"pip install 'droplet-backup-inventory[{extra}]'")
