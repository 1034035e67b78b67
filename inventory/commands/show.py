"""`inventory show`: everything about one Droplet or backup."""

import json
import sys
from contextlib import closing
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from inventory.errors import EXIT_COMPLETE
from inventory.judging.evidence import inspect
from inventory.judging.findings import Verdict
from inventory.process.clock import utc_now
from inventory.report import check_text, details, details_text, rows_export, rows_table, rows_text
from inventory.report.check_json import finding_document
from inventory.report.details import BackupDetails, DropletDetails
from inventory.settings.load import Settings, load
from inventory.store.engine import Database
from inventory.store.upgrade import require_readable
from inventory.terminal.console import print_line, print_table
from inventory.views.queries import Question

_MOST_ROWS = 8


def run(config_file: Path | None, name: str, *, as_json: bool, is_verbose: bool, now: datetime | None = None) -> int:
    """Show the Droplet of that name or id, or the backup of that id, as of `now`, or the true time if None.

    Raises:
        InventoryError: Nothing is known by that name, more than one Droplet is, or the database is not usable.
    """
    settings = load(config_file, needs_token=False)
    question = Question(now=now or utc_now())
    with closing(Database(settings.database_url.get_secret_value())) as database:
        require_readable(database, settings.database_source)
        with database.reading() as connection:
            found = _read(connection, question, name)
            verdict = _judged(connection, question, settings, found)
    if as_json:
        document = {"database": database.shown, "as_of": rows_export.plain(question.now), **_document(found)}
        document["findings"] = [finding_document(each) for each in verdict.findings]
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
        return EXIT_COMPLETE
    print_line(f"{database.shown}, as of {rows_text.moment(question.now)}\n")
    if isinstance(found, BackupDetails):
        print_table(details_text.facts(details_text.backup_facts(found, question.now)))
    else:
        _print_droplet(found, verdict, question.now, most=None if is_verbose else _MOST_ROWS)
    return EXIT_COMPLETE


def _read(connection: sa.Connection, question: Question, name: str) -> DropletDetails | BackupDetails:
    droplet_id, backup_id = details.find(connection, question, name)
    of_one = replace(question, droplet_ids=frozenset({droplet_id}))
    if backup_id is not None:
        return details.of_backup(connection, of_one, backup_id)
    return details.of_droplet(connection, of_one)


def _judged(
    connection: sa.Connection, question: Question, settings: Settings, found: DropletDetails | BackupDetails
) -> Verdict:
    """Judge the Droplet, or that of the backup."""
    droplet = found.lifetime if isinstance(found, BackupDetails) else found.droplet
    return inspect(
        connection, question.now, settings.rules, settings.exemptions, droplet_ids=frozenset({droplet.droplet_id})
    )


def _print_droplet(found: DropletDetails, verdict: Verdict, now: datetime, most: int | None) -> None:
    print_line(details_text.title(found.droplet))
    print_table(details_text.facts(details_text.droplet_facts(found, now)))
    if verdict.findings or verdict.exempted:
        print_line("")
        print_table(check_text.lines(verdict))
    for what, view, rows in details_text.sections(found):
        if rows:
            shown = rows[:most]
            print_line(f"\n{details_text.heading(what, len(rows), len(shown))}\n")
            print_table(rows_table.table(view, shown, now, says_whose=False))


def _document(found: DropletDetails | BackupDetails) -> dict[str, Any]:
    """Give all of it with the names of its parts as keys, rows as objects."""
    return {name: _plain(getattr(found, name)) for name in type(found).__slots__}


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever a details holds
    if hasattr(value, "_asdict"):
        return rows_export.as_documents([value])[0]
    if hasattr(value, "__slots__"):
        return {name: rows_export.plain(part) for name, part in asdict(value).items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return rows_export.plain(value)
