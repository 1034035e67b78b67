"""Questions to DigitalOcean's API: authentication, retries, the rate limit; knows nothing of backups.

    get | pace (our turn?) | transport (deadline) | answer (status, body) | retries, where another try may succeed

The token goes to one origin and nowhere else (R9). There is no httpx.Client between us and the transport: it would
bring redirects, cookies, proxies and log lines, each to be switched off again.
"""

import re
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
import tenacity

from inventory.digitalocean.answer import check_status, date_of, read_json_body
from inventory.digitalocean.pace import Pace
from inventory.errors import (
    ApiError,
    AuthenticationError,
    RateLimitedError,
    StoppedError,
    TransientError,
)
from inventory.network.access import DIGITALOCEAN, Origin, Token
from inventory.network.transport import Transport, trusting
from inventory.process.clock import utc_now
from inventory.process.stopping import StopSignal

_TRIES = 5
_COUNT = re.compile(r"[0-9]{1,9}")
_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip",
    "User-Agent": "droplet-backup-inventory",
}


class Client:
    """Everything that is asked with one token; a context manager that several threads may share.

    Attributes:
        requests: Sent so far, retries included.
        answers: Those that were answered with 200 and JSON: the proof that the token reads something.
        rate_limit_remaining: Requests left this hour as last announced; None where it never was.
        clock_skew: By how much `clock` is ahead of the last answer's date; None before the first.
    """

    def __init__(
        self,
        token: Token | None,
        *,
        origin: Origin = DIGITALOCEAN,
        requests_per_second: float = 4.0,
        timeout_seconds: float = 30.0,
        ca_file: Path | None = None,
        clock: Callable[[], datetime] = utc_now,
        retry_wait_seconds: float = 1.0,
        transport: httpx.BaseTransport | None = None,
        pace: Pace | None = None,
        stop: StopSignal | None = None,
    ) -> None:
        """Check the settings; nothing is sent yet.

        Args:
            token: None asks without one.
            origin: Where the API is; nothing else is asked.
            requests_per_second: 0 for no limit of ours.
            timeout_seconds: The most one request may take from its first byte to the last of its answer.
            ca_file: Certificate authorities, in PEM form, to trust in place of the public ones.
            clock: This machine's.
            retry_wait_seconds: The longest wait before the first of four retries; it doubles with each further one.
            transport: Replaces the network.
            pace: Replaces the one of `requests_per_second`: of all that use the token, or of a simulated clock.
            stop: Replaces what `stop()` sets and waits end with, for a simulated clock.

        Raises:
            ConfigurationError: The file cannot be used.
        """
        self._token = token
        self._origin = httpx.URL(origin)
        self._clock = clock
        self._stop = stop or StopSignal()
        self._pace = pace or Pace(requests_per_second, clock=clock)
        self._transport = transport or self._network(timeout_seconds, ca_file)
        self._retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(TransientError),
            stop=tenacity.stop_after_attempt(_TRIES),
            wait=_Backoff(multiplier=retry_wait_seconds),
            sleep=self._sleep,
            retry_error_callback=self._give_up,
        )
        self._lock = threading.Lock()
        self._rejection: AuthenticationError | None = None
        self.requests = 0
        self.answers = 0
        self.rate_limit_remaining: int | None = None
        self.clock_skew: timedelta | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def get(
        self, path: str, params: Mapping[str, str | int] = {}, *, scopes: str = "droplet:read and image:read"
    ) -> bytes:
        """Return the JSON that answers `GET path`, after as many tries as that takes.

        A full rate limit is waited for, however long that takes; only `stop()` ends it.

        Args:
            path: Begins with a slash; never taken from an answer.
            params: The query.
            scopes: The scopes that the question needs; the error for a token that lacks one names them.

        Raises:
            ApiError: There is no usable answer.
            StoppedError: `stop()` was called.
        """
        return self._retrying(self._ask, path, params, scopes)

    def stop(self) -> None:
        """Give up every request and every wait, for good; may be called from any thread and from a signal handler."""
        self._stop.set()
        if isinstance(self._transport, Transport):
            self._transport.shut_down()

    def close(self) -> None:
        """Close the connections; nothing may be under way."""
        self._transport.close()

    @property
    def waiting_until(self) -> datetime | None:
        """The end of the wait for the rate limit, by `clock`; None while there is none."""
        return self._pace.waiting_until

    def _network(self, timeout_seconds: float, ca_file: Path | None) -> Transport:
        context = trusting(ca_file) if self._origin.scheme == "https" else None
        return Transport(timeout_seconds=timeout_seconds, stop=self._stop, context=context)

    def _ask(self, path: str, params: Mapping[str, str | int], scopes: str) -> bytes:
        while True:
            self._pace.wait_for_turn(self._stop)
            self._refuse_if_rejected()
            try:
                return self._send(path, params, scopes)
            except RateLimitedError as error:
                # Not counted as a try: it says nothing about this question, and concerns all threads.
                self._pace.pause(error.wait_seconds or 0.0)
            except AuthenticationError as error:
                self._rejection = error
                raise
            except ApiError:
                self._refuse_if_stopped()
                raise

    def _send(self, path: str, params: Mapping[str, str | int], scopes: str) -> bytes:
        request = httpx.Request(
            "GET",
            self._origin.copy_with(
                raw_path=f"{path}?{httpx.QueryParams(params)}".encode() if params else path.encode()
            ),
            headers=_HEADERS | ({"Authorization": f"Bearer {self._token.get_secret_value()}"} if self._token else {}),
        )
        with self._lock:
            self.requests += 1
        answer = self._transport.handle_request(request)
        try:
            self._learn(answer.headers)
            secret = self._token.get_secret_value() if self._token else None
            check_status(answer, host=self._origin.host, scopes=scopes, now=self._clock(), secret=secret)
            body = read_json_body(answer)
        finally:
            answer.close()
        # A connection that stop() cut looks like the end of an answer that does not say its length.
        self._refuse_if_stopped()
        with self._lock:
            self.answers += 1
        return body

    def _learn(self, headers: httpx.Headers) -> None:
        """Note what every answer says beside what was asked."""
        if date := date_of(headers):
            self.clock_skew = self._clock() - date
        limit, remaining = headers.get("ratelimit-limit", ""), headers.get("ratelimit-remaining", "")
        if _COUNT.fullmatch(limit) and _COUNT.fullmatch(remaining):
            self.rate_limit_remaining = int(remaining)
            self._pace.announce(limit=int(limit), remaining=int(remaining))

    def _refuse_if_rejected(self) -> None:
        if self._rejection:
            raise AuthenticationError(
                str(self._rejection), status=self._rejection.status, request_id=self._rejection.request_id
            )

    def _refuse_if_stopped(self) -> None:
        if self._stop.is_set():
            raise StoppedError("given up, because the program is stopping") from None

    def _sleep(self, seconds: float) -> None:
        self._stop.wait(seconds)
        self._refuse_if_stopped()

    def _give_up(self, state: tenacity.RetryCallState) -> bytes:
        """Raise the last try's error, saying how many there were."""
        error = _error_of(state)
        raise type(error)(
            f"{error}, {state.attempt_number} tries",
            status=error.status,
            request_id=error.request_id,
            wait_seconds=error.wait_seconds,
        ) from None


class _Backoff(tenacity.wait_random_exponential):
    """Full jitter, but no less than the server asked for."""

    def __call__(self, retry_state: tenacity.RetryCallState) -> float:
        return max(super().__call__(retry_state), _error_of(retry_state).wait_seconds or 0.0)


def _error_of(state: tenacity.RetryCallState) -> TransientError:
    assert state.outcome is not None
    error = state.outcome.exception()
    assert isinstance(error, TransientError)
    return error
