"""What `inventory check` says, for people and for monitoring: the answer in one line, then a line a finding. Pure."""

from collections import Counter
from collections.abc import Iterator

from rich.table import Table
from rich.text import Text

from inventory.judging.findings import Finding, Verdict
from inventory.judging.rules import SEVERITIES, Exemption
from inventory.terminal import words
from inventory.terminal.display import redactor, shown
from inventory.terminal.table import TEXT, WORD, table

MOST_LINES = 20

_STYLES: dict[str, str] = {"critical": "bold red", "unknown": "bold magenta", "warning": "yellow"}


def headline(verdict: Verdict) -> str:
    """Say the worst finding, how many others there are, and how long ago was looked."""
    return f"BACKUPS {verdict.status.upper()} - {_safe(_found(verdict))}; {_looked(verdict)}"


def _found(verdict: Verdict) -> str:
    if not verdict.findings:
        counted = Counter(finding.name for finding in verdict.counted)
        told = ", ".join(f"{number} {name}" for name, number in counted.items())
        return words.count(verdict.droplets, "Droplet") + (f"; {told}" if told else "")
    worst = verdict.findings[0]
    others = Counter(finding.severity for finding in verdict.findings[1:])
    told = ", ".join(_count(others[severity], severity) for severity in SEVERITIES if others[severity])
    return f"{worst.subject} {worst.name}" + (f"; and {told}" if told else "")


def _count(number: int, severity: str) -> str:
    return words.count(number, severity) if severity == "warning" else f"{number:,} {severity}"


def _looked(verdict: Verdict) -> str:
    if verdict.looked_at is None:
        return "never looked at completely"
    return f"looked at {words.age(verdict.now - verdict.looked_at)} ago"


def unanswered(why: str) -> str:
    """Say in one line what keeps `check` from an answer; of several problems all."""
    lines = [line.strip() for line in redactor()(why).splitlines() if line.strip()]
    return f"BACKUPS UNKNOWN - {_safe('; '.join(lines))}"


def performance_data(verdict: Verdict) -> str:
    """Give totals as monitoring plug-ins do.

    Source: https://www.monitoring-plugins.org/doc/guidelines.html#AEN197.
    """
    totals = {**verdict.counts, "exempt": len(verdict.exempted), "droplets": verdict.droplets}
    told = [f"{name}={number};;;0" for name, number in totals.items()]
    if verdict.looked_at is not None:
        told.append(f"age={max(int((verdict.now - verdict.looked_at).total_seconds()), 0)}s;;;0")
    return " ".join(told)


def lines(verdict: Verdict, most: int = MOST_LINES) -> Table:
    """Lay out findings, worst first, then what is exempt or no longer so; at most so many, then a count."""
    found = list(rows(verdict))
    cells: list[tuple[str | Text, ...]] = [
        (Text(word, style=_STYLES.get(word.lower(), "dim")), _safe(subject), name, _safe(what))
        for word, subject, name, what in found[:most]
    ]
    if found[most:]:
        cells.append(("and", f"{len(found) - most:,} more", "", "inventory check --json lists them all"))
    return table((WORD, WORD, WORD, TEXT), cells)


def rows(verdict: Verdict) -> Iterator[tuple[str, str, str, str]]:
    """Give a line a finding: how bad, what it concerns, its name, and what was found; names as they are, not yet safe.

    After the findings, worst first, comes what is exempt or no longer so.
    """
    for finding in verdict.findings:
        yield finding.severity.upper(), finding.subject, finding.name, _what(finding)
    for finding, exemption in verdict.exempted:
        yield "exempt", finding.subject, finding.name, f"until {_why(exemption)}"
    for exemption in verdict.expired:
        yield "expired", exemption.subject, exemption.finding, f"was exempt until {_why(exemption)}"


def _what(finding: Finding) -> str:
    is_named = finding.droplet in (None, finding.subject)
    return finding.what if is_named else f"{finding.droplet}: {finding.what}"


def _why(exemption: Exemption) -> str:
    return f'{exemption.until}, "{exemption.reason}"'


def _safe(text: str) -> str:
    """Show a text so that it cannot pass for performance data, and can be pasted between single quotes."""
    return shown(text).replace("|", r"\x7c").replace("'", "\N{RIGHT SINGLE QUOTATION MARK}")
