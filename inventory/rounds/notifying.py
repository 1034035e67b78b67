"""Tell each channel what is new, worse or solved, and send it the digest that is due.

verdict | scope | begin | due | urgent | open_to | letter | send | finish, a channel at a time
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from inventory.errors import ConfigurationError, InventoryError
from inventory.judging.verdict import Verdict
from inventory.network.delivery import Outcome, Parcel, Receipt, require_apprise, send
from inventory.notifying.letter import Letter, write
from inventory.notifying.scope import Scope
from inventory.notifying.telling import Message, due, settle, tell, urgent
from inventory.notifying.trying import Attempts, Ending, after, open_to
from inventory.process.clock import utc_now
from inventory.rounds.verdict import judged
from inventory.settings.channels import url_of
from inventory.settings.declared import PRINTED, NotifyTable
from inventory.settings.load import Settings
from inventory.store import digests, notices
from inventory.store.engine import Database

_ENDINGS = {Outcome.DELIVERED: Ending.TAKEN, Outcome.UNANSWERED: Ending.UNANSWERED}
_AGAIN = "It is tried again after the next sync."


@dataclass(frozen=True, slots=True)
class Told:
    """What came of one channel.

    Attributes:
        letter: What it was to be told; None where nothing is due, or another process tells it.
        problem: Why it was not told, in a sentence; None where it was, or nothing is due.
        is_left: Whether another process tells it now, or has taken a later verdict.
    """

    channel: str
    letter: Letter | None = None
    problem: str | None = None
    is_left: bool = False


@dataclass(frozen=True, slots=True)
class Telling:
    """Tells the channels of the settings what a verdict says, perhaps of some of the accounts only.

    Attributes:
        summarise: Reads the digest of these accounts.
        deliver: Sends a parcel; with these certificates in place of the public ones, if there are any.
        clock: Gives the time, which goes on while channels are told.
    """

    database: Database
    settings: Settings
    verdict: Verdict
    summarise: Callable[[Collection[str]], Letter]
    deliver: Callable[..., Receipt] = send
    clock: Callable[[], datetime] = utc_now

    def tell_all(self) -> Iterator[Told]:
        """Tell every channel, and yield what came of each; what one does not take costs no other."""
        notices.leave_others(self.database, [*self.settings.channels, PRINTED], self.verdict.now)
        for channel in self.settings.notify:
            its = _scope(channel, self.settings)
            try:
                url = url_of(channel)
            except ConfigurationError as error:
                yield Told(channel.name, problem=str(error))
                continue
            yield self._tell(channel, its, url)
            if channel.digest:
                yield self._send_digest(channel, its, url)

    def preview(self) -> Iterator[Told]:
        """Yield what `tell_all` would tell each channel now, and change nothing."""
        for channel in self.settings.notify:
            its = _scope(channel, self.settings)
            verdict = its.of(self.verdict)
            now = self._now()
            with self.database.reading() as connection:
                state = notices.read(connection, channel.name)
                last = channel.digest and channel.digest.last_before(now)
                has_digest = last and digests.is_due(connection, channel.name, last, now)
            messages = due(settle(state.known, verdict), verdict)
            messages = open_to(_allowed(channel, messages, now), state.tried, verdict.now)
            yield Told(channel.name, self._letter(messages, verdict, is_first=state.scope != its.written))
            if has_digest and not _is_quiet(channel, now):
                yield Told(channel.name, self.summarise(self._accounts(its)))

    def _tell(self, channel: NotifyTable, its: Scope, url: str) -> Told:
        verdict = its.of(self.verdict)
        state = notices.begin(self.database, channel.name, verdict, self._now())
        if state is None:
            return Told(channel.name, is_left=True)
        is_due = due(state.known, verdict)
        sent = open_to(_allowed(channel, is_due, self._now()), state.tried, verdict.now)
        letter = self._letter(sent, verdict, is_first=state.scope != its.written)
        receipt = self._send(channel, url, letter) if letter else None
        is_taken = receipt is None or receipt.outcome is Outcome.DELIVERED
        ending = _ending(receipt) if receipt else Ending.TAKEN
        knows_all = is_taken and len(sent) == len(is_due)
        after_it = notices.State(
            known=tell(state.known, sent, verdict.now) if is_taken else state.known,
            tried={**after(state.tried, is_due, sent, ending, verdict.now), **_of_others(state, sent, ending, verdict)},
            scope=its.written if knows_all else state.scope,
        )
        notices.finish(self.database, channel.name, after_it, verdict.now)
        return Told(channel.name, letter, None if is_taken else f"channel {channel.name} {receipt}. {_AGAIN}")

    def _send_digest(self, channel: NotifyTable, its: Scope, url: str) -> Told:
        now = self._now()
        last = channel.digest and channel.digest.last_before(now)
        if not last or _is_quiet(channel, now) or not digests.begin(self.database, channel.name, last, now):
            return Told(channel.name)
        letter = self.summarise(self._accounts(its))
        receipt = self._send(channel, url, letter)
        is_taken = receipt.outcome is Outcome.DELIVERED
        digests.finish(self.database, channel.name, last, _ending(receipt), now)
        if is_taken:
            notices.mend(self.database, channel.name, now)
        return Told(channel.name, letter, None if is_taken else f"channel {channel.name} {receipt}. {_AGAIN}")

    def _accounts(self, its: Scope) -> Sequence[str]:
        """Name the accounts of a channel, also those that the verdict says nothing of."""
        return sorted(filter(its.is_of, self.verdict.accounts | self.verdict.beyond))

    def _letter(self, messages: Sequence[Message], verdict: Verdict, *, is_first: bool) -> Letter | None:
        return write(messages, verdict, self.settings.public_url, is_first=is_first) if messages else None

    def _send(self, channel: NotifyTable, url: str, letter: Letter) -> Receipt:
        parcel = Parcel(url, letter.title, letter.text, channel.allow_private, letter.html)
        return self.deliver(parcel, ca_file=self.settings.ca_file)

    def _now(self) -> datetime:
        return self.clock().replace(microsecond=0)


def telling(database: Database, settings: Settings, verdict: Verdict) -> Telling:
    """Give what tells the channels of the settings."""
    from inventory.report.digest import read_digest  # noqa: PLC0415 - it loads what a round without channels never needs

    summarise = partial(read_digest, database, settings.rules, settings.exemptions, verdict.now)
    return Telling(database, settings, verdict, summarise)


def has_a_new_channel(database: Database, settings: Settings) -> bool:
    """Tell whether some channel is new, renamed or widened: it is first told all that exists."""
    with database.reading() as connection:
        return any(
            notices.read(connection, each.name).scope != _scope(each, settings).written for each in settings.notify
        )


def tell_after_a_round(database: Database, settings: Settings, verdict: Verdict) -> Iterator[str]:
    """Tell every channel, and yield a sentence for each that could not be told: what was synced stays as it is."""
    if not settings.notify:
        return
    try:
        require_apprise()
        yield from (told.problem for told in telling(database, settings, verdict).tell_all() if told.problem)
    except InventoryError as error:
        yield str(error)


def judge_and_tell(database: Database, settings: Settings, synced: Sequence[str]) -> Iterator[str]:
    """Keep a verdict where others would else judge many accounts, and tell channels; yield what could not be done."""
    if not settings.notify and len(settings.accounts) == 1:
        return
    try:
        verdict = judged(database, settings, settings.judged_accounts if settings.notify else synced)
    except InventoryError as error:
        yield f"what the sync left was not judged: {error}"
        return
    yield from tell_after_a_round(database, settings, verdict)


def _of_others(state: notices.State, sent: Sequence[Message], ending: Ending, verdict: Verdict) -> Attempts:
    """Return what was not taken of accounts that the verdict says nothing of: as it was, until a message is taken."""
    if sent and ending is Ending.TAKEN:
        return {}
    return {key: each for key, each in state.tried.items() if key.account in verdict.beyond}


def _ending(receipt: Receipt) -> Ending:
    return _ENDINGS.get(receipt.outcome, Ending.REFUSED)


def _scope(channel: NotifyTable, settings: Settings) -> Scope:
    group_of = {account.name: account.group for account in settings.accounts if account.group}
    return Scope(channel.name, channel.severities, channel.accounts, channel.groups, channel.tags, group_of)


def _allowed(channel: NotifyTable, messages: Sequence[Message], now: datetime) -> Sequence[Message]:
    """Return what may be told now."""
    return urgent(messages) if _is_quiet(channel, now) else messages


def _is_quiet(channel: NotifyTable, now: datetime) -> bool:
    return channel.quiet is not None and channel.quiet.holds(now)
