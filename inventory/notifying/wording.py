"""Messages as lines to read: many new findings of one name become one line. Pure."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from inventory.notifying.telling import Change, Message

MOST_OF_ONE_NAME = 5
"""More new findings of one name than this are one line."""

_NAMED = 3


class Line(NamedTuple):
    """One line; nothing in it is safe to show yet."""

    change: str
    severity: str
    subject: str
    finding: str
    what: str


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
    what = finding.what if is_named else f"{finding.droplet}: {finding.what}"
    severity = "" if message.change is Change.SOLVED else finding.severity
    return Line(message.change, severity, finding.subject, finding.name, f"was: {what}" if not severity else what)


def _flood(messages: Sequence[Message]) -> Line:
    finding = messages[0].finding
    kind = "accounts" if finding.droplet_id is None else "Droplets"
    named = ", ".join(each.finding.subject for each in messages[:_NAMED])
    what = f"{named} and {len(messages) - _NAMED:,} more; inventory check lists them"
    return Line(Change.NEW, finding.severity, f"{len(messages):,} {kind}", finding.name, what)
