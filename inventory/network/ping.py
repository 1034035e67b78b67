"""One ping to a receiver such as healthchecks.io. Source: https://healthchecks.io/docs/http_api/."""

from pathlib import Path

import httpx

from inventory.errors import ConfigurationError, TransientError
from inventory.network.transport import Transport, trusting
from inventory.process.stopping import StopSignal

DEADLINE_SECONDS = 5.0

# The receiver keeps this much of a body.
_MOST_BYTES = 10_000

# healthchecks.io answers 200 "OK (not found)" for a check that it does not know.
_NOT_FOUND = 404
_NOT_FOUND_TEXT = b"not found"
_MOST_BYTES_READ = 200


def send(url: str, text: str, *, ca_file: Path | None, deadline_seconds: float = DEADLINE_SECONDS) -> None:
    """Send one ping.

    Raises:
        ConfigurationError: The receiver knows nothing at the URL, or `ca_file` cannot be used.
        ApiError: No answer came in time, or one that is no success.
    """
    request = httpx.Request(
        "POST",
        url,
        content=text.encode("utf-8", "replace")[:_MOST_BYTES],
        headers={"User-Agent": "droplet-backup-inventory", "Content-Type": "text/plain; charset=utf-8"},
    )
    context = trusting(ca_file) if request.url.scheme == "https" else None
    transport = Transport(timeout_seconds=deadline_seconds, stop=StopSignal(), context=context)
    try:
        answer = transport.handle_request(request)
        try:
            said = next(answer.iter_raw(_MOST_BYTES_READ), b"") if answer.is_success else b""
        finally:
            answer.close()
    finally:
        transport.close()
    if answer.status_code == _NOT_FOUND or _NOT_FOUND_TEXT in said.lower():
        raise ConfigurationError("the receiver knows no check at that URL (not found); correct ping_url")
    if not answer.is_success:
        raise TransientError(f"the receiver answered {answer.status_code}; redirects are not followed")
