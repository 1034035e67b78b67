"""The first signal asks, the second ends the process."""

import signal
import subprocess
import sys
import time

import pytest

from inventory.process.interruption import SIGNALS, ending_in_time, interruptible, lasting_at_most

STUBBORN = """
import os, signal, time
from inventory.process.interruption import interruptible
with interruptible(lambda _: print("asked", flush=True)) as received:
    os.kill(os.getpid(), signal.{name})
    assert received() == signal.{name}
    os.kill(os.getpid(), signal.{name})
    time.sleep(30)
"""


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_is_only_noted_and_the_handlers_come_back(number: signal.Signals) -> None:
    before = [signal.getsignal(each) for each in SIGNALS]
    asked: list[int] = []
    with interruptible(asked.append) as received:
        assert received() is None
        signal.raise_signal(number)
        assert received() == number
    assert asked == [number]
    assert [signal.getsignal(each) for each in SIGNALS] == before


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_the_second_signal_ends_the_process_at_once(name: str, code: int) -> None:
    process = subprocess.run(
        [sys.executable, "-c", STUBBORN.format(name=name)], capture_output=True, text=True, timeout=20, check=False
    )
    assert (process.returncode, process.stdout) == (code, "asked\n")


LATE = """
import os, signal, time
from inventory.process.interruption import ending_in_time, interruptible, lasting_at_most
with {block}:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(30)
"""

# A call into C that keeps the lock without which no thread of Python works.
HUNG = """
import ctypes
from inventory.process.interruption import lasting_at_most
with lasting_at_most(0.1, lambda: 3):
    ctypes.PyDLL(None).sleep(30)
"""


@pytest.mark.parametrize(
    ("block", "code"),
    [
        ("interruptible(print), ending_in_time(lambda number: number, grace_seconds=0.1)", signal.SIGTERM),
        ("interruptible(print), lasting_at_most(0.1, lambda: 3)", 3),
    ],
)
def test_what_does_not_end_in_time_is_ended(block: str, code: int) -> None:
    process = subprocess.run([sys.executable, "-c", LATE.format(block=block)], timeout=20, check=False)
    assert process.returncode == code


def test_where_no_thread_of_python_works_the_kernel_ends_the_process() -> None:
    process = subprocess.run([sys.executable, "-c", HUNG], timeout=20, check=False)
    assert process.returncode == -signal.SIGALRM


LIVING_ON = """
import signal, time
from inventory.process.interruption import ending_in_time, interruptible, lasting_at_most
with lasting_at_most(0.05, lambda: 3), ending_in_time(lambda _: 3, grace_seconds=0.05), interruptible(str):
    signal.raise_signal(signal.SIGTERM)
time.sleep(5.3)  # the kernel would end it after 5.05 s
"""


def test_what_ends_in_time_lives_on() -> None:
    with lasting_at_most(0.05, lambda: 3), ending_in_time(lambda _: 3, grace_seconds=0.05), interruptible(str):
        signal.raise_signal(signal.SIGTERM)
    time.sleep(0.1)
    assert subprocess.run([sys.executable, "-c", LIVING_ON], timeout=20, check=False).returncode == 0


SOMEBODY_ELSES = """
import signal
from inventory.process.interruption import lasting_at_most
signal.signal(signal.SIGALRM, lambda *_: None)
signal.setitimer(signal.ITIMER_REAL, 600)
with lasting_at_most(60, lambda: 3):
    assert signal.getitimer(signal.ITIMER_REAL)[0] > 500
assert signal.getitimer(signal.ITIMER_REAL)[0] > 500
"""


def test_an_alarm_of_somebody_else_is_left_alone() -> None:
    assert subprocess.run([sys.executable, "-c", SOMEBODY_ELSES], timeout=20, check=False).returncode == 0
