"""`inventory daemon`: sync on schedule, and answer health and metrics over HTTP."""

from contextlib import nullcontext
from pathlib import Path

from inventory.daemon.service import Daemon
from inventory.process.interruption import ending_in_time
from inventory.rounds.service import starting


def run(config_file: Path | None, *, listen: str | None, is_verbose: bool) -> int:
    """Sync on schedule until SIGTERM or SIGINT; `listen` overrides the setting `http`.

    Raises:
        InventoryError: It cannot start: the settings, the address or the database are not usable.
    """
    with starting(config_file, is_verbose=is_verbose) as (settings, events, signal_number):
        daemon = Daemon(config_file, settings, is_verbose=is_verbose, interrupted_by=signal_number)
        address = listen or settings.http
        serving = nullcontext() if address == "off" else daemon.serving(address)
        with ending_in_time(daemon.stopped_late), serving:
            return daemon.run(events)
