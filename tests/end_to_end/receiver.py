"""A web server that answers messages in many ways."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

SECRET = "not-for-the-log-4711"


class Receiver(ThreadingHTTPServer):
    """A web server that answers as it is told to.

    Attributes:
        way: A status, or `hang` or `drip`.
        got: Bodies, in their order.
        before_answering: What happens between a message and its answer.
    """

    daemon_threads = True

    def __init__(self) -> None:
        self.way: int | str = 200
        self.got: list[Any] = []
        self.before_answering: Callable[[], object] = lambda: None
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - the library's
        """Say nothing of a client that left, which may come while another test reads what was said."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.server_port}/{SECRET}"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        self.server.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.server.before_answering()
        if self.server.way == "hang":
            time.sleep(30)
        elif self.server.way == "drip":
            for byte in "HTTP/1.1 200 OK\r\n" + 1000 * "X: y\r\n":
                self.wfile.write(byte.encode())
                time.sleep(0.2)
        else:
            self.send_response(int(self.server.way))
            self.send_header("Location", self.path + "-elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def receiving() -> Iterator[Receiver]:
    server = Receiver()
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()
