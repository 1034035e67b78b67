import io
import json
import logging
import sys
from collections.abc import Collection, Iterator

import pytest
import structlog

from inventory.process import log

TOKEN = "dop_v1_" + "0123456789abcdef" * 4
PASSWORD = "hunter-2"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _restored_logging() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("inventory")
    handlers, levels = root.handlers[:], (root.level, ours.level)
    root.handlers.clear()
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])
    structlog.reset_defaults()


@pytest.fixture(params=[io.StringIO, Terminal], ids=["piped", "terminal"])
def stderr(request: pytest.FixtureRequest) -> io.StringIO:
    stream: io.StringIO = request.param()
    return stream


def _configure(stderr: io.StringIO, *, verbose: bool = True, secrets: Collection[str] = ()) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "stderr", stderr)
        log.configure(verbose=verbose, secrets=secrets)


def _logger() -> structlog.stdlib.BoundLogger:
    logger: structlog.stdlib.BoundLogger = structlog.get_logger("inventory.sync")
    return logger


def test_without_verbose_nothing_is_logged(stderr: io.StringIO) -> None:
    _configure(stderr, verbose=False)
    _logger().critical("sync.started")
    logging.getLogger("alembic").warning("a library's warning")
    assert stderr.getvalue() == ""


def test_a_record_elsewhere_is_one_json_document_a_line() -> None:
    _configure(stream := io.StringIO())
    _logger().info("sync.started", account="default", droplets=12)
    record = json.loads(stream.getvalue())
    assert record.pop("timestamp").endswith("Z")
    assert record == {"event": "sync.started", "level": "info", "account": "default", "droplets": 12}


def test_a_record_on_a_terminal_is_key_value_pairs() -> None:
    _configure(stream := Terminal())
    _logger().debug("sync.started", account="my own", dry_run=True)
    timestamp, rest = stream.getvalue().split(" ", 1)
    assert timestamp.startswith("timestamp=")
    assert rest == 'level=debug event=sync.started account="my own" dry_run=true\n'


def test_libraries_log_from_info_on_in_the_same_form(stderr: io.StringIO) -> None:
    _configure(stderr)
    logging.getLogger("httpx").info("HTTP Request: %s", "GET /v2/account")
    logging.getLogger("httpcore").debug("send_request_headers")
    (line,) = stderr.getvalue().splitlines()
    assert "HTTP Request: GET /v2/account" in line
    assert "info" in line


def test_one_record_is_one_line_whatever_it_holds(stderr: io.StringIO) -> None:
    _configure(stderr)
    _logger().info("two\nlines\x1b[2J", name="a\r\nb\u2028\x9b", nested=["\x1b]0;"])
    assert stderr.getvalue().count("\n") == 1
    assert stderr.getvalue().rstrip("\n").isprintable()


def test_no_secret_is_logged_wherever_it_stands(stderr: io.StringIO) -> None:
    _configure(stderr, secrets=[PASSWORD, 'quo"ted'])
    try:
        int(f"{TOKEN} of {PASSWORD}")
    except ValueError:
        _logger().exception(f"message {PASSWORD}", field=TOKEN, nested={"url": f"://u:{PASSWORD}@h"}, other='a quo"ted')
    logging.getLogger("httpx").warning("GET %s", PASSWORD)
    lines = stderr.getvalue().splitlines()
    assert len(lines) == 2
    assert "Traceback" in lines[0]
    assert "ValueError: invalid literal for int() with base 10: '[token] of [token]'" in lines[0]
    for secret in (TOKEN, PASSWORD, 'quo"ted', r"quo\"ted"):
        assert secret not in stderr.getvalue()
