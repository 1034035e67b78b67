"""Judges each account after its sync, keeps the verdict, and tells channels what it says: in a thread of its own."""

import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import replace
from queue import Empty, SimpleQueue
from threading import Thread

import structlog

from inventory.errors import InventoryError
from inventory.judging.verdict import Verdict
from inventory.network.delivery import require_apprise
from inventory.rounds import verdict as verdicts
from inventory.rounds.notifying import has_a_new_channel, telling
from inventory.settings.load import Settings
from inventory.store.engine import Database

# A channel that another process tells now is told by us after this. Accounts that end meanwhile come along.
_AGAIN_SECONDS = 5.0

# Accounts that end together are judged together, and when their lanes have begun with others and wait for answers.
_TOGETHER_SECONDS = 3.0

# A new or changed channel is first told all that exists, for which every account is judged.
_WHOLE_EVERY_SECONDS = 300.0

_log: structlog.stdlib.BoundLogger = structlog.get_logger("inventory.teller")


class Teller:
    """Takes accounts whose sync has ended. One that it loses is judged after its next sync: the same is due then."""

    def __init__(self, database: Database, settings: Callable[[], Settings]) -> None:
        self._database = database
        self._settings = settings
        self._ended: SimpleQueue[str | None] = SimpleQueue()
        self._whole_at = -_WHOLE_EVERY_SECONDS
        self._thread = Thread(target=self._tell_on, name="teller", daemon=True)

    def start(self) -> None:
        """Begin to wait for accounts."""
        self._thread.start()

    def add(self, account: str) -> None:
        """Judge this account next."""
        self._ended.put(account)

    def stop(self) -> None:
        """End when the accounts that were added are judged, and the channels that nobody else tells are told."""
        self._ended.put(None)
        self._thread.join()

    def _tell_on(self) -> None:
        waiting: set[str] = set()
        while True:
            added, is_last = self._taken(_AGAIN_SECONDS if waiting else None)
            waiting |= added
            try:
                waiting = self._tell(waiting) if waiting else waiting
            except InventoryError as error:
                _log.warning("account.unjudged", accounts=sorted(waiting), error=str(error))
                waiting = set()
            except Exception:  # noqa: BLE001 - the next account survives a bug
                _log.exception("teller.crashed", accounts=sorted(waiting))
                waiting = set()
            if is_last:
                return

    def _taken(self, seconds: float | None) -> tuple[set[str], bool]:
        """Wait for an account, at most so long, and take all that come with it; also tell whether no other will."""
        taken: set[str | None] = set()
        with suppress(Empty):
            taken.add(self._ended.get(timeout=seconds))
            until = time.monotonic() + _TOGETHER_SECONDS
            while None not in taken:
                taken.add(self._ended.get(timeout=max(until - time.monotonic(), 0)))
        return {each for each in taken if each is not None}, None in taken

    def _tell(self, accounts: Collection[str]) -> set[str]:
        """Judge these accounts and tell channels; return those that are to be told again."""
        settings = self._settings()
        configured = frozenset(settings.judged_accounts or ())
        accounts = configured.intersection(accounts)
        if not accounts:
            return set()
        if not settings.notify or not has_a_new_channel(self._database, settings):
            judged = verdicts.judged(self._database, settings, accounts)
            verdict = replace(judged, beyond=configured - judged.accounts)
            return set(accounts) if settings.notify and self._is_left(settings, verdict) else set()
        if time.monotonic() - self._whole_at < _WHOLE_EVERY_SECONDS:
            verdicts.judged(self._database, settings, accounts)
            return set(accounts)
        self._whole_at = time.monotonic()
        whole = verdicts.judged(self._database, settings, configured)
        return set(accounts) if self._is_left(settings, whole) else set()

    def _is_left(self, settings: Settings, verdict: Verdict) -> bool:
        """Tell every channel; tell whether one is left, because another process tells it."""
        require_apprise()
        is_left = False
        for told in telling(self._database, settings, verdict).tell_all():
            is_left = is_left or told.is_left
            if told.problem:
                _log.warning("channel.failed", error=told.problem)
        return is_left
