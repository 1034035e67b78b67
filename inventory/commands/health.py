"""`inventory health`: ask the daemon on this machine whether it is healthy."""

from pathlib import Path

import httpx

from inventory.errors import EXIT_COMPLETE, EXIT_FAILED, UsageError
from inventory.serving.listening import local_url
from inventory.settings.load import load
from inventory.terminal.console import complain, print_prose
from inventory.terminal.display import shown

_SECONDS = 5.0


def run(config_file: Path | None, *, listen: str | None) -> int:
    """Print what is wrong and return 1, or return 0 if nothing is; `listen` overrides the setting `http`.

    Raises:
        UsageError: The daemon has no HTTP address.
        ConfigurationError: The settings are wrong.
    """
    address = listen or load(config_file, needs_token=False).http
    if address == "off":
        raise UsageError("the setting http is off, so the daemon cannot be asked")
    url = f"{local_url(address)}/readyz"
    try:
        # Never through a proxy: the daemon is on this machine.
        answer = httpx.get(url, timeout=_SECONDS, trust_env=False)
    except httpx.HTTPError as error:
        complain(f"no answer from {url} ({type(error).__name__}): is the daemon running?")
        return EXIT_FAILED
    if answer.is_success:
        print_prose("the daemon is healthy")
        return EXIT_COMPLETE
    for line in answer.text.splitlines():
        complain(shown(line))
    return EXIT_FAILED
