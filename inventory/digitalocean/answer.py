"""What an answer says before its body is decoded: a status as one of our errors, a body within bounds."""

import re
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx

from inventory.errors import (
    ApiError,
    AuthenticationError,
    HostileAnswerError,
    NotFoundError,
    PermissionDeniedError,
    ProtocolError,
    RateLimitedError,
    TransientError,
)

# 200 backups take 60 kB, 200 Droplets 600 kB.
MAXIMUM_BODY_BYTES = 8 * 1024 * 1024

_SHORTEST_WAIT = timedelta(seconds=1)
_LONGEST_WAIT = timedelta(hours=1)
_DEFAULT_WAIT = timedelta(minutes=1)

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,80}")
_NUMBER = re.compile(r"[0-9]{1,12}")
_GZIP = 16 + zlib.MAX_WBITS

_MEANINGS: dict[int, tuple[type[ApiError], str]] = {
    401: (AuthenticationError, "the token was rejected (401): revoked, expired or mistyped"),
    403: (PermissionDeniedError, "the token lacks a scope (403): this needs {scopes}"),
    404: (NotFoundError, "does not exist for this token (404)"),
}
_RATE_LIMITED = 429
_TRANSIENT = {408, 425, *range(500, 600)}
_REDIRECTS = frozenset(range(300, 400)) - {304}


def check_status(answer: httpx.Response, *, host: str, scopes: str, now: datetime, secret: str | None = None) -> None:
    """Return if the status is 200, otherwise raise what it means; the body of an error is not used.

    Args:
        answer: Its body is not touched.
        host: Which host was asked.
        scopes: The scopes that the question needs, in words.
        now: Replaces the answer's date where it has none, to compute how long to wait.
        secret: The token, which a server may send back as the id of a request; None if none was sent.

    Raises:
        ApiError: Every other status.
    """
    status = answer.status_code
    if status == httpx.codes.OK:
        return
    request_id = _request_id(answer.headers, secret)
    if status == _RATE_LIMITED or status in _TRANSIENT:
        kind = RateLimitedError if status == _RATE_LIMITED else TransientError
        of = f" (request id {request_id})" if request_id else ""
        wait = _asked_wait(answer.headers, now, is_rate_limited=status == _RATE_LIMITED)
        raise kind(f"DigitalOcean answered {status}{of}", status=status, request_id=request_id, wait_seconds=wait)
    if status in _REDIRECTS:
        raise HostileAnswerError(
            f"refused a redirect ({status}); the token is only ever sent to {host}",
            status=status,
            request_id=request_id,
        )
    error, text = _MEANINGS.get(status, (ProtocolError, f"DigitalOcean answered {status}, which is not expected"))
    raise error(text.format(scopes=scopes), status=status, request_id=request_id)


def read_json_body(answer: httpx.Response) -> bytes:
    """Return the body, unpacked.

    Raises:
        ProtocolError: Its headers do not say JSON, or it was refused unread.
        TransientError: It is damaged.
    """
    if "json" not in answer.headers.get("content-type", "").lower():
        raise ProtocolError("the answer is not JSON: a proxy or captive portal in between?", status=answer.status_code)
    encoding = answer.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("gzip", "identity"):
        raise HostileAnswerError("refused content encoding: only gzip was asked for", status=answer.status_code)
    assert isinstance(answer.stream, httpx.SyncByteStream)
    chunks = iter(answer.stream)
    return _bounded(_unpacked(chunks) if encoding == "gzip" else chunks)


def date_of(headers: httpx.Headers) -> datetime | None:
    """Return when the answer was made, by the server's clock; None where it does not say."""
    return _parsed_date(headers.get("date", ""))


def _bounded(chunks: Iterator[bytes]) -> bytes:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > MAXIMUM_BODY_BYTES:
            raise HostileAnswerError(f"the answer is larger than {MAXIMUM_BODY_BYTES >> 20} MiB; refused")
    return bytes(body)


def _unpacked(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Unpack gzip; a single chunk gives at most one byte more than a body may have, whatever it was packed from."""
    packed = zlib.decompressobj(_GZIP)
    try:
        for chunk in chunks:
            yield packed.decompress(chunk, MAXIMUM_BODY_BYTES + 1)
    except zlib.error:
        raise TransientError("the compressed answer is damaged") from None
    if not packed.eof or packed.unused_data:
        raise TransientError("the compressed answer is damaged")


def _request_id(headers: httpx.Headers, secret: str | None) -> str | None:
    written = headers.get("x-request-id", "")
    is_secret = secret is not None and secret in written
    return written if _REQUEST_ID.fullmatch(written) and not is_secret else None


def _asked_wait(headers: httpx.Headers, now: datetime, *, is_rate_limited: bool) -> float | None:
    """Return how many seconds the server asks us to wait; None where it does not.

    Moments are compared with the server's own clock. `retry-after` comes before `ratelimit-reset`, which was seen to
    lie in the past.
    """
    now = date_of(headers) or now
    after = headers.get("retry-after", "").strip()
    moment = _parsed_date(after)
    if _NUMBER.fullmatch(after):
        wait = timedelta(seconds=int(after))
    elif moment is not None:
        wait = moment - now
    elif not is_rate_limited:
        return None
    else:
        wait = _until_reset(headers.get("ratelimit-reset", ""), now)
    return min(max(wait, _SHORTEST_WAIT), _LONGEST_WAIT).total_seconds()


def _until_reset(written: str, now: datetime) -> timedelta:
    if _NUMBER.fullmatch(written):
        wait = timedelta(seconds=int(written) - now.timestamp())
        if wait > timedelta(0):
            return wait
    return _DEFAULT_WAIT


def _parsed_date(written: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(written)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return moment.astimezone(UTC) if moment.tzinfo else None
