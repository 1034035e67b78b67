"""How a command ends: its exit code, a sentence for what was foreseen, and a traceback for a bug alone."""

import os
import sys
import traceback
from collections.abc import Callable
from functools import wraps
from typing import Any, NoReturn, ParamSpec

import typer
from typer.core import TyperCommand

from inventory.errors import EXIT_BUG, InventoryError
from inventory.terminal.console import complain
from inventory.terminal.display import redactor

_EXIT_PIPE_CLOSED = 141  # as the shell has it for a program that SIGPIPE ended
_EXIT_UNANSWERED = 3  # "unknown", as monitoring plug-ins have it

_P = ParamSpec("_P")


def exits(command: Callable[_P, int]) -> Callable[_P, NoReturn]:
    """Make a command exit with the code that it returns, or with that of the error it ends with."""

    @wraps(command)
    def run(*arguments: _P.args, **named: _P.kwargs) -> NoReturn:
        try:
            code = command(*arguments, **named)
            sys.stdout.flush()
        except InventoryError as error:
            complain(str(error))
            code = error.exit_code
        except BrokenPipeError:
            _leave_the_pipe()
            code = _EXIT_PIPE_CLOSED
        except Exception:  # noqa: BLE001 - the one place where a bug becomes an exit code
            sys.stderr.write(redactor()(traceback.format_exc()))
            complain("this is a bug; please report it with the lines above. What was written before stays.")
            code = EXIT_BUG
        raise typer.Exit(code)

    return run


class Plugin(TyperCommand):
    """A command whose codes monitoring reads: whatever keeps it from an answer is 3 and one line on stdout."""

    def make_context(self, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - Typer's own types are private
        """Read the command line."""
        return self._answered(super().make_context, *arguments, **named)

    def invoke(self, *arguments: Any, **named: Any) -> NoReturn:  # noqa: ANN401 - as above
        """Run the command, and exit with the code that it returns."""
        raise typer.Exit(self._answered(super().invoke, *arguments, **named))

    def _answered(self, step: Callable[..., Any], *arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - as above
        try:
            result = step(*arguments, **named)
            sys.stdout.flush()
        except typer.Exit:
            raise
        except BrokenPipeError:
            _leave_the_pipe()
            raise typer.Exit(_EXIT_UNANSWERED) from None
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - a monitor is owed an answer about a bug too
            _say_unanswered(error)
            raise typer.Exit(_EXIT_UNANSWERED) from None
        return result


def _say_unanswered(error: BaseException) -> None:
    """Tell monitoring in one line that there is no answer, and why; the traceback of a bug goes to stderr."""
    from inventory.report.check_text import unanswered  # noqa: PLC0415 - of no use to the other commands

    why = str(error)
    # Typer gives the base of its usage errors no public name.
    if not isinstance(error, (InventoryError, *typer.BadParameter.__bases__)):
        sys.stderr.write(redactor()(traceback.format_exc()))
        why = f"a bug, please report it: {type(error).__name__}: {error}"
    sys.stdout.write(unanswered(why) + "\n")


def _leave_the_pipe() -> None:
    """Whoever read has seen enough: Python would complain once more when it closes the stream."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
