"""What is asked of the API and what it answers, without a socket; header names are in lower case."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Attributes:
        path: Unquoted, without the query.
        query: Of a key that is given twice the last value.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, and how it is sent.

    Attributes:
        delay_seconds: How long the sender waits before its first byte.
        is_reset: Nothing of it is sent; the connection is reset instead.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    delay_seconds: float = 0.0
    is_reset: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """Why there is no document to send: a status, and what the body of its answer says."""

    status: int
    id: str
    message: str


BAD_REQUEST = Problem(400, "bad_request", "the resource is not a snapshot")
UNAUTHORIZED = Problem(401, "unauthorized", "Unable to authenticate you.")
FORBIDDEN = Problem(403, "forbidden", "You do not have permission to perform this action.")
NOT_FOUND = Problem(404, "not_found", "The resource you requested could not be found.")
METHOD_NOT_ALLOWED = Problem(405, "method_not_allowed", "This account is simulated; it can only be read.")
UNPROCESSABLE = Problem(422, "unprocessable_entity", "tag_name cannot be combined with name or type.")
TOO_MANY_REQUESTS = Problem(429, "too_many_requests", "API rate limit exceeded.")
SERVER_ERROR = Problem(500, "server_error", "Unexpected server-side error")

_BY_STATUS = {each.status: each for each in (UNAUTHORIZED, FORBIDDEN, NOT_FOUND, TOO_MANY_REQUESTS)}


def problem_of(status: int) -> Problem:
    """Return what the body says with a status, whatever is wrong."""
    return _BY_STATUS.get(status, Problem(status, SERVER_ERROR.id, SERVER_ERROR.message))
