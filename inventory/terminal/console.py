"""Output: answers to stdout, problems and progress to stderr.

Prose has lines of at most 80 characters everywhere. What a program may read line by line, a row of a table, a problem,
or the answer of `check`, is one line where no terminal is, however long.
"""

import io
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TextIO

from rich.console import Console, RenderableType
from rich.text import Text

from inventory.terminal.display import redactor, shown
from inventory.terminal.document import as_json

# Of prose, which is hard to read in longer lines; tables take the whole terminal.
MOST_COLUMNS = 80
_LEAST_COLUMNS = 20
_UNBOUNDED_COLUMNS = 1000


def complain(text: str) -> None:
    """Print to stderr what a person should know; each line of `text` is one problem."""
    for line in redactor()(text).splitlines():
        sys.stderr.write(_wrapped(f"inventory: {shown(line)}", sys.stderr) + "\n")


def print_bug(trace: str) -> None:
    """Print to stderr the traceback of a bug, and what to do about it."""
    sys.stderr.write(redactor()(trace))
    complain("this is a bug; please report it with the lines above. What was already written stays.")


def is_terminal(stream: TextIO) -> bool:
    """Tell whether a person reads a stream. Only the stream itself decides, not variables such as FORCE_COLOR."""
    return stream.isatty()


def _console(stream: TextIO) -> Console:
    """Give a console that writes to a stream what it is given, as wide as the terminal."""
    made = Console(file=stream, force_terminal=is_terminal(stream), markup=False, highlight=False, emoji=False)
    made.width = max(_LEAST_COLUMNS, made.width)
    return made


def progress_console() -> Console:
    """Give a console for progress on stderr, silent unless that is a terminal."""
    made = _console(sys.stderr)
    made.quiet = not made.is_terminal
    return made


def _wrapped(text: str, stream: TextIO) -> str:
    """Break a line for a terminal; elsewhere it stays one line."""
    return _folded(text) if is_terminal(stream) else text


def _folded(line: str) -> str:
    return textwrap.fill(line, MOST_COLUMNS, break_on_hyphens=False, break_long_words=False)


@contextmanager
def waiting(what: str = "reading the database") -> Iterator[Callable[[str], None]]:
    """Show on a terminal what is waited for; silent elsewhere. Print nothing before the block ends.

    Gives a function that says what else is waited for from then on.
    """
    with progress_console().status(Text(shown(what))) as status:
        yield lambda text: status.update(Text(shown(text)))


def print_prose(text: str | Text) -> None:
    """Print to stdout what only people read, in lines of at most 80 characters; a longer word stays whole in a file."""
    if is_terminal(sys.stdout):
        made = _console(sys.stdout)
        made.print(text, width=min(made.width, MOST_COLUMNS))
    else:
        sys.stdout.write("".join(f"{_folded(line)}\n" for line in str(text).split("\n")))


def print_line(text: str) -> None:
    """Print to stdout what a program may read: one line, folded only on a terminal."""
    if is_terminal(sys.stdout):
        print_prose(text)
    else:
        sys.stdout.write(f"{text}\n")


def print_table(table: RenderableType) -> None:
    """Print a table to stdout: as wide as the terminal and in colour there, elsewhere as wide as it needs."""
    if is_terminal(sys.stdout):
        _console(sys.stdout).print(table, crop=False)
    else:
        sys.stdout.write(plain(table))


def print_screen(parts: Iterable[RenderableType]) -> None:
    """Print prose, tables and charts, one below the other."""
    for part in parts:
        if isinstance(part, str):
            print_prose(part)
        else:
            print_table(part)


def print_document(document: Mapping[str, Any]) -> None:
    """Print one JSON document to stdout."""
    sys.stdout.write(as_json(document))


def plain(table: RenderableType, *, columns: int = _UNBOUNDED_COLUMNS) -> str:
    """Render a table as plain text: one line for each row, unless it is to fit fewer columns."""
    rendered = io.StringIO()
    made = _console(rendered)
    made.width = columns
    made.print(table, crop=False)
    return "".join(f"{line.rstrip()}\n" for line in rendered.getvalue().splitlines())
