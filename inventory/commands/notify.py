"""`inventory notify`: tell people what is new, worse or solved, through channels or on stdout."""

from contextlib import suppress
from datetime import datetime
from pathlib import Path

from inventory.errors import EXIT_COMPLETE, EXIT_FAILED, ConfigurationError, DatabaseError, UsageError
from inventory.network.delivery import Outcome, Parcel, require_apprise, send
from inventory.notifying.letter import trial
from inventory.process.clock import utc_now
from inventory.rounds import verdict
from inventory.rounds.notifying import Telling, Told, telling
from inventory.settings.channels import url_of
from inventory.settings.load import Settings, load
from inventory.store import notices, opening
from inventory.store.engine import Database
from inventory.terminal.console import complain, print_line


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


def _telling(database: Database, settings: Settings, now: datetime) -> Telling:
    return telling(database, settings, verdict.read(database, settings, settings.judged_accounts, now))


def _show(told: Told) -> None:
    if told.letter is None:
        print_line(f"{told.channel}: nothing to tell")
        return
    print_line(f"{told.channel}: {told.letter.title}")
    for line in told.letter.text.splitlines():
        print_line(f"  {line}")
