"""The first signal asks, the second ends the process."""

import signal
import subprocess
import sys

import pytest

from inventory.process.interruption import SIGNALS, interruptible

STUBBORN = """
import os, signal, time
from inventory.process.interruption import interruptible
with interruptible(lambda: print("asked", flush=True)) as received:
    os.kill(os.getpid(), signal.{name})
    assert received() == signal.{name}
    os.kill(os.getpid(), signal.{name})
    time.sleep(30)
"""


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_is_only_noted_and_the_handlers_come_back(number: signal.Signals) -> None:
    before = [signal.getsignal(each) for each in SIGNALS]
    asked = []
    with interruptible(lambda: asked.append(True)) as received:
        assert received() is None
        signal.raise_signal(number)
        assert received() == number
    assert asked == [True]
    assert [signal.getsignal(each) for each in SIGNALS] == before


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_the_second_signal_ends_the_process_at_once(name: str, code: int) -> None:
    process = subprocess.run(
        [sys.executable, "-c", STUBBORN.format(name=name)], capture_output=True, text=True, timeout=20, check=False
    )
    assert (process.returncode, process.stdout) == (code, "asked\n")
