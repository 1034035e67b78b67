"""`inventory worker`: share the syncs of all accounts with any number of other workers on one PostgreSQL database."""

import signal
from contextlib import nullcontext
from pathlib import Path
from queue import SimpleQueue

import structlog

from inventory.process import log
from inventory.process.interruption import calling, ending_in_time, interruptible
from inventory.serving import web
from inventory.settings.load import load
from inventory.store.queue import require_installed

_log: structlog.stdlib.BoundLogger = structlog.get_logger("inventory.worker")


def run(config_file: Path | None, *, listen: str | None, is_verbose: bool) -> int:
    """Sync the accounts that are due until SIGTERM or SIGINT; `listen` overrides the setting `http`.

    Raises:
        InventoryError: It cannot start: the settings, the address or the database are not usable.
    """
    require_installed()
    from inventory.workers.service import Worker  # noqa: PLC0415 - procrastinate is an extra

    events: SimpleQueue[str] = SimpleQueue()
    with (
        interruptible(lambda _: events.put("stop")) as signal_number,
        calling(lambda: events.put("reload"), signal.SIGHUP),
    ):
        settings = load(config_file)
        log.configure(verbose=is_verbose, is_service=True, secrets=settings.secrets)
        for warning in settings.warnings:
            _log.warning("settings.warning", warning=warning)
        worker = Worker(config_file, settings, is_verbose=is_verbose, interrupted_by=signal_number)
        address = listen or settings.http
        serving = nullcontext() if address == "off" else web.serve(address, worker.application(address))
        with ending_in_time(worker.stopped_late), serving:
            return worker.run(events)
