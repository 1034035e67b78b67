"""Dead man's pings: each round is reported to a receiver such as healthchecks.io, which raises an alarm if none comes.

Each ping is one POST with its own short deadline, in a thread of its own: one that fails or hangs is logged, and never
delays or fails a sync. Source: https://healthchecks.io/docs/http_api/
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

import structlog

from inventory.errors import (
    EXIT_BUG,
    EXIT_BUSY,
    EXIT_COMPLETE,
    EXIT_PARTIAL,
    SIGNAL_BASE,
    ConfigurationError,
    InventoryError,
)
from inventory.network.ping import DEADLINE_SECONDS, send
from inventory.settings.load import Settings
from inventory.sync.order import Order
from inventory.terminal.display import redactor

_log: structlog.stdlib.BoundLogger = structlog.get_logger("inventory.ping")


def path_of(exit_code: int) -> str:
    """Return what is added to the URL for a round's exit code.

    What the next round can make good is no failure. A partial one counts as a success; one that found another sync
    running, or was stopped, is only logged: if none succeeds, the receiver raises the alarm by itself.
    """
    if exit_code in (EXIT_COMPLETE, EXIT_PARTIAL):
        return ""
    return "/log" if exit_code == EXIT_BUSY or exit_code > SIGNAL_BASE else f"/{exit_code}"


@contextmanager
def pinging(
    settings: Settings, order: Order, *, complain: Callable[[str], object] | None = None, is_quiet: bool = False
) -> Iterator["Pings"]:
    """Report to the configured receiver that a round begins, and the error that ends it; the caller reports its end.

    A round over a part of the configuration is no sign of life, and sends nothing. `complain` is called with a sentence
    for each way in which pings fail, if `is_quiet` only where a person must mend the settings; all are logged.
    """
    url = settings.ping_url.get_secret_value() if settings.ping_url and order.is_whole else None
    pings = Pings(url, ca_file=settings.ca_file, secrets=settings.secrets, complain=complain, is_quiet=is_quiet)
    pings.started()
    try:
        yield pings
    except InventoryError as error:
        pings.ended(error.exit_code, str(error))
        raise
    except Exception as error:
        pings.ended(EXIT_BUG, f"a bug: {type(error).__name__}")
        raise
    finally:
        pings.close()


class Pings:
    """Sends pings in the order they are given, from one thread."""

    def __init__(
        self,
        url: str | None,
        *,
        ca_file: Path | None = None,
        secrets: Collection[str] = (),
        complain: Callable[[str], object] | None = None,
        is_quiet: bool = False,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        """Prepare.

        Args:
            url: None sends nothing.
            ca_file: Certificate authorities, in PEM form, to trust in place of the public ones.
            secrets: What no text may hold.
            complain: Called with a sentence, once for each way in which pings fail; every failure is logged.
            is_quiet: Whether to complain only of what a person must mend in the settings.
            deadline_seconds: How long each ping may take.
        """
        self._redacted = redactor(secrets)
        self._url = url
        self._ca_file = ca_file
        self._complain = complain
        self._is_quiet = is_quiet
        self._said: set[str] = set()
        self._deadline_seconds = deadline_seconds
        self._due: SimpleQueue[tuple[str, str] | None] = SimpleQueue()
        self._thread = Thread(target=self._send_all, name="ping", daemon=True)
        if url:
            self._thread.start()

    def started(self) -> None:
        """Report that a round begins."""
        self._due.put(("/start", ""))

    def ended(self, exit_code: int, text: str) -> None:
        """Report how a round ended, with `text` for people."""
        self._due.put((path_of(exit_code), self._redacted(text)))

    def close(self, *, within_seconds: float = DEADLINE_SECONDS + 1) -> None:
        """Wait until all pings are sent, but no longer than `within_seconds`."""
        self._due.put(None)
        if self._url:
            self._thread.join(within_seconds)

    def _send_all(self) -> None:
        while (ping := self._due.get()) is not None:
            path, text = ping
            try:
                send(f"{self._url}{path}", text, ca_file=self._ca_file, deadline_seconds=self._deadline_seconds)
            except InventoryError as error:
                # Not with its URL, which is a secret.
                _log.warning("ping.failed", ping=path or "success", error=str(error))
                if isinstance(error, ConfigurationError) or not self._is_quiet:
                    self._say(f"the ping could not be sent: {error}. The sync is not affected.")

    def _say(self, sentence: str) -> None:
        """Complain, but once a run: the pings of its begin and its end fail for one reason."""
        if self._complain and sentence not in self._said:
            self._said.add(sentence)
            self._complain(sentence)
