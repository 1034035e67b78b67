"""Transactions that PostgreSQL gives up because others stand in their way, made again."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import structlog
import tenacity

from inventory.errors import DatabaseConflictError

_TRIES = 4
_LONGEST_FIRST_WAIT_SECONDS = 0.1  # twice as long before each further try

_log: structlog.stdlib.BoundLogger = structlog.get_logger("inventory.store")

_P = ParamSpec("_P")
_Result = TypeVar("_Result")


def made_again(transactions: Callable[_P, _Result]) -> Callable[_P, _Result]:
    """Let a function make its transactions again where the server gives one up, up to three times.

    They must read all they need themselves, and leave nothing behind but what they write.
    """

    @wraps(transactions)
    def repeated(*arguments: _P.args, **named: _P.kwargs) -> _Result:
        return _retrying(transactions, *arguments, **named)

    return repeated


def _told(state: tenacity.RetryCallState) -> None:
    assert state.outcome is not None
    _log.info("transaction.repeated", tries=state.attempt_number, error=str(state.outcome.exception()))


_retrying = tenacity.Retrying(
    retry=tenacity.retry_if_exception_type(DatabaseConflictError),
    stop=tenacity.stop_after_attempt(_TRIES),
    wait=tenacity.wait_random_exponential(multiplier=_LONGEST_FIRST_WAIT_SECONDS),
    before_sleep=_told,
    reraise=True,
)
