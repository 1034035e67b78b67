"""`inventory simulator`: a simulated account to try everything with, in real time."""

import os
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta

from inventory.errors import EXIT_COMPLETE, ConfigurationError, UsageError
from inventory.network.access import Token
from inventory.process.clock import utc_now
from inventory.process.interruption import interruptible
from inventory.simulator.api import DEFAULT_TOKEN, SimulatedApi
from inventory.simulator.fleet import Fleet, OldestGoes
from inventory.simulator.limits import documented_limits
from inventory.simulator.server import serve
from inventory.simulator.story import seeded_fleet
from inventory.terminal.console import print_prose
from inventory.terminal.words import count

_LOOK_FOR_SIGNAL_SECONDS = 0.2


def run(*, port: int, droplets: int, days: int, token: str | None, seed: int, oldest_goes: OldestGoes) -> int:
    """Serve a fleet with so many days of history, until Ctrl-C or SIGTERM.

    Raises:
        ConfigurationError: The port is taken.
        UsageError: No program could send the token.
    """
    accepted = _readable(token) if token is not None else DEFAULT_TOKEN
    started_at = utc_now() - timedelta(days=days)
    fleet = seeded_fleet(seed=seed, droplets=droplets, starts_at=started_at, days=days, oldest_goes=oldest_goes)
    api = SimulatedApi(fleet, token=accepted, limits=documented_limits, follow=utc_now)
    with interruptible(lambda _: None) as signal_number, _served(api, port) as url:
        _introduce(fleet, url, api.token)
        while signal_number() is None:
            time.sleep(_LOOK_FOR_SIGNAL_SECONDS)
    return EXIT_COMPLETE


def _readable(token: str) -> str:
    try:
        return Token(token).get_secret_value()
    except ValueError as error:
        raise UsageError(f"--token: {error}") from error


@contextmanager
def _served(api: SimulatedApi, port: int) -> Iterator[str]:
    with ExitStack() as stack:
        try:
            url = stack.enter_context(serve(api, port=port))
        except OSError as error:
            raise ConfigurationError(
                f"cannot listen on port {port} of 127.0.0.1 ({os.strerror(error.errno or 0).lower()}). Choose another; "
                "--port 0 takes a free one."
            ) from error
        yield url


def _introduce(fleet: Fleet, url: str, token: str) -> None:
    """Print the address of the account, and how to sync it."""
    backups = sum(len(fleet.backups_of(number)) for number in fleet.droplets)
    print_prose(f"A simulated account: {count(len(fleet.droplets), 'Droplet')} with {count(backups, 'backup')}.")
    print_prose("It runs in real time, with DigitalOcean's rate limits, until Ctrl-C.")
    print_prose("In another terminal:")
    # Not print_prose: a folded command cannot be copied.
    sys.stdout.write(
        f"\n  export INVENTORY_API_URL={url}\n"
        f"  export INVENTORY_TOKEN={shlex.quote(token)}\n"
        f"  export INVENTORY_DATABASE_URL=simulated.db\n"
        f"  {shlex.quote(sys.argv[0])} sync\n"
    )
    sys.stdout.flush()
