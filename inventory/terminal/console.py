"""Where output goes: answers to stdout, problems and progress to stderr, at a terminal's width or a line each."""

import io
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from inventory.terminal.display import redactor, shown
from inventory.terminal.document import as_json

MOST_COLUMNS = 80
_UNBOUNDED_COLUMNS = 1000


def complain(text: str) -> None:
    """Tell on stderr what a person should know; each line of `text` is one problem."""
    for line in redactor()(text).splitlines():
        sys.stderr.write(_wrapped(f"inventory: {shown(line)}", sys.stderr) + "\n")


def _wrapped(text: str, stream: TextIO) -> str:
    """Break a line for a terminal; elsewhere one fact stays one line."""
    if not stream.isatty():
        return text
    return textwrap.fill(text, MOST_COLUMNS, break_on_hyphens=False, break_long_words=False)


def stderr_console() -> Console:
    """Give a console for progress: on a terminal only, and no wider than 80 columns."""
    console = Console(stderr=True, quiet=not sys.stderr.isatty())
    console.width = min(console.width, MOST_COLUMNS)
    return console


@contextmanager
def waiting() -> Iterator[None]:
    """Show on a terminal that an answer is being looked for; quiet elsewhere."""
    with stderr_console().status("asking the database"):
        yield


def print_line(text: str | Text) -> None:
    """Print one fact to stdout, folded to a terminal's width and in its style there."""
    if sys.stdout.isatty():
        Console(width=MOST_COLUMNS, markup=False, highlight=False, emoji=False, soft_wrap=False).print(text)
    else:
        sys.stdout.write(f"{text}\n")


def print_table(table: Table) -> None:
    """Print a table to stdout: as wide as it needs, but on a terminal folded to 80 columns and in colour."""
    if sys.stdout.isatty():
        console = Console(markup=False, highlight=False, emoji=False)
        console.width = min(console.width, MOST_COLUMNS)
        console.print(table)
    else:
        sys.stdout.write(plain(table))


def print_screen(parts: Iterable[str | Table]) -> None:
    """Print lines and tables one below the other."""
    for part in parts:
        if isinstance(part, Table):
            print_table(part)
        else:
            print_line(part)


def print_document(document: Mapping[str, Any]) -> None:
    """Print one JSON document to stdout."""
    sys.stdout.write(as_json(document))


def plain(table: Table) -> str:
    """Render a table as text, a line a row."""
    console = Console(
        file=io.StringIO(), width=_UNBOUNDED_COLUMNS, color_system=None, markup=False, highlight=False, emoji=False
    )
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    return "".join(f"{line.rstrip()}\n" for line in console.file.getvalue().splitlines())
