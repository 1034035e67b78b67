"""`inventory check`: whether all backups are as they should be, answered like a monitoring plug-in."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from inventory.errors import UsageError
from inventory.judging.evidence import inspect
from inventory.judging.verdict import Verdict
from inventory.process.clock import utc_now
from inventory.process.cycles import collecting_seldom
from inventory.report import check_json, check_text, selecting
from inventory.report.check_unanswered import Wait
from inventory.settings.load import load
from inventory.store import opening
from inventory.store.notices import undelivered
from inventory.terminal.console import print_document, print_line, print_table
from inventory.terminal.display import shown_to_monitoring
from inventory.views.queries import Question

EXIT_CODES = {"ok": 0, "warning": 1, "critical": 2, "unknown": 3}
"""Source: https://www.monitoring-plugins.org/doc/guidelines.html#AEN74."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for.

    Attributes:
        accounts: To judge only these, by name or pattern; empty means all that are configured, or all that were ever
            synced if none is.
        groups: To judge only accounts of these groups, by name or pattern; empty means all.
        droplets: Names or ids, to judge only these; empty means all.
        tags: To judge only Droplets that have one of them; empty means all.
        is_nagios: Whether to add performance data.
        is_quiet: Whether to print nothing if nothing is wrong.
    """

    accounts: Collection[str] = ()
    groups: Collection[str] = ()
    droplets: Collection[str] = ()
    tags: Collection[str] = ()
    is_nagios: bool = False
    is_quiet: bool = False
    as_json: bool = False


def run(config_file: Path | None, options: Options, wait: Wait, *, now: datetime | None = None) -> int:
    """Judge what is stored, print the answer, and return its code; no token is read and nothing is written.

    Raises:
        InventoryError: There is no answer: the settings or the database are not usable, or a name is unknown.
    """
    settings = load(config_file, needs_token=False)
    wait.what = shown_to_monitoring(f"the database (from {settings.database_source})")
    now = now or utc_now().replace(microsecond=0)
    with (
        opening.to_read(settings.database_url.get_secret_value(), settings.database_source) as database,
        database.reading_twice(at_most_seconds=wait.seconds) as readers,
        collecting_seldom(),
    ):
        connection = readers.connection
        named = selecting.accounts_asked(connection, options.accounts, options.groups, settings.groups)
        accounts = selecting.accounts_to_judge(named, options.droplets, settings.judged_accounts)
        droplet_ids = selecting.find(connection, Question(now), options.droplets, options.tags, now)
        # Channels are of all accounts: whoever asks of some of them asks of no channel.
        channels = () if options.accounts or droplet_ids is not None else settings.channels
        verdict = inspect(
            connection,
            now,
            settings.rules,
            settings.exemptions,
            accounts=accounts,
            droplet_ids=droplet_ids,
            channels=undelivered(connection, channels, now),
            second=readers.second,
        )
    if droplet_ids is not None and not verdict.droplets:
        raise UsageError("no selected Droplet that exists matches --droplet and --tag, by what is stored")
    exit_code = EXIT_CODES[verdict.status]
    if not (options.is_quiet and verdict.status == "ok"):
        _print(verdict, options, database.shown, exit_code)
    return exit_code


def _print(verdict: Verdict, options: Options, database: str, exit_code: int) -> None:
    if options.as_json:
        document = check_json.document(verdict, database=database, exit_code=exit_code)
        print_document(document)
        return
    data = f" | {check_text.performance_data(verdict)}" if options.is_nagios else ""
    print_line(check_text.headline(verdict) + data)
    print_table(check_text.lines(verdict))
