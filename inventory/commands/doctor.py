"""`inventory doctor`: checks everything that a sync needs, one line for each check, and says what to do."""

import os
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from inventory.doctor import text
from inventory.doctor.examine import examine
from inventory.errors import EXIT_COMPLETE, EXIT_FAILED
from inventory.process.clock import utc_now
from inventory.terminal.console import print_document, print_prose, print_table, waiting

_PATIENCE_SECONDS = 30.0


def run(
    *,
    config_file: Path | None,
    as_json: bool,
    environ: Mapping[str, str] = os.environ,
    clock: Callable[[], datetime] = utc_now,
    patience_seconds: float = _PATIENCE_SECONDS,
    mounts: Path = Path("/proc/self/mounts"),
) -> int:
    """Make every check, print the results, and return 1 if one failed; `examine` explains the arguments."""
    now = clock()
    with waiting("reading the settings") as says:
        found = examine(
            config_file, environ=environ, clock=clock, patience_seconds=patience_seconds, mounts=mounts, says=says
        )
    exit_code = EXIT_FAILED if found.has_failed else EXIT_COMPLETE
    if as_json:
        print_document(text.document(found.checks, database=found.database, now=now, exit_code=exit_code))
    else:
        print_table(text.table(found.checks))
        print_prose(text.ending(found.checks, database=found.database, now=now))
    return exit_code
