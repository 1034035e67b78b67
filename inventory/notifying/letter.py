"""One message with all that is new, worse or solved: a title and a text that are harmless in every medium. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from inventory.judging.rules import KINDS
from inventory.notifying.telling import Change, Message
from inventory.notifying.wording import Line, lines

MOST_LINES = 20

_LONGEST_NAME = 64
_LONGEST_WHAT = 300

# Marks of markdown, HTML and mentions become letters of full width, which look alike and mean nothing.
_HARMLESS = {ord(mark): chr(ord(mark) + 0xFEE0) for mark in "@<>&*_`~[]|#\\"}
_NO_LINK = "\N{FULLWIDTH COLON}//"


@dataclass(frozen=True, slots=True)
class Letter:
    """What a receiver gets; plain text."""

    title: str
    text: str


def write(messages: Sequence[Message]) -> Letter:
    """Write what to tell; the title has the worst of it."""
    found = [*lines(messages)]
    others = f", and {len(found) - 1} more" if found[1:] else ""
    first = found[0]
    title = f"{_head(first)}: {harmless(first.subject, _LONGEST_NAME)}{others}"
    told = [_told(line) for line in found[:MOST_LINES]]
    if found[MOST_LINES:]:
        told.append(f"and {len(found) - MOST_LINES} more; inventory check lists what is wrong now")
    return Letter(title, "\n".join(told))


def trial(channel: str) -> Letter:
    """Write what `inventory notify --test` sends."""
    return Letter(
        "inventory: this is a test", f"The channel {harmless(channel, _LONGEST_NAME)} works. Nothing else was told."
    )


def harmless(text: str, most: int) -> str:
    """Make a text mean nothing to a medium, on one line of at most so many letters."""
    line = " ".join(text[: 2 * most].split())
    printable = "".join(letter if letter.isprintable() else "?" for letter in line)
    cut = printable if len(printable) <= most else printable[: most - 1] + "…"
    return cut.translate(_HARMLESS).replace("://", _NO_LINK)


def _head(line: Line) -> str:
    return f"{line.change.upper()} {line.severity} {line.finding}".replace("  ", " ")


def _told(line: Line) -> str:
    subject = harmless(line.subject, _LONGEST_NAME)
    is_one_droplet = " " not in subject and not KINDS[line.finding].is_of_account
    ask = f"; see: inventory show {subject}" if is_one_droplet and line.change != Change.SOLVED else ""
    return f"{_head(line)}: {subject}: {harmless(line.what, _LONGEST_WHAT)}{ask}"
