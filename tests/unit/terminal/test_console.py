"""What is waited for is shown to a person, and to nobody else."""

import io
import sys

import pytest

from inventory.terminal.console import waiting


class Terminal(io.StringIO):
    """A stream that a person reads."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("stream", "is_shown"), [(Terminal(), True), (io.StringIO(), False)])
def test_what_is_waited_for_is_shown_on_a_terminal_alone(
    stream: io.StringIO,
    is_shown: bool,  # noqa: FBT001 - a table
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    with waiting("reading the settings") as says:
        says("waiting for [::1]\x1b[2J")
    assert (r"waiting for [::1]\x1b[2J" in stream.getvalue()) == is_shown
    assert bool(stream.getvalue()) == is_shown
