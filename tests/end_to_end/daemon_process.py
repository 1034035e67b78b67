"""The daemon, or a worker, as a process of its own, whose log is read as it comes."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

Record = dict[str, Any]

PATIENCE_SECONDS = 60.0


class DaemonProcess:
    """A daemon, and the records of its log."""

    def __init__(self, listener: socket.socket, *, program: str | None, service: str = "daemon") -> None:
        port = listener.getsockname()[1]
        self._listener = listener
        self.url = f"http://127.0.0.1:{port}"
        command = ["-c", program] if program else ["-m", "inventory", service]
        self._process = subprocess.Popen(
            [sys.executable, *command, "--http", f"127.0.0.1:{port}"],
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ.copy(),
        )
        self.pid = self._process.pid
        self.records: list[Record] = []
        self.other_lines: list[str] = []
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            with self._news:
                if line.startswith("{"):
                    self.records.append(json.loads(line))
                else:
                    self.other_lines.append(line)
                self._news.notify_all()

    def free_address(self) -> None:
        """Let the daemon have the address that it is to listen at."""
        self._listener.close()

    def all(self, event: str) -> list[Record]:
        """Return every record of this event so far."""
        return [record for record in self.records if record["event"] == event]

    def wait_for(
        self,
        event: str,
        *,
        times: int = 1,
        where: Callable[[Record], bool] = lambda _: True,
        seconds: float = PATIENCE_SECONDS,
    ) -> Record:
        """Wait until so many records of the event have come; return the last of them."""

        def found() -> list[Record]:
            return [record for record in self.all(event) if where(record)]

        with self._news:
            has_come = self._news.wait_for(lambda: len(found()) >= times, seconds)
        assert has_come, (event, times, self.records[-8:], self.other_lines[-20:])
        return found()[times - 1]

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self, seconds: float = PATIENCE_SECONDS) -> int:
        """Wait for the end; return the exit code."""
        code = self._process.wait(seconds)
        self._reader.join()
        return code

    def stop(self) -> int:
        """End it as a supervisor does."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def get(self, path: str, **headers: str) -> httpx.Response:
        return httpx.get(self.url + path, headers=headers, timeout=PATIENCE_SECONDS, trust_env=False)

    def metric(self, name: str) -> float | None:
        """Read one metric, named with its labels; None where there is none."""
        lines = (line.rpartition(" ") for line in self.get("/metrics").text.splitlines() if not line.startswith("#"))
        return next((float(value) for found, _, value in lines if found == name), None)

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._reader.join()
        assert self._process.stderr is not None
        self._process.stderr.close()


@contextmanager
def running(
    service: str = "daemon", *, program: str | None = None, is_address_taken: bool = False
) -> Iterator[DaemonProcess]:
    """Run a daemon or worker for the length of the block; `program` is Python text to run in its place.

    With `is_address_taken` it finds its address in use until `free_address`.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        daemon = DaemonProcess(listener, program=program, service=service)
        if not is_address_taken:
            daemon.free_address()
        try:
            yield daemon
        finally:
            daemon.kill()


def eventually(is_so: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until something is so."""
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.05)
