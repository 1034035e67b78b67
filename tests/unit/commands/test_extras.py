"""Commands that need more than the core say what to install."""

import subprocess
import sys

import pytest

from inventory.errors import EXIT_MEND

pytestmark = pytest.mark.slow  # a process

# By command and module: imports once and forks for each of them, and lacks that module there.
MISSING = (("daemon", "apscheduler"), ("daemon", "starlette"), ("daemon", "uvicorn"), ("metrics", "prometheus_client"))
PROGRAM = """
import os, sys
from inventory.__main__ import main
for words in sys.argv[1:]:
    command, missing = words.split()
    if os.fork() == 0:
        sys.modules[missing] = None
        sys.exit(main([command]))
    print(os.waitstatus_to_exitcode(os.wait()[1]))
"""


def test_a_missing_extra_is_named_with_the_command_that_installs_it() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(" ".join, MISSING)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert ended.stdout.split() == [str(EXIT_MEND)] * len(MISSING)
    for line, (_, missing) in zip(ended.stderr.splitlines(), MISSING, strict=True):
        assert missing in line
        assert line.endswith("pip install 'droplet-backup-inventory[daemon]'")
