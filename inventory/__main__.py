"""`python -m inventory`, and the command `inventory`."""

from collections.abc import Sequence
from signal import SIGINT

from inventory.cli import app
from inventory.ending import say_late
from inventory.errors import SIGNAL_BASE
from inventory.process import streams
from inventory.process.interruption import ending_in_time, interrupt, interruptible


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; None takes the arguments of this process."""
    streams.prepare()
    with ending_in_time(say_late), interruptible(interrupt) as signal_number:
        try:
            app(args=arguments, prog_name="inventory")
        except SystemExit as end:
            code = int(end.code or 0)
            # Typer says so of every signal that comes while it reads the command line.
            return SIGNAL_BASE + (signal_number() or SIGINT) if code == SIGNAL_BASE + SIGINT else code
    raise AssertionError("the command line always ends with an exit code")


if __name__ == "__main__":
    raise SystemExit(main())
