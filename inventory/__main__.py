"""`python -m inventory`, and the command `inventory`."""

import sys
from collections.abc import Sequence

from inventory.cli import app


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; None takes the arguments of this process."""
    for stream in (sys.stdout, sys.stderr):
        # A name in a letter that the terminal's encoding lacks must not end a sync.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # tests put other streams there
    try:
        app(args=arguments, prog_name="inventory")
    except SystemExit as end:
        return int(end.code or 0)
    raise AssertionError("the command line always ends with an exit code")


if __name__ == "__main__":
    raise SystemExit(main())
