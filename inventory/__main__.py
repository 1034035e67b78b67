"""`python -m inventory`, and the command `inventory`."""

from collections.abc import Sequence

from inventory.cli import app
from inventory.process import streams


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; None takes the arguments of this process."""
    streams.prepare()
    try:
        app(args=arguments, prog_name="inventory")
    except SystemExit as end:
        return int(end.code or 0)
    raise AssertionError("the command line always ends with an exit code")


if __name__ == "__main__":
    raise SystemExit(main())
