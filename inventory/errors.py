"""Every foreseen error, and the exit code it ends a command with.

* InventoryError
  x UsageError                     2   the command line asks for something that does not exist
  x ConfigurationError            78   a setting, file or secret must be mended
  x ApiError                       1   DigitalOcean, or the way to it
    + TransientError                   worth asking again: refused, reset, 408, 425, 5xx
      - RequestTimeoutError            no complete answer within the deadline
      - RateLimitedError               429
    + AuthenticationError         78   401: the token was rejected
    + PermissionDeniedError       78   403: the token lacks a scope
    + NotFoundError                    404
    + ProtocolError                    an answer that does not fit: not JSON, cut off, wrong types
      - HostileAnswerError             an answer refused unread: too large, a redirect, an unknown encoding
    + StoppedError                     the wait or the request was given up because the program is stopping
  x WrongAccountError             78   the token belongs to another account
  x ClockError                    78   this machine's clock cannot be right
  x DatabaseError                  1
    + DatabaseUnavailableError     1   out of reach, full, or failing; later may work
    + DatabaseLockedError         75   locked by another program
    + DatabaseUnusableError       78   missing, damaged, read-only, not ours, or newer than this program
  x SyncRunningError              75   another sync holds the account
  x LeaseLostError                75   another sync took the account over while this one slept
  x InterruptedSyncError     130/143   a signal asked to stop

Each message is one sentence or two for the operator: what happened, to what, what was kept, what to do.
A bug is none of these: it keeps its traceback and ends with 70.
"""

from typing import ClassVar

from inventory.vocabulary import Outcome

EXIT_COMPLETE = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_PARTIAL = 3
EXIT_HELD = 4
EXIT_BUG = 70
EXIT_BUSY = 75
EXIT_MEND = 78
SIGNAL_BASE = 128  # a signal's number is added to it


class InventoryError(Exception):
    """The base of every error that is foreseen."""

    exit_code: ClassVar[int] = EXIT_FAILED


class UsageError(InventoryError):
    """The command line asks for something that does not exist."""

    exit_code = EXIT_USAGE


class ConfigurationError(InventoryError):
    """A setting, file or secret must be mended; the message may hold several lines, one a problem."""

    exit_code = EXIT_MEND


class ApiError(InventoryError):
    """DigitalOcean, or the way to it, did not give a usable answer.

    Attributes:
        outcome: For run records and JSON, the same for every error of a class.
        status: The HTTP status, or None where no answer came.
        request_id: DigitalOcean's id of the request, for its support, or None.
    """

    outcome: ClassVar[Outcome] = Outcome.FAILED

    def __init__(self, message: str, *, status: int | None = None, request_id: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.request_id = request_id


class TransientError(ApiError):
    """Worth asking again.

    Attributes:
        wait_seconds: How long the server asked to wait, clamped to 1..3600, or None where it did not say.
    """

    outcome = Outcome.UNAVAILABLE

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        request_id: str | None = None,
        wait_seconds: float | None = None,
    ) -> None:
        super().__init__(message, status=status, request_id=request_id)
        self.wait_seconds = wait_seconds


class RequestTimeoutError(TransientError):
    """No complete answer came within the deadline."""

    outcome = Outcome.TIMED_OUT


class RateLimitedError(TransientError):
    """429: the whole account waits, not one request."""

    outcome = Outcome.RATE_LIMITED


class AuthenticationError(ApiError):
    """401: the token was rejected; nothing more is asked with it."""

    exit_code = EXIT_MEND
    outcome = Outcome.UNAUTHORIZED


class PermissionDeniedError(ApiError):
    """403: the token lacks a scope."""

    exit_code = EXIT_MEND
    outcome = Outcome.FORBIDDEN


class NotFoundError(ApiError):
    """404: for this token there is no such thing."""

    outcome = Outcome.NOT_FOUND


class ProtocolError(ApiError):
    """The answer does not fit the contract; asking again would not help."""

    outcome = Outcome.MALFORMED


class HostileAnswerError(ProtocolError):
    """The answer was refused unread: too large, a redirect, an encoding never asked for."""

    outcome = Outcome.REFUSED


class StoppedError(ApiError):
    """The request or the wait for it was given up because the program is stopping."""

    outcome = Outcome.STOPPED


class WrongAccountError(InventoryError):
    """The token belongs to another account than the one stored."""

    exit_code = EXIT_MEND


class ClockError(InventoryError):
    """This machine's clock is too far from DigitalOcean's to stamp history with."""

    exit_code = EXIT_MEND


class DatabaseError(InventoryError):
    """The database did not do what was asked."""


class DatabaseUnavailableError(DatabaseError):
    """Out of reach, full, or failing; nothing was changed, later may work."""


class DatabaseLockedError(DatabaseError):
    """Locked by another program for longer than we wait."""

    exit_code = EXIT_BUSY


class DatabaseUnusableError(DatabaseError):
    """Missing, damaged, read-only, not ours, or newer than this program."""

    exit_code = EXIT_MEND


class SyncRunningError(InventoryError):
    """Another sync holds the account."""

    exit_code = EXIT_BUSY


class LeaseLostError(InventoryError):
    """Another sync took the account over while this one was not heard of."""

    exit_code = EXIT_BUSY


class InterruptedSyncError(InventoryError):
    """A signal asked to stop; what was written stays.

    Attributes:
        signal_number: The signal; the exit code is 128 more.
    """

    def __init__(self, message: str, *, signal_number: int) -> None:
        super().__init__(message)
        self.signal_number = signal_number
