"""The log: one record is one line on stderr, without a secret in it.

Answers go to stdout and commands report problems; the log shows how they came about. Records of the libraries, which
use Python's own logging, take the same way.
"""

import logging
import sys
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

import structlog
from structlog.stdlib import ProcessorFormatter

from inventory.terminal.display import redactor, shown

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger


EVENTS, PROBLEMS, NOTHING = logging.INFO, logging.WARNING, logging.CRITICAL + 1
"""What a service logs, what is logged beside answers to a person, and what a command logs that reports its problems."""


def configure(*, verbose: bool, secrets: Collection[str], least: int = NOTHING) -> None:
    """Log to stderr: everything if `verbose`, otherwise what is as important as `least` or more.

    On a terminal a line is `key=value` pairs, elsewhere a JSON document. Control characters are escaped; each of
    `secrets`, and all that looks like a token, is replaced by `[token]`. May be called again, with other secrets.
    """
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *_DESCRIBED, ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    # Without any handler Python would print warnings itself.
    handler = _handler(secrets) if verbose or least < NOTHING else logging.NullHandler()
    logging.basicConfig(handlers=[handler], level=logging.INFO if verbose else logging.WARNING, force=True)
    logging.getLogger("inventory").setLevel(logging.DEBUG if verbose else least)


_DESCRIBED: tuple["Processor", ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
)


def _handler(secrets: Collection[str]) -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    render = _key_value_line if sys.stderr.isatty() else _json_line
    line = _safe_line(render, redactor(secrets))
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=_DESCRIBED,
            processors=[ProcessorFormatter.remove_processors_meta, line],
        )
    )
    return handler


# A record's own fields follow these.
_FIRST = ["timestamp", "level", "event"]
_key_value_line = structlog.processors.LogfmtRenderer(key_order=_FIRST, drop_missing=True, bool_as_flag=False)
_render_json = structlog.processors.JSONRenderer(default=str)


def _json_line(logger: "WrappedLogger", method: str, event: "EventDict") -> str:
    ordered = {key: event.pop(key) for key in _FIRST if key in event} | dict(event)
    return str(_render_json(logger, method, ordered))


def _safe_line(render: "Processor", redacted: Callable[[str], str]) -> "Processor":
    def line(logger: "WrappedLogger", method: str, event: "EventDict") -> str:
        return shown(redacted(str(render(logger, method, event))))

    return line
