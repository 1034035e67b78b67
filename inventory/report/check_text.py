"""What `inventory check` prints for people and for monitoring: one line of answer, then a line per finding. Pure."""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from rich.table import Table
from rich.text import Text

from inventory.judging.rules import SEVERITIES, Exemption
from inventory.judging.verdict import Finding, Verdict
from inventory.terminal import words
from inventory.terminal.display import shown_to_monitoring
from inventory.terminal.table import TEXT, WORD, table

MOST_LINES = 20

_STYLES: dict[str, str] = {"critical": "bold red", "unknown": "bold magenta", "warning": "yellow"}


def headline(verdict: Verdict) -> str:
    """Name the worst finding, how many others there are, and the age of the last complete sync."""
    return f"BACKUPS {verdict.status.upper()} - {shown_to_monitoring(_found(verdict))}; {_looked(verdict)}"


def _found(verdict: Verdict) -> str:
    if not verdict.findings:
        counted = Counter(finding.name for finding in verdict.counted)
        listed = ", ".join(f"{number} {name}" for name, number in counted.items())
        return words.count(verdict.droplets, "Droplet") + (f"; {listed}" if listed else "")
    worst = verdict.findings[0]
    whose = f" ({worst.account})" if _says_whose(worst, verdict) else ""
    others = Counter(finding.severity for finding in verdict.findings[1:])
    listed = ", ".join(_count(others[severity], severity) for severity in SEVERITIES if others[severity])
    return f"{worst.subject}{whose} {worst.name}" + (f"; and {listed}" if listed else "")


def _count(number: int, severity: str) -> str:
    return words.count(number, severity) if severity == "warning" else f"{number:,} {severity}"


def _looked(verdict: Verdict) -> str:
    if verdict.looked_at is None:
        return "never looked at completely"
    return f"looked at {words.age(verdict.now - verdict.looked_at)} ago"


def performance_data(verdict: Verdict) -> str:
    """Give totals in the format of monitoring plug-ins.

    Source: https://www.monitoring-plugins.org/doc/guidelines.html#AEN197.
    """
    totals = {**verdict.counts, "exempt": len(verdict.exempted), "droplets": verdict.droplets}
    data = [f"{name}={number};;;0" for name, number in totals.items()]
    if verdict.looked_at is not None:
        data.append(f"age={max(int((verdict.now - verdict.looked_at).total_seconds()), 0)}s;;;0")
    return " ".join(data)


def lines(verdict: Verdict, most: int = MOST_LINES) -> Table:
    """Lay out the first `most` lines of `rows`, and say how many more there are."""
    found = list(rows(verdict))
    cells: list[tuple[str | Text, ...]] = [
        (_styled(each.word), shown_to_monitoring(each.subject), each.finding, shown_to_monitoring(each.what))
        for each in found[:most]
    ]
    if found[most:]:
        cells.append(("and", f"{len(found) - most:,} more", "", "inventory check --json lists them all"))
    return table((WORD, WORD, WORD, TEXT), cells)


def word(finding: Finding) -> Text:
    """Write how badly a finding counts."""
    return _styled(finding.severity.upper())


def _styled(word: str) -> Text:
    return Text(word, style=_STYLES.get(word.lower(), "dim"))


class Line(NamedTuple):
    """A finding, or an exemption, as it is shown: severity, what it concerns, its name, and what was found.

    The texts are not yet safe to show; `droplet_id` is None where it concerns no Droplet, or none that is known.
    """

    word: str
    subject: str
    finding: str
    what: str
    droplet_id: int | None = None


def rows(verdict: Verdict) -> Iterator[Line]:
    """Give a line for each finding.

    What was found begins with the account where several were judged.

    The findings come first, the worst at the top, then what is exempt, and exemptions that have run out.
    """
    for finding in verdict.findings:
        what = _of(finding, verdict) + _what(finding)
        yield Line(finding.severity.upper(), finding.subject, finding.name, what, finding.droplet_id)
    for finding, exemption in verdict.exempted:
        until = f"{_of(finding, verdict)}until {_why(exemption)}"
        yield Line("exempt", finding.subject, finding.name, until, finding.droplet_id)
    for exemption in verdict.expired:
        yield Line("expired", exemption.subject, exemption.finding, f"was exempt until {_why(exemption)}")


def _of(finding: Finding, verdict: Verdict) -> str:
    return f"{finding.account}: " if _says_whose(finding, verdict) else ""


def _says_whose(finding: Finding, verdict: Verdict) -> bool:
    """Tell whether a reader must be told the account: it is not the subject, and several were judged."""
    return finding.droplet_id is not None and len(verdict.accounts) > 1


def _what(finding: Finding) -> str:
    is_named = finding.droplet in (None, finding.subject)
    return finding.what if is_named else f"{finding.droplet}: {finding.what}"


def _why(exemption: Exemption) -> str:
    return f'{exemption.until}, "{exemption.reason}"'
