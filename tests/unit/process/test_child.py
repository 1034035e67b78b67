"""Work in a child: its exit code, its complaints, its signals, and what it must not do to its parent."""

import signal
import subprocess
import sys

import pytest

START = """
import os, signal, sys, time
from inventory.process.child import in_child

def obeying():
    signal.signal(signal.{name}, lambda number, _: sys.exit(number))
    os.kill(os.getppid(), signal.{name})
    time.sleep(30)

def refused():
    import resource
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
    try:
        in_child(lambda: 0)
    except OSError as error:
        return error.errno

ended = in_child(lambda: {work})
print(ended.code, ended.complaints.decode().strip().rpartition(chr(10))[2])
"""


def printed(work: str, name: str = "SIGTERM") -> str:
    process = subprocess.run(
        [sys.executable, "-c", START.format(work=work, name=name)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert process.stderr == ""
    return process.stdout


@pytest.mark.parametrize(
    ("work", "said"),
    [
        ("0", "0 \n"),
        ("print('answer') or 3", "answer\n3 \n"),
        ("print('complaint', file=sys.stderr) or 1", "1 complaint\n"),
        ("os.write(2, b'a' * 1_000_000) and 2", f"2 {'a' * 1_000_000}\n"),
        ("1 / 0", "70 ZeroDivisionError: division by zero\n"),
        ("sys.exit(3)", "70 SystemExit: 3\n"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "-9 \n"),
        ("os.abort()", "-6 \n"),
        ("refused()", "24 \n"),
    ],
)
def test_a_child_ends_with_its_code_and_its_complaints(work: str, said: str) -> None:
    assert printed(work) == said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_reach_the_child_alone(number: signal.Signals) -> None:
    assert printed("obeying()", number.name) == f"70 SystemExit: {int(number)}\n"


def test_a_child_has_a_session_of_its_own() -> None:
    assert printed("int(os.getsid(0) == os.getpid())") == "1 \n"
