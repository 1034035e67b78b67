"""`inventory pages`: look at what is stored in a browser, without a daemon."""

import os
import socket
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

from inventory.errors import EXIT_COMPLETE, UsageError
from inventory.pages.routes import routes
from inventory.pages.site import Site
from inventory.process import log
from inventory.process.interruption import interruptible
from inventory.report.overview import Judging
from inventory.serving import web
from inventory.serving.listening import PAGES_ADDRESS, names
from inventory.serving.taking import taking
from inventory.settings.load import load
from inventory.store import opening
from inventory.terminal.console import complain, print_line

_LOOK_SECONDS = 0.2

# Where processors are scarce, whoever syncs gets about nine times as much of them.
_NICE = 10


def run(config_file: Path | None, *, listen: str | None, connections: int | None) -> int:
    """Serve the pages of the database until SIGTERM or SIGINT; nothing is written, and no token is read.

    With the number of a descriptor, answer the `connections` that the daemon hands over there, and end with it.

    Raises:
        UsageError: Pages cannot be served at `off`.
        InventoryError: The settings, the address or the database are not usable.
    """
    address = listen or PAGES_ADDRESS
    if address == "off":
        raise UsageError("pages need an address: write --http ADDRESS:PORT")
    settings = load(config_file, needs_token=False)
    least = log.PROBLEMS if connections is None else log.EVENTS
    log.configure(verbose=False, least=least, secrets=settings.secrets)
    judging = Judging(settings.rules, settings.exemptions, settings.judged_accounts, settings.groups)
    database = partial(opening.to_read, settings.database_url.get_secret_value(), settings.database_source)
    site = routes(Site(database, lambda: judging))
    if connections is not None:
        hosts = (*names(address), socket.gethostname().lower(), *settings.http_hosts)
        return _answer_for_the_daemon(connections, web.guarded(site, hosts))
    with database() as opened:
        shown = opened.shown
    with (
        interruptible(lambda _: None) as signal_number,
        web.serve(address, web.guarded(site, (*names(address), *settings.http_hosts))) as serving,
    ):
        print_line(f"{shown}, in a browser: {serving.url or f'http://{address}'}/ (Ctrl+C ends it)")
        sys.stdout.flush()
        if serving.url is None:
            complain(f"{address} is in use, or not there yet; it is tried again every 5 s")
        while not signal_number():
            time.sleep(_LOOK_SECONDS)
    return EXIT_COMPLETE


def _answer_for_the_daemon(connections: int, pages: web.Application) -> int:
    with interruptible(lambda _: None) as signal_number:
        try:
            thread = taking(connections, pages)
        except OSError as error:
            raise UsageError(f"--connections {connections} is no socket: only the daemon gives one") from error
        with suppress(OSError):  # where a sandbox forbids it, it answers at the usual priority
            os.nice(_NICE)
        while thread.is_alive() and not signal_number():
            thread.join(_LOOK_SECONDS)
    return EXIT_COMPLETE
