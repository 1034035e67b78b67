"""Send one message through Apprise, from a process of its own that is killed when its time is over.

Apprise's time-outs are for each read: a receiver that sends a byte now and then would hold it for ever. And Apprise and
what it uses write the secrets of a URL into their logs. So only an outcome and the HTTP status come back.
"""

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path

from inventory.errors import ConfigurationError

DEADLINE_SECONDS = 15.0


class Outcome(StrEnum):
    """What came of a message; the member's value ends a sentence about the channel."""

    DELIVERED = "was told"
    REFUSED = "did not take the message"
    UNANSWERED = f"did not answer within {DEADLINE_SECONDS:g} s"
    UNREADABLE = "has a URL that Apprise cannot read"
    INSECURE = "has a URL of a kind that is not sent over https or as mailtos"
    PRIVATE = "is at a private address, which allow_private = true would allow"


@dataclass(frozen=True, slots=True)
class Parcel:
    """What to send, and where; `url` is a secret. `html` goes to media that show a page, with the text beside it."""

    url: str
    title: str
    text: str
    allow_private: bool
    html: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What came of it; `status` is None where no answer over HTTP came."""

    outcome: Outcome
    status: int | None = None

    def __str__(self) -> str:
        """Say it after the name of the channel."""
        return f"{self.outcome} (HTTP {self.status})" if self.status else self.outcome


def require_apprise() -> None:
    """Check that messages can be sent.

    Raises:
        ConfigurationError: Apprise is not installed.
    """
    if find_spec("apprise") is None:
        raise ConfigurationError(
            "messages are sent by Apprise, which is not installed: pip install 'droplet-backup-inventory[notify]'"
        )


def send(parcel: Parcel, *, ca_file: Path | None = None, deadline_seconds: float = DEADLINE_SECONDS) -> Receipt:
    """Send it, and wait for the answer no longer than the deadline.

    Args:
        parcel: What to send, and where.
        ca_file: Certificates to trust in place of the public ones.
        deadline_seconds: How long the process may live.
    """
    trusted = {"SSL_CERT_FILE": str(ca_file), "REQUESTS_CA_BUNDLE": str(ca_file)} if ca_file else {}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "inventory.network.delivering"],
            input=json.dumps(asdict(parcel)),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            # Without proxies, a .netrc, or anything else that says where requests go.
            env={"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "HOME": "/nonexistent"}
            | trusted,
            timeout=deadline_seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Receipt(Outcome.UNANSWERED)
    try:
        answer = json.loads(done.stdout)
        return Receipt(Outcome[answer["outcome"]], answer["status"])
    except ValueError:
        return Receipt(Outcome.REFUSED)
