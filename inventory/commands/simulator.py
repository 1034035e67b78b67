"""`inventory simulator`: a simulated account to try everything with, in real time."""

import shlex
import sys
import time
from datetime import timedelta

from inventory.digitalocean.client import utc_now
from inventory.errors import EXIT_COMPLETE, ConfigurationError
from inventory.interruption import interruptible
from inventory.report.console import print_line
from inventory.report.words import count
from inventory.simulator.api import DEFAULT_TOKEN, SimulatedApi, documented_limits
from inventory.simulator.fleet import Fleet, OldestGoes

try:
    from inventory.simulator.server import serve
except ModuleNotFoundError as error:
    raise ConfigurationError(
        f"the simulated account needs {error.name}: pip install 'droplet-backup-inventory[demo]'"
    ) from error

_LOOK_FOR_SIGNAL_SECONDS = 0.2


def run(*, port: int, droplets: int, days: int, token: str | None, seed: int, oldest_goes: OldestGoes) -> int:
    """Serve a fleet that has lived for so many days, until Ctrl-C or SIGTERM.

    Raises:
        ConfigurationError: The port is taken.
    """
    started_at = utc_now() - timedelta(days=days)
    fleet = Fleet.seeded(seed=seed, droplets=droplets, starts_at=started_at, days=days, oldest_goes=oldest_goes)
    api = SimulatedApi(fleet, token=token or DEFAULT_TOKEN, limits=documented_limits, follow=utc_now)
    try:
        with serve(api, port=port) as url, interruptible(lambda: None) as signal_number:
            _introduce(fleet, url, api.token)
            while signal_number() is None:
                time.sleep(_LOOK_FOR_SIGNAL_SECONDS)
    except OSError as error:
        raise ConfigurationError(
            f"port {port} of 127.0.0.1 cannot be had ({(error.strerror or '').lower()}). Name another; "
            "--port 0 takes a free one."
        ) from error
    return EXIT_COMPLETE


def _introduce(fleet: Fleet, url: str, token: str) -> None:
    """Say where the account is and how to sync it."""
    backups = sum(len(fleet.backups_of(number)) for number in fleet.droplets)
    print_line(f"A simulated account: {count(len(fleet.droplets), 'Droplet')}, {count(backups, 'backup')}.")
    print_line("It lives in real time under DigitalOcean's rate limits, until Ctrl-C. In another shell:")
    print_line("")
    # Not print_line: a command that is folded cannot be copied.
    program = shlex.quote(sys.argv[0])
    sys.stdout.write(
        f"  export INVENTORY_API_URL={url}\n  export INVENTORY_TOKEN={shlex.quote(token)}\n  {program} sync\n"
    )
    sys.stdout.flush()
