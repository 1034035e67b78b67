"""Every foreseen error, and the exit code that a command ends with.

* InventoryError
  x UsageError                     2   the command line asks for something that does not exist
  x ConfigurationError            78   a setting, file or secret must be fixed
  x OutputError                    1   a file that a command writes: the disk is full or failing
  x ApiError                       1   DigitalOcean, or the network in between, failed
    + TransientError                   worth another try: refused, reset, 408, 425, 5xx
      - RequestTimeoutError            no complete answer within the deadline
      - RateLimitedError               429
    + AuthenticationError         78   401: the token was rejected
    + PermissionDeniedError       78   403: the token lacks a scope
    + NotFoundError                    404
    + ProtocolError                    the answer breaks the contract: not JSON, cut off, wrong types
      - HostileAnswerError             the answer was refused unread: too large, a redirect, an unknown encoding
    + StoppedError                     the request, or the wait before it, was abandoned: the program is stopping
  x WrongAccountError             78   the token belongs to another account
  x ClockError                    78   this machine's clock cannot be right
  x DatabaseError                  1
    + DatabaseUnavailableError     1   out of reach, full, or failing; it may work later
    + DatabaseLockedError         75   locked by another program
      - DatabaseConflictError          gave a transaction up in favour of another: worth another try
    + DatabaseUnusableError       78   missing, damaged, read-only, not ours, or newer than this program
  x SyncRunningError              75   another sync holds the account
  x LeaseLostError                75   another sync took over the account while this one was silent
  x InterruptedSyncError     130/143   a signal asked to stop

Each is told to the operator in a sentence or two: what happened, to what; what was kept; what to do.
A bug is none of these: it keeps its traceback and ends the command with 70.
"""

from enum import StrEnum
from typing import ClassVar

from inventory.vocabulary import Outcome

EXIT_COMPLETE = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_PARTIAL = 3
EXIT_HELD = 4
EXIT_BUG = 70
EXIT_BUSY = 75
EXIT_NEEDS_CHANGE = 78  # a person must change something first
SIGNAL_BASE = 128  # a signal's number is added to it


class Kept(StrEnum):
    """What an error left of the work that it ended."""

    NOTHING_DONE = "Nothing was done"
    NOTHING_CHANGED = "Nothing was changed"
    NOTHING_DELETED = "Nothing was deleted"
    NOTHING_LEFT = "Nothing was left there"
    NOTHING_MORE = "Nothing more was changed"  # what was written before stays
    WRITTEN_STAYS = "What was written stays"
    CUT_SHORT = "It may be incomplete now"
    UNKNOWN = "Whether the last write was kept is not known"


class InventoryError(Exception):
    """The base of every foreseen error.

    Attributes:
        what: What happened, to what.
        kept: None where `what` says it, or where it goes without saying.
        to_do: What to do, in words that may follow a semicolon, with a full stop unless a command ends them; None where
            there is nothing.
    """

    exit_code: ClassVar[int] = EXIT_FAILED

    def __init__(self, what: str, *, kept: Kept | None = None, to_do: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.kept = kept
        self.to_do = to_do

    def comes_after_writes(self) -> None:
        """Take into account that earlier transactions of the same work were written, and stay."""
        if self.kept == Kept.NOTHING_CHANGED:
            self.kept = Kept.NOTHING_MORE

    def __str__(self) -> str:
        """Tell it in sentences."""
        rest = "; ".join(part for part in (self.kept, self.to_do) if part)
        end = "" if self.to_do else "."
        return f"{self.what}. {rest[0].upper()}{rest[1:]}{end}" if rest else self.what


class UsageError(InventoryError):
    """The command line asks for something that does not exist."""

    exit_code = EXIT_USAGE


class ConfigurationError(InventoryError):
    """A setting, file or secret must be fixed; the message may have several lines, one for each problem."""

    exit_code = EXIT_NEEDS_CHANGE


class OutputError(InventoryError):
    """A file that a command writes could not be finished: the disk is full or failing, later may work."""


class ApiError(InventoryError):
    """DigitalOcean, or the network in between, gave no usable answer.

    Attributes:
        outcome: For run records and JSON, the same for every error of a class.
        status: The HTTP status; None if no answer came.
        request_id: DigitalOcean's id of the request, which its support asks for; None if no answer named one.
    """

    outcome: ClassVar[Outcome] = Outcome.FAILED

    def __init__(self, message: str, *, status: int | None = None, request_id: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.request_id = request_id


class TransientError(ApiError):
    """The request is worth another try.

    Attributes:
        wait_seconds: How long the server asked to wait, clamped to 1..3600; None if it did not say.
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
    """429: every request with this token must wait, not only this one."""

    outcome = Outcome.RATE_LIMITED


class AuthenticationError(ApiError):
    """401: the token was rejected; no further request is sent with it."""

    exit_code = EXIT_NEEDS_CHANGE
    outcome = Outcome.UNAUTHORIZED


class PermissionDeniedError(ApiError):
    """403: the token lacks a scope."""

    exit_code = EXIT_NEEDS_CHANGE
    outcome = Outcome.FORBIDDEN


class NotFoundError(ApiError):
    """404: it does not exist, or this token cannot see it."""

    outcome = Outcome.NOT_FOUND


class ProtocolError(ApiError):
    """The answer breaks the contract of the API; another try would not help."""

    outcome = Outcome.MALFORMED


class HostileAnswerError(ProtocolError):
    """The answer was refused unread: too large, a redirect, or an encoding that was not requested."""

    outcome = Outcome.REFUSED


class StoppedError(ApiError):
    """The request, or the wait before it, was abandoned because the program is stopping."""

    outcome = Outcome.STOPPED


class WrongAccountError(InventoryError):
    """The token does not belong to the account that is stored."""

    exit_code = EXIT_NEEDS_CHANGE


class ClockError(InventoryError):
    """This machine's clock differs too much from DigitalOcean's to record history."""

    exit_code = EXIT_NEEDS_CHANGE


class DatabaseError(InventoryError):
    """A database operation failed."""


class DatabaseUnavailableError(DatabaseError):
    """Out of reach, full, or failing; it may work later."""


class DatabaseLockedError(DatabaseError):
    """Locked by another program for longer than we wait."""

    exit_code = EXIT_BUSY


class DatabaseConflictError(DatabaseLockedError):
    """The server gave a transaction up because another stood in its way; nothing of it is left."""


class DatabaseUnusableError(DatabaseError):
    """Missing, damaged, read-only, not ours, or newer than this program."""

    exit_code = EXIT_NEEDS_CHANGE


class SyncRunningError(InventoryError):
    """Another sync holds the account."""

    exit_code = EXIT_BUSY


class LeaseLostError(InventoryError):
    """Another sync took over the account because this one had been silent for too long."""

    exit_code = EXIT_BUSY


class InterruptedSyncError(InventoryError):
    """A signal asked to stop.

    Attributes:
        signal_number: The signal; the exit code is 128 more.
    """

    def __init__(self, what: str, *, signal_number: int) -> None:
        super().__init__(what)
        self.signal_number = signal_number
