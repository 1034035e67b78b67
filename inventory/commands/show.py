"""`inventory show`: everything about one Droplet or backup."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from inventory.errors import EXIT_COMPLETE
from inventory.judging.evidence import inspect
from inventory.process.clock import utc_now
from inventory.report import details, details_json, details_text
from inventory.report.details import BackupDetails, DropletDetails
from inventory.settings.load import load
from inventory.store import opening
from inventory.terminal.console import print_document, print_screen
from inventory.views.queries import Question

_MOST_ROWS = 8


def run(config_file: Path | None, name: str, *, as_json: bool, is_verbose: bool, now: datetime | None = None) -> int:
    """Show the Droplet of that name or id, or the backup of that id, as of `now`, or the true time if None.

    Raises:
        InventoryError: Nothing is known by that name, more than one Droplet is, or the database is not usable.
    """
    settings = load(config_file, needs_token=False)
    question = Question(now=now or utc_now())
    with (
        opening.to_read(settings.database_url.get_secret_value(), settings.database_source) as database,
        database.reading() as connection,
    ):
        found = _read(connection, question, name)
        of_one = frozenset({found.droplet_id})
        verdict = inspect(connection, question.now, settings.rules, settings.exemptions, droplet_ids=of_one)
    if as_json:
        print_document(details_json.document(found, verdict, database=database.shown))
    elif isinstance(found, BackupDetails):
        print_screen(details_text.backup_screen(found, question.now, database.shown))
    else:
        most = None if is_verbose else _MOST_ROWS
        print_screen(details_text.droplet_screen(found, verdict, database.shown, most=most))
    return EXIT_COMPLETE


def _read(connection: sa.Connection, question: Question, name: str) -> DropletDetails | BackupDetails:
    droplet_id, backup_id = details.find(connection, question, name)
    of_one = replace(question, droplet_ids=frozenset({droplet_id}))
    if backup_id is not None:
        return details.of_backup(connection, of_one, backup_id)
    return details.of_droplet(connection, of_one)
