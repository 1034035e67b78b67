"""Connections with one deadline for the whole of a request, that can all be shut down at once.

httpx and httpcore have time-outs for each read, none for the whole: a server that sends a byte now and then would hold
a request for ever. So the sockets are ours: each of their waits gets what is left of the request's deadline.
"""

import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path

import httpcore
import httpx

from inventory.errors import ConfigurationError, HostileAnswerError, RequestTimeoutError, TransientError
from inventory.process.stopping import StopSignal

# DigitalOcean's edge keeps idle connections longer; a connection it has closed costs one retry.
_KEEPALIVE_SECONDS = 20.0

_TOO_LONG = 431


class _Deadline:
    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends_at = time.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds left, more than zero."""
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise self.missed()
        return left

    def missed(self) -> RequestTimeoutError:
        return RequestTimeoutError(f"no complete answer within {self._seconds:g} s")


# Of the request that this thread has under way; connections outlive requests and change threads.
_deadline: ContextVar[_Deadline] = ContextVar("_deadline")


class Transport(httpx.BaseTransport):
    """HTTP/1.1 over a pool of connections.

    Requests raise the errors of `inventory.errors`; none of them holds a word that was sent or received.
    """

    def __init__(self, *, timeout_seconds: float, stop: StopSignal, context: ssl.SSLContext | None) -> None:
        """Prepare the pool; `context` is None where no request uses TLS."""
        self._timeout_seconds = timeout_seconds
        self._backend = _Backend(stop)
        self._context = context
        self._own = threading.local()
        self._pools: list[httpcore.ConnectionPool] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; its answer's body must be read, or closed, in the same thread."""
        _deadline.set(_Deadline(self._timeout_seconds))
        url = request.url
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        try:
            answer = self._pool().handle_request(
                httpcore.Request(request.method, target, headers=request.headers.raw, content=request.stream)
            )
        except httpcore.RemoteProtocolError as error:
            raise _unreadable_head(error) from None
        except httpcore.NetworkError:
            raise TransientError("the connection broke: no answer came") from None
        stream = answer.extensions["network_stream"]
        if stream.is_answer_due:
            # It was read with the answer before. https://www.rfc-editor.org/rfc/rfc9112#section-6.3
            answer.close()
            stream.close()
            raise TransientError("the server sent more than it was asked for: that connection was dropped")
        headers = httpx.Headers(answer.headers)
        return httpx.Response(answer.status, headers=headers, stream=_Body(answer, headers.get("content-length", "")))

    def shut_down(self) -> None:
        """End every wait for a socket at once, from any thread."""
        self._backend.shut_down()

    def close(self) -> None:
        """Close the connections that are idle."""
        for pool in self._pools:
            pool.close()

    def _pool(self) -> httpcore.ConnectionPool:
        """Return this thread's own pool: one for all threads would look at all connections twice for each request."""
        if not hasattr(self._own, "pool"):
            self._own.pool = httpcore.ConnectionPool(
                ssl_context=self._context, keepalive_expiry=_KEEPALIVE_SECONDS, network_backend=self._backend
            )
            self._pools.append(self._own.pool)
        pool: httpcore.ConnectionPool = self._own.pool
        return pool


def _unreadable_head(error: httpcore.RemoteProtocolError) -> TransientError | HostileAnswerError:
    """Name what came instead of an answer, without h11's own words, which may quote it."""
    if getattr(error.args[0], "error_status_hint", None) == _TOO_LONG:
        return HostileAnswerError("malformed answer: its headers are too large; refused")
    if str(error).startswith("Server disconnected"):
        return TransientError("the connection broke: no answer came")
    return TransientError("malformed answer")


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response, announced_bytes: str) -> None:
        self._answer = answer
        self._announced_bytes = announced_bytes

    def __iter__(self) -> Iterator[bytes]:
        received = 0
        try:
            for chunk in self._answer.iter_stream():
                received += len(chunk)
                yield chunk
        except (httpcore.NetworkError, httpcore.ProtocolError):
            of = f" of {self._announced_bytes}" if self._announced_bytes.isdecimal() else ""
            raise TransientError(f"the connection broke: got {received}{of} bytes") from None

    def close(self) -> None:
        self._answer.close()


