"""What the daemon and a worker have in common: how they start, follow syncs, take new settings and end if they hang."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from queue import SimpleQueue
from typing import NoReturn

import structlog

from inventory.errors import EXIT_BUG, ConfigurationError, DatabaseLockedError, DatabaseUnavailableError
from inventory.process import log
from inventory.process.interruption import Interrupted, calling, interrupt, interruptible
from inventory.process.liveness import Lane, Liveness, Starting, stacks
from inventory.report.progress import Silence
from inventory.rounds.round import opened
from inventory.settings.load import Settings, load
from inventory.store.engine import Database

_DATABASE_WAIT_SECONDS = 60.0
_DATABASE_LINE_SECONDS = 5.0

_log: structlog.stdlib.BoundLogger = structlog.get_logger("inventory.service")

# A process without progress for this many intervals hangs. The bounds are for short intervals, because waits for locks
# are long, and for long ones, because a hung process should not live for days.
_MISSED_INTERVALS = 3
_SHORTEST_PATIENCE = timedelta(minutes=5)
_LONGEST_PATIENCE = timedelta(hours=3)


@contextmanager
def starting(
    config_file: Path | None, *, is_verbose: bool
) -> Iterator[tuple[Settings, "SimpleQueue[str]", Callable[[], int | None]]]:
    """Give the settings, the signals as they come ("stop", "reload"), and what tells the number of one that stops.

    Raises:
        ConfigurationError: The settings are wrong.
    """
    events: SimpleQueue[str] = SimpleQueue()
    with (
        interruptible(lambda _: events.put("stop")) as signal_number,
        calling(lambda: events.put("reload"), signal.SIGHUP),
    ):
        settings = load(config_file)
        log.configure(verbose=is_verbose, least=log.EVENTS, secrets=settings.secrets)
        for warning in settings.warnings:
            _log.warning("settings.warning", warning=warning)
        yield settings, events, signal_number


class Following(Silence):
    """A listener that notes the progress of a sync."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane

    def started(self, droplets: int) -> None:
        """Note progress."""
        self._lane.moved(("started", droplets))

    def progressed(self, droplets: int, requests: int, waiting_until: datetime | None) -> None:
        """Note progress if anything changed; waiting for the rate limit counts as progress."""
        self._lane.moved(None if waiting_until else (droplets, requests))


def patience_seconds(longest_gap: timedelta) -> float:
    """Return after how many seconds without progress a process hangs, by the longest time between two due times."""
    patience = max(_MISSED_INTERVALS * longest_gap, _SHORTEST_PATIENCE)
    return min(patience, _LONGEST_PATIENCE).total_seconds()


def wait_for_database(
    settings: Settings,
    use: Callable[[Database], object],
    *,
    interrupted_by: Callable[[], int | None],
    pause: Callable[[float], object],
) -> bool:
    """Open the database and use it; wait a limited time if it is away. Return False if a signal came first.

    One that is locked is waited for without a limit: another process may need minutes to upgrade it. `pause` is called
    with the seconds to wait until the next try.

    Raises:
        DatabaseError: It did not answer in time, or cannot be used.
    """
    until = time.monotonic() + _DATABASE_WAIT_SECONDS
    with suppress(Interrupted), interruptible(interrupt), Starting() as starting:
        while not interrupted_by():
            try:
                with opened(settings) as database:
                    use(database)
                    return True
            except DatabaseLockedError as error:
                _log.warning("database.waiting", error=str(error))
                starting.tell(str(error))
            except DatabaseUnavailableError as error:
                left = until - time.monotonic()
                if left <= 0:
                    raise
                _log.warning("database.waiting", error=str(error), seconds_left=round(left))
                starting.tell(str(error))
            pause(_DATABASE_LINE_SECONDS)
    return False


def reloaded(config_file: Path | None, before: Settings, *, is_verbose: bool) -> Settings | None:
    """Read the settings again; None where they are wrong, which is logged: then the previous ones stay."""
    try:
        settings = load(config_file)
    except ConfigurationError as error:
        _log.error("settings.kept", error=f"kept the previous configuration: {error}")
        return None
    if settings.secrets != before.secrets:
        log.configure(verbose=is_verbose, least=log.EVENTS, secrets=settings.secrets)
    for warning in settings.warnings:
        _log.warning("settings.warning", warning=warning)
    return settings


def hanging(liveness: Liveness) -> dict[str, object]:
    """Say for the log how a process hangs."""
    return {"minutes_without_progress": round(liveness.silent_seconds / 60, 1), "stacks": stacks()}


def give_up() -> NoReturn:
    """End the process because it hangs; its supervisor starts another."""
    os._exit(EXIT_BUG)
