"""`inventory sync`: look at the backups of every configured Droplet once."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from inventory.errors import EXIT_BUSY, EXIT_COMPLETE, EXIT_PARTIAL
from inventory.process import log
from inventory.process.interruption import interruptible
from inventory.report import sync_json, sync_text
from inventory.report.progress import Display
from inventory.rounds.choosing import chosen
from inventory.rounds.due import exit_code_with_others
from inventory.rounds.notifying import judge_and_tell
from inventory.rounds.ping import pinging
from inventory.rounds.round import Round, opened
from inventory.rounds.tokens import Tokens
from inventory.rounds.verdict import is_news
from inventory.settings.accounts import AccountSettings
from inventory.settings.load import Settings, load
from inventory.sync.order import Order
from inventory.sync.result import SyncReport, exit_code_of
from inventory.terminal.console import complain, print_bug, print_document, print_prose, print_table

# The next run makes up for these by itself: nobody needs a mail from cron about them.
_SILENT_IF_QUIET = (EXIT_COMPLETE, EXIT_PARTIAL, EXIT_BUSY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line asks for: an order, and how to print the result."""

    order: Order
    as_json: bool
    is_quiet: bool


def run(config_file: Path | None, options: Options) -> int:
    """Sync the configured accounts, print the results, and return the exit code.

    The failure of one account does not stop the others; the exit code is that of the worst.

    Raises:
        InventoryError: No sync could start: the settings or the database are not usable.
    """
    settings = load(config_file)
    accounts = {account.name: account for account in chosen(settings, options.order)}
    log.configure(verbose=options.order.is_verbose, secrets=settings.secrets)
    if not options.is_quiet:
        complain("\n".join(settings.warnings))
    with pinging(settings, options.order, complain=complain, is_quiet=options.is_quiet) as pings:
        reports, database, told = _synced(settings, accounts, options)
        pings.ended(told, sync_text.brief(reports))
    exit_code = exit_code_of(reports)
    if options.as_json:
        print_document(sync_json.document(reports, database=database, exit_code=exit_code))
    return exit_code


def _synced(
    settings: Settings, accounts: Mapping[str, AccountSettings], options: Options
) -> tuple[list[SyncReport], str, int]:
    """Sync, print the report of each account when it is done; return all, the database's name and the code to ping."""
    reports: list[SyncReport] = []
    with (
        opened(settings, is_dry_run=options.order.is_dry_run) as database,
        interruptible(lambda _: complain("stopping after the current write")) as signal_number,
    ):
        display = Display(accounts=len(accounts), is_quiet=options.is_quiet)
        one_round = Round(
            settings, database, options.order, Tokens(), follow=display.follow, interrupted_by=signal_number
        )
        for report in one_round.sync(accounts.values()):
            reports.append(report)
            if report.traceback:
                complain(f'account "{report.account}": {report.error}')
                print_bug(report.traceback)
            elif not options.as_json:
                _print(report, accounts[report.account], options)
        if is_news(reports) and not (options.order.is_dry_run or signal_number()):
            for problem in judge_and_tell(database, settings, [*accounts]):
                complain(problem)
        return reports, database.shown, exit_code_with_others(database, settings, reports, accounts)


def _print(report: SyncReport, account: AccountSettings, options: Options) -> None:
    """Print the report of one account; with --quiet, only what a person must fix."""
    if options.is_quiet and report.exit_code in _SILENT_IF_QUIET:
        return
    if report.has_begun:
        print_prose(f'account "{report.account}" -> {report.database}')
    else:
        complain(sync_text.failure(report, token_source=account.token_source))
    print_table(sync_text.facts(report, is_verbose=options.order.is_verbose))
    for note in report.notes:
        complain(f'account "{report.account}": {note}')
    if report.has_begun:
        for line in sync_text.ending(report):
            print_prose(line)
