"""`inventory notify`: tell people what is new, worse or solved, through channels or on stdout."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from inventory.errors import EXIT_BUSY, EXIT_COMPLETE, EXIT_FAILED, ConfigurationError, UsageError
from inventory.judging.evidence import inspect
from inventory.judging.findings import Verdict
from inventory.network.delivery import Outcome, Parcel, require_apprise, send
from inventory.notifying.letter import trial
from inventory.notifying.telling import Message, due, tell
from inventory.notifying.wording import lines
from inventory.process.clock import utc_now
from inventory.process.streams import lost_answer
from inventory.rounds.notifying import Told, preview, tell_all, url_of
from inventory.settings.declared import PRINTED
from inventory.settings.load import Settings, load
from inventory.store import notices, opening
from inventory.store.engine import Database
from inventory.terminal.console import complain, print_line, print_table
from inventory.terminal.display import shown
from inventory.terminal.table import TEXT, WORD, table


def run(config_file: Path | None, *, is_dry_run: bool, now: datetime | None = None) -> int:
    """Tell every channel what changed since it was told, and return the exit code; a dry run prints that instead.

    Raises:
        InventoryError: The settings or the database are not usable; what is due is told by the next.
    """
    settings = _with_channels(config_file)
    now = now or utc_now().replace(microsecond=0)
    if is_dry_run:
        with opening.to_read(settings.database_url.get_secret_value(), settings.database_source) as database:
            for told in preview(database, settings, _verdict(database, settings, now)):
                _show(told)
        return EXIT_COMPLETE
    require_apprise()
    problems = []
    with opening.to_write(settings.database_url.get_secret_value(), settings.database_source) as database:
        for told in tell_all(database, settings, _verdict(database, settings, now)):
            problems += [told.problem] if told.problem else []
    complain("\n".join(problems))
    return EXIT_FAILED if problems else EXIT_COMPLETE


def test(config_file: Path | None, name: str) -> int:
    """Send a message to the channel of this name; nothing is noted.

    Raises:
        UsageError: No channel is called so.
    """
    settings = _with_channels(config_file)
    require_apprise()
    channel = next((each for each in settings.notify if each.name == name), None)
    if channel is None:
        names = ", ".join(each.name for each in settings.notify)
        raise UsageError(f'no channel "{name}" is configured, only: {names}')
    letter = trial(name)
    receipt = send(Parcel(url_of(channel), letter.title, letter.text, channel.allow_private), ca_file=settings.ca_file)
    if receipt.outcome is not Outcome.DELIVERED:
        complain(f"channel {name} {receipt}. Nothing else was sent.")
        return EXIT_FAILED
    print_line(f"channel {name} took the message.")
    return EXIT_COMPLETE


def print_news(config_file: Path | None, *, now: datetime | None = None) -> int:
    """Print what changed since the last time, note that it was printed, and return the exit code.

    Raises:
        InventoryError: The settings or the database are not usable; what is new is printed by the next.
    """
    settings = load(config_file, needs_token=False)
    now = now or utc_now().replace(microsecond=0)
    with opening.to_write(settings.database_url.get_secret_value(), settings.database_source) as database:
        verdict = _verdict(database, settings, now)
        known = notices.begin(database, PRINTED, verdict)
        if known is None:
            complain("another inventory notify --print is at work. Nothing was printed; it prints what is new.")
            return EXIT_BUSY
        messages = due(known, verdict)
        _print(messages)
        if lost_answer():
            # `exits` says why; what nobody could read is printed by the next.
            return EXIT_FAILED
        notices.finish(database, PRINTED, tell(known, messages, now), now)
    return EXIT_COMPLETE


def _with_channels(config_file: Path | None) -> Settings:
    settings = load(config_file, needs_token=False)
    if not settings.notify:
        raise ConfigurationError(
            "no channel is configured: write a table [[notify]] with name and url_file, or use inventory notify --print"
        )
    return settings


def _verdict(database: Database, settings: Settings, now: datetime) -> Verdict:
    with database.reading() as connection:
        return inspect(connection, now, settings.rules, settings.exemptions, accounts=settings.judged_accounts)


def _show(told: Told) -> None:
    if told.letter is None:
        print_line(f"{told.channel}: nothing to tell")
        return
    print_line(f"{told.channel}: {told.letter.title}")
    for line in told.letter.text.splitlines():
        print_line(f"  {line}")


def _print(messages: Sequence[Message]) -> None:
    rows = (
        (line.change.upper(), line.severity, shown(line.subject), line.finding, shown(line.what))
        for line in lines(messages)
    )
    if messages:
        print_table(table((WORD, WORD, WORD, WORD, TEXT), rows))