class _Backend(httpcore.NetworkBackend):
    """Connects, and keeps a second handle on every open socket, through which `shut_down()` reaches it.

    The first handle changes hands while TLS begins, and belongs to the thread that reads.
    """

    def __init__(self, stop: StopSignal) -> None:
        self._stop = stop
        # Only single, atomic operations touch it: a lock could deadlock in a signal handler.
        self._handles: set[socket.socket] = set()

    def shut_down(self) -> None:
        for handle in tuple(self._handles):
            with suppress(OSError):
                handle.shutdown(socket.SHUT_RDWR)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the deadline of the whole request rules
        local_address: str | None = None,  # noqa: ARG002 - never asked for
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002 - as above
    ) -> httpcore.NetworkStream:
        deadline = _deadline.get()
        try:
            addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise TransientError(f"cannot resolve {host} (is this machine online?)") from None
        failure: OSError = ConnectionError("no address")
        for tried, (family, _, _, _, address) in enumerate(addresses):
            try:
                # An address that never answers leaves time for the others.
                return self._connect(host, family, address, deadline.left() / (len(addresses) - tried))
            except OSError as error:
                failure = error
        if isinstance(failure, TimeoutError):
            raise deadline.missed()
        why = (failure.strerror or str(failure)).lower()
        raise TransientError(f"cannot reach {host} ({why})")

    def _connect(self, host: str, family: int, address: object, seconds: float) -> "_Stream":
        connection = socket.socket(family, socket.SOCK_STREAM)
        handle = connection.dup()
        stream = _Stream(connection, host, lambda: self._forget(handle))
        self._handles.add(handle)
        try:
            if self._stop.is_set():
                raise ConnectionAbortedError("stopping")
            connection.settimeout(seconds)
            connection.connect(address)  # type: ignore[arg-type]  # as getaddrinfo() gave it
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            stream.close()
            raise
        return stream

    def _forget(self, handle: socket.socket) -> None:
        self._handles.discard(handle)
        handle.close()


class _Stream(httpcore.NetworkStream):
    """A connected socket; its methods ignore `timeout`, because the deadline of the whole request rules.

    Attributes:
        is_answer_due: Whether nothing was read since a request was sent.
    """

    def __init__(self, connection: socket.socket, host: str, forget: Callable[[], None]) -> None:
        self._socket = connection
        self._host = host
        self._forget = forget
        self.is_answer_due = False

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - see the class
        deadline = _deadline.get()
        try:
            self._socket.settimeout(deadline.left())
            data = self._socket.recv(max_bytes)
        except TimeoutError:
            raise deadline.missed() from None
        except OSError:
            raise httpcore.ReadError from None
        if self.is_answer_due and not _is_http(data):
            # h11 would wait for more of it.
            raise TransientError("malformed answer: that is not an HTTP server")
        self.is_answer_due = False
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 - see the class
        if not buffer:  # httpcore's way to end a request that has no body; threads would take turns for each
            return
        deadline = _deadline.get()
        try:
            self._socket.settimeout(deadline.left())
            self._socket.sendall(buffer)
            self.is_answer_due = True
        except TimeoutError:
            raise deadline.missed() from None
        except OSError:
            raise httpcore.WriteError from None

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002 - see the class
    ) -> httpcore.NetworkStream:
        deadline = _deadline.get()
        try:
            self._socket.settimeout(deadline.left())
            secured = ssl_context.wrap_socket(self._socket, server_hostname=server_hostname)
        except OSError as error:
            self.close()
            raise _failed_handshake(error, self._host, deadline) from None
        return _Stream(secured, self._host, self._forget)

    def close(self) -> None:
        self._forget()
        self._socket.close()

    def get_extra_info(self, info: str) -> object:
        return self._is_readable() if info == "is_readable" else None

    def _is_readable(self) -> bool:
        """Tell whether an idle connection has anything to read, which is its end."""
        if self._socket.fileno() < 0:
            return True
        if isinstance(self._socket, ssl.SSLSocket) and self._socket.pending():
            return True
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(0))


def _is_http(beginning: bytes) -> bool:
    return beginning[:5] == b"HTTP/"[: len(beginning)]


def _failed_handshake(
    error: OSError, host: str, deadline: _Deadline
) -> TransientError | HostileAnswerError | RequestTimeoutError:
    if isinstance(error, TimeoutError):
        return deadline.missed()
    if isinstance(error, ssl.SSLCertVerificationError):
        why = error.verify_message.rstrip(".")
        return HostileAnswerError(
            f"{host} presented a certificate that is not trusted ({why}). Behind an inspecting proxy? Set ca_file."
        )
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
        why = (error.reason or "no reason given").lower().replace("_", " ")
        return TransientError(f"cannot speak TLS with {host} ({why})")
    return TransientError("the connection broke: no answer came")


def trusting(ca_file: Path | None) -> ssl.SSLContext:
    """Return a context that trusts the authorities of `ca_file`; None: those that come with httpx.

    SSL_CERT_FILE and SSL_CERT_DIR of the environment are ignored, and nothing switches verification off (R9). All share
    one context while the file is the same: it takes 13 ms and 0.7 MB.

    Raises:
        ConfigurationError: `ca_file` cannot be read, or holds no certificate.
    """
    try:
        found = ca_file.stat() if ca_file else None
    except OSError:
        found = None
    return _context(ca_file, (found.st_ino, found.st_size, found.st_mtime_ns) if found else None)


@lru_cache(maxsize=1)
def _context(ca_file: Path | None, _version: tuple[int, ...] | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca_file) if ca_file else httpx.create_ssl_context(trust_env=False)
    except ssl.SSLError:
        raise ConfigurationError(f"ca_file {ca_file} holds no certificate in PEM form") from None
    except OSError as error:
        raise ConfigurationError(f"ca_file {ca_file} cannot be read ({(error.strerror or '').lower()})") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
