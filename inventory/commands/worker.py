"""`inventory worker`: share the syncs of all accounts with any number of other workers on one PostgreSQL database."""

from contextlib import nullcontext
from pathlib import Path

from inventory.process.interruption import ending_in_time
from inventory.rounds.service import starting
from inventory.serving import web
from inventory.store.queue import require_installed


def run(config_file: Path | None, *, listen: str | None, is_verbose: bool) -> int:
    """Sync the accounts that are due until SIGTERM or SIGINT; `listen` overrides the setting `http`.

    Raises:
        InventoryError: It cannot start: the settings, the address or the database are not usable.
    """
    require_installed()
    from inventory.workers.service import Worker  # noqa: PLC0415 - procrastinate is an extra

    with starting(config_file, is_verbose=is_verbose) as (settings, events, signal_number):
        worker = Worker(config_file, settings, is_verbose=is_verbose, interrupted_by=signal_number)
        address = listen or settings.http
        serving = nullcontext() if address == "off" else web.serve(address, worker.application(address))
        with ending_in_time(worker.stopped_late), serving:
            return worker.run(events)
