"""Which process has a number: told apart from all that ever had it."""

import os
import socket
from pathlib import Path


def process_identity(pid: int) -> str | None:
    """Identify a process among all that ever have its number, by boot, process namespace and start.

    None if there is no such process, or no /proc: the lease then ends by its heartbeat alone.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        # The name of the program, in parentheses, may itself contain blanks and parentheses.
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        namespace = Path("/proc/self/ns/pid").readlink()
        state, started = stat[0], stat[19]
    except (OSError, IndexError):
        return None
    return None if state in "ZX" else f"{boot} {namespace} {started}"


def is_dead(host: str, pid: int, identity: str | None) -> bool:
    """Tell whether the process is certainly gone; that is known only on its host, in the same boot and namespace."""
    mine = process_identity(os.getpid())
    if host != socket.gethostname() or identity is None or mine is None:
        return False
    if identity.rsplit(" ", 1)[0] != mine.rsplit(" ", 1)[0]:
        return False
    found = process_identity(pid)
    if found:
        return found != identity
    # A process that can be read and has no identity is a zombie.
    return os.access(f"/proc/{pid}/stat", os.R_OK) or not _exists(pid)


def _exists(pid: int) -> bool:
    """Tell whether there is such a process, even if /proc hides it from this user (hidepid)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
