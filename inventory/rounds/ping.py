"""A dead man's ping: a receiver such as healthchecks.io is told of each run, and raises the alarm when it is not.

Each ping is one POST with its own short deadline, in a thread of its own: one that fails or hangs is logged, and never
delays or fails a sync. Source: https://healthchecks.io/docs/http_api/
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

import httpx
import structlog

from inventory.errors import (
    EXIT_BUG,
    EXIT_BUSY,
    EXIT_COMPLETE,
    EXIT_PARTIAL,
    SIGNAL_BASE,
    InventoryError,
    TransientError,
)
from inventory.network.transport import Transport, trusting
from inventory.process.stopping import StopSignal
from inventory.settings.load import Settings
from inventory.sync.order import Order
from inventory.terminal.display import redactor

DEADLINE_SECONDS = 5.0

# The receiver keeps this much of a body.
_MOST_BYTES = 10_000

_log: structlog.stdlib.BoundLogger = structlog.get_logger("inventory.ping")


def path_of(exit_code: int) -> str:
    """Choose what is added to the URL for a run's exit code.

    What the next run mends is no failure: a partial run succeeded, and one that another was in the way of, or that was
    stopped, changes nothing; should none succeed, the receiver raises the alarm by itself.
    """
    if exit_code in (EXIT_COMPLETE, EXIT_PARTIAL):
        return ""
    return "/log" if exit_code == EXIT_BUSY or exit_code > SIGNAL_BASE else f"/{exit_code}"


@contextmanager
def pinging(settings: Settings, order: Order, *, complain: Callable[[str], object] | None = None) -> Iterator["Pings"]:
    """Tell the configured receiver that a round begins, and of what keeps it from ending; its end is the caller's.

    A round over a part of the configuration is no sign of life, and sends nothing. `complain` is called, beside the
    log, for pings that fail.
    """
    url = settings.ping_url.get_secret_value() if settings.ping_url and order.is_whole else None
    pings = Pings(url, ca_file=settings.ca_file, secrets=settings.secrets, complain=complain)
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
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        """Prepare.

        Args:
            url: None where nobody is to be told.
            ca_file: Certificates to trust in place of the usual ones.
            secrets: What no text may hold.
            complain: Told, beside the log, why a ping failed.
            deadline_seconds: Of each ping.
        """
        self._redacted = redactor(secrets)
        self._url = url
        self._ca_file = ca_file
        self._complain = complain
        self._deadline_seconds = deadline_seconds
        self._due: SimpleQueue[tuple[str, str] | None] = SimpleQueue()
        self._thread = Thread(target=self._send_all, name="ping", daemon=True)
        if url:
            self._thread.start()

    def started(self) -> None:
        """Tell that a run begins."""
        self._due.put(("/start", ""))

    def ended(self, exit_code: int, text: str) -> None:
        """Tell how a run ended, with `text` for people."""
        self._due.put((path_of(exit_code), self._redacted(text)))

    def close(self, *, within_seconds: float = DEADLINE_SECONDS + 1) -> None:
        """Wait until the pings given are sent, but no longer than that."""
        self._due.put(None)
        if self._url:
            self._thread.join(within_seconds)

    def _send_all(self) -> None:
        while (ping := self._due.get()) is not None:
            try:
                self._send(*ping)
            except InventoryError as error:
                # Not with its URL, which is a secret.
                _log.warning("ping.failed", ping=ping[0] or "success", error=str(error))
                if self._complain:
                    self._complain(f"the ping could not be sent: {error}. The sync is not concerned.")

    def _send(self, path: str, text: str) -> None:
        request = httpx.Request(
            "POST",
            f"{self._url}{path}",
            content=text.encode("utf-8", "replace")[:_MOST_BYTES],
            headers={"User-Agent": "droplet-backup-inventory", "Content-Type": "text/plain; charset=utf-8"},
        )
        context = trusting(self._ca_file) if request.url.scheme == "https" else None
        transport = Transport(timeout_seconds=self._deadline_seconds, stop=StopSignal(), context=context)
        try:
            answer = transport.handle_request(request)
            answer.close()
        finally:
            transport.close()
        if not answer.is_success:
            raise TransientError(f"the receiver answered {answer.status_code}; redirects are not followed")
