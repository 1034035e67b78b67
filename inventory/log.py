"""The log: one record is one line on stderr, without a secret in it.

Answers go to stdout and problems are told by the commands; the log is for whoever asks how it came about. Records of
the libraries, which use Python's own logging, take the same way.
"""

import logging
import sys
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

import structlog
from structlog.stdlib import ProcessorFormatter

from inventory.display import redactor, shown

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger


def configure(*, verbose: bool, secrets: Collection[str]) -> None:
    """Log to stderr if `verbose`, else not at all.

    On a terminal a line is `key=value` pairs, elsewhere a JSON document. Control characters are escaped; each of
    `secrets`, and all that looks like a token, is replaced by `[token]`.
    """
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *_DESCRIBED, ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    # Without any handler Python would print warnings itself.
    handler = _handler(secrets) if verbose else logging.NullHandler()
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    logging.getLogger("inventory").setLevel(logging.DEBUG if verbose else logging.CRITICAL + 1)


_DESCRIBED: tuple["Processor", ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
)


def _handler(secrets: Collection[str]) -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    render = _key_value_line if sys.stderr.isatty() else structlog.processors.JSONRenderer(default=str)
    line = _safe_line(render, redactor(secrets))
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=_DESCRIBED,
            processors=[ProcessorFormatter.remove_processors_meta, line],
        )
    )
    return handler


# A record's own fields follow these.
_key_value_line = structlog.processors.LogfmtRenderer(
    key_order=["timestamp", "level", "event"], drop_missing=True, bool_as_flag=False
)


def _safe_line(render: "Processor", redacted: Callable[[str], str]) -> "Processor":
    def line(logger: "WrappedLogger", method: str, event: "EventDict") -> str:
        return shown(redacted(str(render(logger, method, event))))

    return line
