"""One message with all that is new, worse or solved: a title and a text that are harmless in every medium. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote

from inventory.judging.rules import KINDS, OF_A_CHANNEL
from inventory.judging.verdict import Finding, Verdict
from inventory.notifying.telling import Change, Message
from inventory.notifying.wording import Line, lines
from inventory.terminal import words

MOST_LINES = 20
MOST_IN_DETAIL = 5
"""So many of the lines are followed by what is left, what to do, and the exemption to paste."""

EXISTS = "exists"
"""What is said in place of "new" to a channel that is."""

_LONGEST_TITLE = 120
_LONGEST_NAME = 64
_LONGEST_WHAT = 300
_EXEMPT_FOR = timedelta(days=30)

# Marks of markdown, HTML and mentions become letters of full width, which look alike and mean nothing.
_HARMLESS = {ord(mark): chr(ord(mark) + 0xFEE0) for mark in "@<>&*_`~[]|#\\"}
_NO_LINK = "\N{FULLWIDTH COLON}//"


@dataclass(frozen=True, slots=True)
class Letter:
    """What a receiver gets: plain text, and a page for a medium that shows HTML; None where there is none."""

    title: str
    text: str
    html: str | None = None


def write(
    messages: Sequence[Message], verdict: Verdict, public_url: str | None = None, *, is_first: bool = False
) -> Letter:
    """Write what to tell; the title has all that matters of the worst, and so has the beginning of the text.

    Some media show only the one, some only the beginning of both.

    Args:
        messages: At least one; worst first.
        verdict: What they are about.
        public_url: Where people find the pages; None if nobody said.
        is_first: Whether the channel is new, or told of more than before: what it is told exists, but may not be new.
    """
    found = [
        line._replace(change=EXISTS) if is_first and line.change == Change.NEW else line for line in lines(messages)
    ]
    others = f", and {len(found) - 1} more" if found[1:] else ""
    title = harmless(_told(found[0]), _LONGEST_TITLE - len(others)) + others
    detailed = [line.message for line in found[:MOST_IN_DETAIL] if line.message]
    told = [text for line in found[:MOST_IN_DETAIL] for text in (_told(line), *_details(line, verdict, public_url))]
    told += [_told(line) for line in found[MOST_IN_DETAIL:MOST_LINES]]
    if found[MOST_LINES:]:
        told.append(f"and {len(found) - MOST_LINES} more; inventory check lists what is wrong now")
    if is_first:
        told.append("This channel is new, or told of more than before: this sums up what exists.")
    told += _exemptions(detailed, verdict.now)
    return Letter(title, "\n".join(told))


def trial(channel: str) -> Letter:
    """Write what `inventory notify --test` sends."""
    return Letter(
        "inventory: this is a test", f"The channel {harmless(channel, _LONGEST_NAME)} works. Nothing else was told."
    )


def digest(title: str, text: str, html: str) -> Letter:
    """Write a digest of texts that have several lines."""
    return Letter(harmless(title, _LONGEST_WHAT), text.translate(_HARMLESS).replace("://", _NO_LINK), html)


def harmless(text: str, most: int) -> str:
    """Make a text mean nothing to a medium, on one line of at most so many letters."""
    line = " ".join(text[: 2 * most].split())
    printable = "".join(letter if letter.isprintable() else "?" for letter in line)
    cut = printable if len(printable) <= most else printable[: most - 1] + "…"
    return cut.translate(_HARMLESS).replace("://", _NO_LINK)


def _existing(line: Line) -> Line:
    return line._replace(change=EXISTS) if line.change == Change.NEW else line


def _head(line: Line) -> str:
    return f"{line.change.upper()} {line.severity} {line.finding}".replace("  ", " ")


def _told(line: Line) -> str:
    subject = harmless(line.subject, _LONGEST_NAME)
    is_of_droplet = line.message is not None and line.message.finding.droplet_id is not None
    whose = f" ({harmless(line.message.finding.account, _LONGEST_NAME)})" if line.message and is_of_droplet else ""
    return f"{_head(line)}: {subject}{whose}: {harmless(line.what, _LONGEST_WHAT)}"


def _details(line: Line, verdict: Verdict, public_url: str | None) -> Iterator[str]:
    if line.message is None:
        return
    finding = line.message.finding
    if finding.since:
        yield f"since: {words.instant(finding.since, verdict.now)}"
    left = verdict.left.get(finding.droplet_id or 0)
    if left and left.backups is not None:
        newest = f", newest of {words.instant(left.newest_at, verdict.now)}" if left.newest_at else ""
        yield f"left to restore from: {words.count(left.backups, 'backup') if left.backups else 'nothing'}{newest}"
    if line.message.change is not Change.SOLVED:
        yield f"next: inventory {_next(finding)}"
    if public_url:
        yield public_url + page_of(finding)


def page_of(finding: Finding) -> str:
    """Return the path of the page that shows more of a finding."""
    if finding.droplet_id is not None:
        return f"/droplets/{finding.droplet_id}"
    return "/" if finding.name == OF_A_CHANNEL else f"/?account={quote(finding.account)}"


def _next(finding: Finding) -> str:
    if finding.name == OF_A_CHANNEL:
        return f"notify --test {finding.account}"
    return "doctor" if finding.droplet_id is None else f"show {_typed(finding)}"


def _typed(finding: Finding) -> str:
    """Name a Droplet so that it can be typed: its id, where its name reads otherwise in a message."""
    return finding.subject if harmless(finding.subject, _LONGEST_NAME) == finding.subject else str(finding.droplet_id)


def _exemptions(messages: Sequence[Message], now: datetime) -> Iterator[str]:
    """Give, for each finding that lasts, the table that exempts it."""
    findings = [each.finding for each in messages if each.change is not Change.SOLVED]
    if findings:
        yield "If it is known, paste into the configuration file, with your reason:"
    for finding in findings:
        whose = finding.account if KINDS[finding.name].is_of_account else str(finding.droplet_id)
        yield "[[exemptions]]"
        yield f'finding = "{finding.name}"'
        yield f'{"account" if KINDS[finding.name].is_of_account else "droplet"} = "{whose}"'
        yield f"until = {(now + _EXEMPT_FOR).date()}"
        yield 'reason = "why"'
