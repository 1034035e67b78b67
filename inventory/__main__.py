"""`python -m inventory`, and the command `inventory`.

Little is loaded before `check` has a process of its own: monitoring has its answer even where loading fails.
"""

import sys
from collections.abc import Sequence
from signal import SIGINT

from inventory.errors import SIGNAL_BASE
from inventory.process import streams
from inventory.process.interruption import ending_in_time, interrupt, interruptible
from inventory.report.check_unanswered import answered, answered_here


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; None takes the arguments of this process."""
    streams.prepare()
    words = sys.argv[1:] if arguments is None else list(arguments)
    if words[:1] == ["check"]:
        return answered(_run) if arguments is None else answered_here(lambda: _run(arguments))
    try:
        return _run(arguments)
    except Exception as error:  # noqa: BLE001 - before the command has begun, such as want of memory
        from inventory.ending import end_of

        return end_of(error)


def _run(arguments: Sequence[str] | None = None) -> int:
    from inventory.cli import app
    from inventory.ending import say_late

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
