"""Which report a name means."""

from inventory.errors import UsageError
from inventory.report.overview import OVERVIEW, with_findings
from inventory.report.rows_table import SHOWN
from inventory.terminal.spelling import nearest
from inventory.views.catalog import View, views


def reports() -> dict[str, View]:
    """Give the views that are reports, by name, in the order in which they are listed."""
    found = {name: view for name, view in views().items() if name in SHOWN}
    return {**found, OVERVIEW: with_findings(found[OVERVIEW])}


def choose(name: str) -> View:
    """Give the report of that name, or the only one whose name begins with it.

    Raises:
        UsageError: There is none, or there are several.
    """
    known = reports()
    if name in known:
        return known[name]
    found = [each for each in known if each.startswith(name)]
    if len(found) > 1:
        raise UsageError(f'"{name}" may be {" or ".join(found)}. Write more of the name.')
    if not found:
        raise UsageError(
            f'there is no report "{name}"{nearest(name, known) or "."} They are listed by: inventory report --list'
        )
    return known[found[0]]
