"""`inventory notify`: tell people what is new, worse or solved, through channels or on stdout."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

from inventory.errors import EXIT_BUSY, EXIT_COMPLETE, EXIT_FAILED, ConfigurationError, DatabaseError, UsageError
from inventory.judging.evidence import inspect
from inventory.judging.verdict import Verdict
from inventory.network.delivery import Outcome, Parcel, require_apprise, send
from inventory.notifying.letter import trial
from inventory.notifying.telling import Message, due, tell
from inventory.notifying.wording import lines
from inventory.process.clock import utc_now
from inventory.process.streams import lost_answer
from inventory.report.digest import read_digest
from inventory.rounds.notifying import Telling, Told
from inventory.settings.channels import url_of
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
            for told in _telling(database, settings, now).preview():
                _show(told)
        return EXIT_COMPLETE
    require_apprise()
    with opening.to_write(settings.database_url.get_secret_value(), settings.database_source) as database:
        problems = [told.problem for told in _telling(database, settings, now).tell_all() if told.problem]
    complain("\n".join(problems))
    return EXIT_FAILED if problems else EXIT_COMPLETE


def test(config_file: Path | None, name: str) -> int:
    """Send a message to the channel of this name, and note that it takes messages.

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
    _mend(settings, name)
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
        state = notices.begin(database, PRINTED, verdict, now)
        if state is None:
            complain("another inventory notify --print is at work. Nothing was printed; it prints what is new.")
            return EXIT_BUSY
        messages = due(state.known, verdict)
        _print(messages)
        if lost_answer():
            # `exits` says why; what nobody could read is printed by the next.
            return EXIT_FAILED
        notices.finish(database, PRINTED, replace(state, known=tell(state.known, messages, now)), now)
    return EXIT_COMPLETE


def _mend(settings: Settings, channel: str) -> None:
    """Let what the channel did not take be told again; there may be no database yet, or one for readers only."""
    with (
        suppress(DatabaseError),
        opening.to_write(settings.database_url.get_secret_value(), settings.database_source) as database,
    ):
        notices.mend(database, channel, utc_now().replace(microsecond=0))


def _with_channels(config_file: Path | None) -> Settings:
    settings = load(config_file, needs_token=False)
    if not settings.notify:
        raise ConfigurationError(
            "no channel is configured: write a table [[notify]] with name and url_file, or use inventory notify --print"
        )
    return settings


def _verdict(database: Database, settings: Settings, now: datetime) -> Verdict:
    with database.reading() as connection:
        return inspect(
            connection,
            now,
            settings.rules,
            settings.exemptions,
            accounts=settings.judged_accounts,
            channels=notices.undelivered(connection, settings.channels, now),
        )


def _telling(database: Database, settings: Settings, now: datetime) -> Telling:
    summarise = partial(read_digest, database, settings.rules, settings.exemptions, now)
    return Telling(database, settings, _verdict(database, settings, now), summarise)


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
