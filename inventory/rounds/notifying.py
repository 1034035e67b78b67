"""Tell each channel what is new, worse or solved.

verdict | scope | begin | due | urgent | letter | send | finish, a channel at a time
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from inventory.errors import ConfigurationError, InventoryError
from inventory.judging.findings import Verdict
from inventory.network.delivery import Outcome, Parcel, require_apprise, send
from inventory.notifying.letter import Letter, write
from inventory.notifying.scope import Scope
from inventory.notifying.telling import Message, due, settle, tell, urgent
from inventory.settings.declared import NotifyTable
from inventory.settings.files import read_secret
from inventory.settings.formats import read_notify_url
from inventory.settings.load import Settings
from inventory.store import notices
from inventory.store.engine import Database


@dataclass(frozen=True, slots=True)
class Told:
    """What came of one channel.

    Attributes:
        letter: What it was to be told; None where nothing is due, or another process tells it.
        problem: Why it was not told, in a sentence; None where it was, or nothing is due.
    """

    channel: str
    letter: Letter | None = None
    problem: str | None = None


def tell_all(database: Database, settings: Settings, verdict: Verdict) -> Iterator[Told]:
    """Tell every channel, and yield what came of each; what one does not take costs no other."""
    for channel in settings.notify:
        its = _scope(channel, settings).of(verdict)
        try:
            url = url_of(channel)
        except ConfigurationError as error:
            yield Told(channel.name, problem=str(error))
            continue
        known = notices.begin(database, channel.name, its)
        if known is None:
            yield Told(channel.name)
            continue
        messages = _now(channel, due(known, its), its.now)
        told = Told(channel.name)
        if messages:
            letter = write(messages, its, settings.public_url)
            receipt = send(Parcel(url, letter.title, letter.text, channel.allow_private), ca_file=settings.ca_file)
            is_told = receipt.outcome is Outcome.DELIVERED
            known = tell(known, messages, its.now) if is_told else known
            problem = None if is_told else f"channel {channel.name} {receipt}. It is tried again after the next sync."
            told = Told(channel.name, letter, problem)
        notices.finish(database, channel.name, known, its.now)
        yield told


def tell_after_a_round(database: Database, settings: Settings, verdict: Verdict) -> Iterator[str]:
    """Tell every channel, and yield a sentence for each that could not be told: what was synced stays as it is."""
    try:
        require_apprise()
        yield from (told.problem for told in tell_all(database, settings, verdict) if told.problem)
    except InventoryError as error:
        yield str(error)


def preview(database: Database, settings: Settings, verdict: Verdict) -> Iterator[Told]:
    """Yield what `tell_all` would tell each channel now, and change nothing."""
    for channel in settings.notify:
        its = _scope(channel, settings).of(verdict)
        with database.reading() as connection:
            known = settle(notices.read(connection, channel.name), its)
        messages = _now(channel, due(known, its), its.now)
        yield Told(channel.name, write(messages, its, settings.public_url) if messages else None)


def url_of(channel: NotifyTable) -> str:
    """Return where a channel's messages go, from its file if it has one.

    Raises:
        ConfigurationError: The file cannot be read, or holds no such URL.
    """
    if channel.url is not None:
        return channel.url.get_secret_value()
    try:
        return read_notify_url(read_secret(channel.url_file or ""))
    except ValueError as error:
        raise ConfigurationError(f"channel {channel.name}: {channel.url_file}: {error}") from None


def _scope(channel: NotifyTable, settings: Settings) -> Scope:
    group_of = {account.name: account.group for account in settings.accounts if account.group}
    return Scope(channel.on, channel.accounts, channel.groups, channel.tags, group_of)


def _now(channel: NotifyTable, messages: Sequence[Message], now: datetime) -> Sequence[Message]:
    """Return what may be told now."""
    return urgent(messages) if channel.quiet and channel.quiet.holds(now) else messages
