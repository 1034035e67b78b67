"""`inventory daemon`: sync on schedule, and answer health and metrics over HTTP."""

import signal
from contextlib import nullcontext
from pathlib import Path
from queue import SimpleQueue

import structlog

from inventory.daemon.service import Daemon
from inventory.process import log
from inventory.process.interruption import calling, ending_in_time, interruptible
from inventory.settings.load import load

_log: structlog.stdlib.BoundLogger = structlog.get_logger("inventory.daemon")


def run(config_file: Path | None, *, listen: str | None, is_verbose: bool) -> int:
    """Sync on schedule until SIGTERM or SIGINT; `listen` overrides the setting `http`.

    Raises:
        InventoryError: It cannot start: the settings, the address or the database are not usable.
    """
    events: SimpleQueue[str] = SimpleQueue()
    with (
        interruptible(lambda _: events.put("stop")) as signal_number,
        calling(lambda: events.put("reload"), signal.SIGHUP),
    ):
        settings = load(config_file)
        log.configure(verbose=is_verbose, is_service=True, secrets=settings.secrets)
        for warning in settings.warnings:
            _log.warning("settings.warning", warning=warning)
        daemon = Daemon(config_file, settings, is_verbose=is_verbose, interrupted_by=signal_number)
        address = listen or settings.http
        serving = nullcontext() if address == "off" else daemon.serving(address)
        with ending_in_time(daemon.stopped_late), serving:
            return daemon.run(events)
