"""How a command ends: an exit code, one sentence for a foreseen error, and a traceback only for a bug."""

import os
import sys
import traceback
from collections.abc import Callable
from functools import wraps
from signal import Signals
from typing import Any, NoReturn, ParamSpec

import typer
from typer.core import TyperCommand

from inventory.errors import EXIT_BUG, EXIT_FAILED, SIGNAL_BASE, InventoryError
from inventory.process.exhaustion import exhausted
from inventory.process.interruption import Interrupted
from inventory.process.streams import lost_answer
from inventory.report.check_unanswered import EXIT_UNANSWERED, say_unanswered
from inventory.terminal.console import complain, print_bug

_EXIT_PIPE_CLOSED = 141  # what a shell reports for a program that SIGPIPE ended

_P = ParamSpec("_P")


def exits(command: Callable[_P, int]) -> Callable[_P, NoReturn]:
    """Make a command exit with the code that it returns, or with the code of the error that it raises."""

    @wraps(command)
    def run(*arguments: _P.args, **named: _P.kwargs) -> NoReturn:
        try:
            code = command(*arguments, **named)
            if why := lost_answer():
                complain(f"cannot write the answer to stdout: {why}. Nothing else went wrong.")
                code = code or EXIT_FAILED
        except InventoryError as error:
            complain(str(error))
            code = error.exit_code
        except Interrupted as error:
            complain(f"{error}. What was already written stays.")
            code = SIGNAL_BASE + error.number
        except BrokenPipeError:
            _discard_stdout()
            code = _EXIT_PIPE_CLOSED
        except Exception as error:  # noqa: BLE001 - the one place where a bug becomes an exit code
            code = end_of(error)
        raise typer.Exit(code)

    return run


def say_late(number: int) -> int:
    """Say that a command waited for too long after a signal, and return the exit code."""
    complain(
        f"interrupted by {Signals(number).name}, and ended while it still waited for something. What was already "
        "written stays."
    )
    sys.stderr.flush()
    return SIGNAL_BASE + number


def end_of(error: Exception) -> int:
    """Say what ended a command that nobody foresaw, and return the exit code."""
    if lack := exhausted(error):
        complain(f"{lack}. What was already written stays.")
        return EXIT_FAILED
    print_bug(traceback.format_exc())
    return EXIT_BUG


class Plugin(TyperCommand):
    """A command whose exit codes monitoring reads: if it has no answer, it exits with 3 and one line on stdout."""

    def make_context(self, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - Typer's own types are private
        """Read the command line."""
        return self._answered(super().make_context, *arguments, **named)

    def invoke(self, *arguments: Any, **named: Any) -> NoReturn:  # noqa: ANN401 - as above
        """Run the command, and exit with the code that it returns."""
        raise typer.Exit(self._answered(super().invoke, *arguments, **named))

    def _answered(self, step: Callable[..., Any], *arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - as above
        try:
            result = step(*arguments, **named)
            if why := lost_answer():
                complain(f"cannot write the answer to stdout: {why}.")
                result = EXIT_UNANSWERED
        except typer.Exit:
            raise
        except BrokenPipeError:
            _discard_stdout()
            raise typer.Exit(EXIT_UNANSWERED) from None
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - monitoring needs an answer about a bug too
            raise typer.Exit(_say_unanswered(error)) from None
        return result


def _say_unanswered(error: BaseException) -> int:
    # The base class of usage errors has no public name in Typer.
    if not isinstance(error, (InventoryError, Interrupted, *typer.BadParameter.__bases__)):
        return say_unanswered(error)
    return say_unanswered(error, error.format_message() if isinstance(error, typer.BadParameter) else str(error))


def _discard_stdout() -> None:
    """Send stdout nowhere after its reader closed the pipe: Python would complain again when it closes the stream."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
