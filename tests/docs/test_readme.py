"""What the README shows is what happens."""

import re
import shlex
import signal
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from inventory import errors
from inventory.__main__ import main
from inventory.commands import demo
from inventory.ends import GoneReason
from inventory.report import demo_text
from inventory.settings.declared import VARIABLES

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w*)\n(.*?)\n```", README, re.DOTALL)
DEMO_ENDS_AT = datetime(2026, 11, 25, 6, 0, tzinfo=UTC)


def blocks(language: str = "") -> list[str]:
    return [text for written, text in BLOCKS if written == language]


def commands() -> list[list[str]]:
    """Every command line of ours, in words."""
    lines = [line for text in blocks() for line in text.splitlines()]
    lines += re.findall(r"`(inventory [^`]+)`", README)
    found = (line[line.index("inventory ") :] for line in lines if re.search(r"(^|[ =])inventory [a-z]", line))
    return [
        shlex.split(line.partition(">")[0])[1:] for line in found if not line.startswith("inventory sync --dry-run s")
    ]


@pytest.mark.slow
def test_the_picture_is_what_the_demonstration_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert demo.run(days=120, droplets=12, seed=1, directory=Path(), now=DEMO_ENDS_AT) == 0
    output = capsys.readouterr()
    assert output.err == ""
    assert blocks()[0].strip() in output.out
    assert max(len(line) for line in output.out.splitlines() if not line.startswith("  ")) <= 80
    with closing(sqlite3.connect("inventory-demo.db")) as connection:
        for query in demo_text.QUERIES:
            assert query in output.out, "what is shown can be asked again"
            assert connection.execute(query).fetchall()
        (question,) = blocks("sql")
        answer = connection.execute(question).fetchall()
    assert len(answer) == 11
    # A second demonstration keeps the first one's file.
    assert demo.run(days=1, droplets=1, seed=2, directory=Path()) == 0
    assert {path.name for path in tmp_path.glob("*.db")} == {"inventory-demo.db", "inventory-demo-2.db"}


@pytest.mark.parametrize("words", commands(), ids=shlex.join)
def test_every_command_exists_with_its_options(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "--help"]) == 0
    text = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    assert all(word in text for word in words if word.startswith("--"))


def test_at_least_the_commands_that_a_user_needs_are_shown() -> None:
    assert {words[0] for words in commands()} >= {"sync", "config", "db", "simulator"}


def test_every_exit_code_is_explained() -> None:
    explained = {
        int(code) for cell in re.findall(r"^\| ([\d, ]+) \|", README, re.MULTILINE) for code in cell.split(",")
    }
    ours = {value for name, value in vars(errors).items() if name.startswith("EXIT_")}
    assert explained == ours | {errors.SIGNAL_BASE + each for each in (signal.SIGINT, signal.SIGTERM)}


def test_every_variable_and_target_is_real() -> None:
    assert set(re.findall(r"INVENTORY_[A-Z_]+", README)) <= set(VARIABLES.values())
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"\bmake ([a-z-]+)\b", "\n".join(blocks())):
        assert f"\n{target}:" in makefile


def test_every_reason_of_an_end_is_named() -> None:
    assert all(f"`{reason}`" in README for reason in GoneReason)
