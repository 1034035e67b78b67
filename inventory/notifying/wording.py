"""Messages as lines to read: many new findings of one name become one line. Pure."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from inventory.notifying.telling import Change, Message

MOST_OF_ONE_NAME = 5
"""More new findings of one name than this are one line."""

_NAMED = 3
_LONGEST_NAME = 64


class Line(NamedTuple):
    """One line; nothing in it is safe to show yet. `message` is what it tells; None where it tells several."""

    change: str
    severity: str
    subject: str
    finding: str
    what: str
    message: Message | None = None


def lines(messages: Sequence[Message]) -> Iterator[Line]:
    """Give a line for each message, in their order; a flood of one name where its first would stand."""
    number = Counter(each.finding.name for each in messages if each.change is Change.NEW)
    told = set()
    for message in messages:
        name = message.finding.name
        if message.change is not Change.NEW or number[name] <= MOST_OF_ONE_NAME:
            yield _line(message)
        elif name not in told:
            told.add(name)
            yield _flood([each for each in messages if each.change is Change.NEW and each.finding.name == name])


def _line(message: Message) -> Line:
    finding = message.finding
    is_named = finding.droplet in (None, finding.subject)
    what = finding.what if is_named else f"{_cut(finding.droplet or '')}: {finding.what}"
    severity = "" if message.change is Change.SOLVED else finding.severity
    told = what if severity else f"was: {what}"
    return Line(message.change, severity, finding.subject, finding.name, told, message)


def _cut(name: str) -> str:
    """Keep a long name from hiding what is said of it."""
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def _flood(messages: Sequence[Message]) -> Line:
    finding = messages[0].finding
    kind = "accounts" if finding.droplet_id is None else "Droplets"
    named = ", ".join(each.finding.subject for each in messages[:_NAMED])
    what = f"{named} and {len(messages) - _NAMED:,} more; inventory check lists them"
    return Line(Change.NEW, finding.severity, f"{len(messages):,} {kind}", finding.name, what)
