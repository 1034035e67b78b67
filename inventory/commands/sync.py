"""`inventory sync`: look at the backups of every configured Droplet once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from inventory.errors import EXIT_BUSY, EXIT_COMPLETE, EXIT_PARTIAL, InventoryError, Kept, UsageError
from inventory.process import log
from inventory.process.interruption import interruptible
from inventory.report import sync_json, sync_text
from inventory.report.progress import Display
from inventory.rounds.notifying import Telling, tell_after_a_round
from inventory.rounds.ping import pinging
from inventory.rounds.round import Round, opened
from inventory.rounds.tokens import Tokens
from inventory.rounds.verdict import is_news, judged
from inventory.settings.accounts import AccountSettings
from inventory.settings.load import Settings, load
from inventory.store.engine import Database
from inventory.sync.order import Order
from inventory.sync.result import SyncReport, exit_code_of
from inventory.terminal import words
from inventory.terminal.console import complain, print_bug, print_document, print_prose, print_table
from inventory.terminal.spelling import matching
from inventory.vocabulary import RunStatus

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
    accounts = {account.name: account for account in _chosen(settings, options.order)}
    log.configure(verbose=options.order.is_verbose, secrets=settings.secrets)
    if not options.is_quiet:
        complain("\n".join(settings.warnings))
    with pinging(settings, options.order, complain=complain, is_quiet=options.is_quiet) as pings:
        reports, database = _synced(settings, accounts, options)
        exit_code = exit_code_of(reports)
        pings.ended(exit_code, sync_text.brief(reports))
    if options.as_json:
        print_document(sync_json.document(reports, database=database, exit_code=exit_code))
    return exit_code


def _synced(
    settings: Settings, accounts: Mapping[str, AccountSettings], options: Options
) -> tuple[list[SyncReport], str]:
    """Sync, print the report of each account when it is done, and return them with the name of the database."""
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
            _judge(database, settings, [*accounts])
        return reports, database.shown


def _judge(database: Database, settings: Settings, synced: Sequence[str]) -> None:
    """Keep a verdict where others would else judge many accounts, and tell channels; the exit code stays as it is."""
    if not settings.notify and len(settings.accounts) == 1:
        return
    try:
        verdict = judged(database, settings, settings.judged_accounts if settings.notify else synced)
    except InventoryError as error:
        complain(f"what the sync left was not judged: {error}")
        return
    if settings.notify:
        from inventory.report.digest import read_digest  # noqa: PLC0415 - it loads what few syncs need

        summarise = partial(read_digest, database, settings.rules, settings.exemptions, verdict.now)
        for problem in tell_after_a_round(Telling(database, settings, verdict, summarise)):
            complain(problem)


def _chosen(settings: Settings, order: Order) -> Sequence[AccountSettings]:
    chosen = [each for each in settings.accounts if _fits(each.name, order.account) and _fits(each.group, order.group)]
    if not chosen:
        known = words.some([account.name for account in settings.accounts])
        which = " ".join(
            [
                *(["account"] if order.account is None else [f'account "{order.account}"']),
                *([] if order.group is None else [f'of the group "{order.group}"']),
            ]
        )
        raise UsageError(f"no {which} is configured, only: {known}", kept=Kept.NOTHING_DONE)
    if order.droplets and len(chosen) > 1:
        several = words.some([account.name for account in chosen])
        raise UsageError(
            f"--droplet needs --account NAME too, because there are several accounts ({several})",
            kept=Kept.NOTHING_DONE,
        )
    return chosen


def _fits(name: str | None, pattern: str | None) -> bool:
    return pattern is None or bool(matching([pattern], [name or ""]))


def _print(report: SyncReport, account: AccountSettings, options: Options) -> None:
    """Print the report of one account; with --quiet, only what a person must fix."""
    if options.is_quiet and report.exit_code in _SILENT_IF_QUIET:
        return
    if report.status == RunStatus.FAILED:
        complain(sync_text.failure(report, token_source=account.token_source))
    else:
        print_prose(f'account "{report.account}" -> {report.database}')
    print_table(sync_text.facts(report, is_verbose=options.order.is_verbose))
    for note in report.notes:
        complain(f'account "{report.account}": {note}')
    if report.status != RunStatus.FAILED:
        for line in sync_text.ending(report):
            print_prose(line)
