"""Whether the daemon has, or could have, the address that it answers at."""

import os
import socket

import httpx

from inventory.doctor.diagnosis import Check
from inventory.serving.answers import LIVE, NOT_LIVE
from inventory.serving.listening import host_and_port, local_url

_SECONDS = 2.0
_NEEDED_BY_THE_DAEMON = "The daemon alone needs it; it syncs meanwhile, and tries again every 5 s."


def examine_address(address: str, *, is_written: bool) -> Check:
    """Ask the daemon at its address; if it does not answer, see whether it could listen there.

    An address that nobody wrote down in the settings may well belong to another program, where cron starts the syncs.
    """
    if address == "off":
        return Check("http", "OK", "off: the daemon answers nobody")
    if _is_answered(address):
        return Check("http", "OK", f"the daemon answers at {address}")
    host, port = host_and_port(address)
    try:
        with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
            return Check("http", "OK", f"no daemon answers at {address}, and nothing else listens there")
    except OSError as error:
        # Python adds to the system's words which address it was.
        why = os.strerror(error.errno).lower() if error.errno else str(error)
        to_do = f"Set http to an address of this machine that is free. {_NEEDED_BY_THE_DAEMON}"
        return Check("http", "FAIL" if is_written else "WARN", f"cannot listen at {address}: {why}", to_do)


def _is_answered(address: str) -> bool:
    try:
        # Never through a proxy: the daemon is on this machine.
        answer = httpx.get(f"{local_url(address)}/livez", timeout=_SECONDS, trust_env=False)
    except httpx.HTTPError:
        return False
    return answer.text in (LIVE, NOT_LIVE)
