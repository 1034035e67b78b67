"""The files beside this, each with what makes it anew from the program as it is."""

import json
from collections.abc import Callable, Mapping
from difflib import unified_diff
from pathlib import Path

from tests.golden import command_line, databases, processes
from tests.golden.running import Json

PLACE = Path(__file__).parent

OF_THE_DEMONSTRATION: Mapping[str, Callable[[Path, Path], Json]] = {
    "views_on_sqlite": lambda demonstration, _: databases.views_on_sqlite(demonstration),
    "reports": lambda demonstration, directory: databases.reports(str(demonstration), directory),
    "checks": databases.checks,
    "metrics": processes.metrics,
}
"""What is made of the demonstration's database and an empty directory."""

OF_ITSELF: Mapping[str, Callable[[Path], Json]] = {
    "syncs": processes.syncs,
    "settings": command_line.settings,
    "commands": command_line.commands,
    "exit_codes": command_line.exit_codes,
}
"""What is made in an empty directory."""


def write(name: str, found: Json) -> None:
    """Keep what was found as what must be."""
    _file(name).write_text(_text(found), "utf-8")


def differences(name: str, found: Json) -> str:
    """Show how what was found differs from what must be; empty where it does not."""
    kept = _file(name).read_text("utf-8")
    return "".join(
        unified_diff(kept.splitlines(keepends=True), _text(found).splitlines(keepends=True), "kept", "found")
    )


def _file(name: str) -> Path:
    return PLACE / f"{name}.json"


def _text(found: Json) -> str:
    return json.dumps(found, indent=1, sort_keys=True) + "\n"
