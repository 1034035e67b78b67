"""`inventory check`: whether all backups are as they should be, as a monitoring plug-in answers it."""

import json
import sys
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from inventory.errors import UsageError
from inventory.findings import Verdict
from inventory.inspection import inspect
from inventory.report import check_json, check_text
from inventory.report.console import print_line, print_table
from inventory.settings.load import load
from inventory.store.engine import Database
from inventory.store.upgrade import require_current
from inventory.views.queries import Question, ask
from inventory.views.rows import DropletTag, KnownDroplet

EXIT_CODES = {"ok": 0, "warning": 1, "critical": 2, "unknown": 3}
"""Source: https://www.monitoring-plugins.org/doc/guidelines.html#AEN74."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for.

    Attributes:
        account: The only account to judge; None means all that are configured, or else all that were ever synced.
        droplet: Name or id of the only Droplet to judge; None means all.
        tag: Judge only Droplets that have it; None means all.
        is_nagios: Whether to add performance data.
        is_quiet: Whether to print nothing if all is well.
    """

    account: str | None = None
    droplet: str | None = None
    tag: str | None = None
    is_nagios: bool = False
    is_quiet: bool = False
    as_json: bool = False


def run(config_file: Path | None, options: Options, *, now: datetime | None = None) -> int:
    """Judge what is stored, print the answer, and return its code; no token is read and nothing is written.

    Raises:
        InventoryError: There is no answer: the settings or the database are not usable, or nothing is called so.
    """
    settings = load(config_file, needs_token=False)
    configured = [account.name for account in settings.accounts]
    accounts = [options.account] if options.account else configured or None
    now = now or datetime.now(UTC).replace(microsecond=0)
    with closing(Database(settings.database_url.get_secret_value())) as database:
        require_current(database, settings.database_source)
        with database.reading() as connection:
            droplet_ids = _chosen(connection, Question(now, accounts=accounts), options)
            verdict = inspect(
                connection, now, settings.rules, settings.exemptions, accounts=accounts, droplet_ids=droplet_ids
            )
    exit_code = EXIT_CODES[verdict.status]
    if not (options.is_quiet and verdict.status == "ok"):
        _print(verdict, options, database.shown, exit_code)
    return exit_code


def _chosen(connection: sa.Connection, question: Question, options: Options) -> set[int] | None:
    """Find the Droplets asked for; None means all."""
    if options.droplet is None and options.tag is None:
        return None
    droplets = [each for each in ask(connection, KnownDroplet, question) if each.is_current]
    chosen = {each.droplet_id for each in droplets if options.droplet in (None, each.droplet, str(each.droplet_id))}
    if not chosen:
        raise UsageError(f'no Droplet "{options.droplet}" exists and is selected, as far as is stored')
    if options.tag is not None:
        chosen &= {each.droplet_id for each in ask(connection, DropletTag, question) if each.tag == options.tag}
    if not chosen:
        raise UsageError(f'no Droplet asked for has the tag "{options.tag}", as far as is stored')
    return chosen


def _print(verdict: Verdict, options: Options, database: str, exit_code: int) -> None:
    if options.as_json:
        document = check_json.document(verdict, database=database, exit_code=exit_code)
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
        return
    data = f" | {check_text.performance_data(verdict)}" if options.is_nagios else ""
    print_line(check_text.headline(verdict) + data)
    print_table(check_text.lines(verdict))
