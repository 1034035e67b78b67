"""The bar of a sync on a terminal."""

import io
import re
import sys

import pytest

from inventory.report.progress import Display


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_bar_says_how_much_time_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand Droplets, four of them a second, as the rate limit allows: a third is done after 90 seconds."""
    seconds = 0.0
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    with Display(accounts=1, is_quiet=False, clock=lambda: seconds).follow("default") as bar:
        bar.started(1_000)
        while seconds < 90:
            seconds += 1
            bar.progressed(int(4 * seconds), int(4 * seconds) + 7, None)
    last = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue()).splitlines()[-1]
    assert re.search(r"360/1000 Droplets .* 0:02:40 left, 367 requests", last)


def test_where_no_terminal_is_there_is_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    with Display(accounts=2, is_quiet=False).follow("default") as bar:
        bar.started(10)
        bar.progressed(5, 5, None)
    assert capsys.readouterr() == ("", "")


def test_several_accounts_share_one_display(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    display = Display(accounts=3, is_quiet=False)
    with display.follow("web") as web, display.follow("db") as db:
        for listener, droplets in ((web, 7), (db, 9)):
            listener.started(droplets)
            listener.progressed(2, 5, None)
        sys.stdout.write("an answer\n")
    with display.follow("mail"):
        pass
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue())
    assert "Droplets of web" in shown
    assert "3/3 accounts" in shown
    assert capsys.readouterr().out == "an answer\n", "stdout is a pipe, and the display's is stderr"
