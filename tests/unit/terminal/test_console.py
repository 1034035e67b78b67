"""What is printed where no terminal is, and what is waited for: shown to a person, and to nobody else."""

import io
import sys

import pytest

from inventory.terminal.console import print_line, print_prose, print_screen, waiting
from inventory.terminal.table import TEXT, table

LONG = "A sentence that goes on and on, " * 6 + "and ends."
PATH = "/srv/" + "a-long-name-" * 9 + "inventory.db"


def test_prose_has_lines_of_at_most_80_characters_but_no_word_is_broken(capsys: pytest.CaptureFixture[str]) -> None:
    print_prose(f"\n{LONG}\n{PATH}, as of today\n  an indented line")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == ""
    assert [line for line in lines if len(line) > 80] == [f"{PATH},"]
    assert " ".join("\n".join(lines).split()) == f"{LONG} {PATH}, as of today an indented line"
    assert lines[-1] == "  an indented line"


def test_what_a_program_reads_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_line(LONG)
    assert capsys.readouterr().out == f"{LONG}\n"
    print_screen(["", table((TEXT,), [(LONG,)])])
    assert capsys.readouterr().out == f"\n{LONG}\n"


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
