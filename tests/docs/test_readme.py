"""What the README shows is what happens."""

import re
import signal
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from inventory import errors
from inventory.commands import demo, report
from inventory.report import demo_text
from inventory.report.asking import Asked
from inventory.report.forms import Form
from inventory.vocabulary import GoneReason

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w*)\n(.*?)\n```", README, re.DOTALL)
DEMO_ENDS_AT = datetime(2026, 11, 25, 6, 0, tzinfo=UTC)


def blocks(language: str = "") -> list[str]:
    return [text for written, text in BLOCKS if written == language]


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
    with monkeypatch.context() as patched:
        patched.setenv("INVENTORY_DATABASE_URL", "inventory-demo.db")
        assert report.run(None, None, Asked(), Form(), now=DEMO_ENDS_AT) == 0
    below_heading = blocks()[0].strip().partition("\n\n")[2]
    assert below_heading in capsys.readouterr().out, "the summary itself shows it"
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


def test_every_exit_code_is_explained() -> None:
    explained = {
        int(code) for cell in re.findall(r"^\| ([\d, ]+) \|", README, re.MULTILINE) for code in cell.split(",")
    }
    ours = {value for name, value in vars(errors).items() if name.startswith("EXIT_")}
    assert explained == ours | {errors.SIGNAL_BASE + each for each in (signal.SIGINT, signal.SIGTERM)}


def test_every_target_is_real() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"\bmake ([a-z-]+)\b", "\n".join(blocks())):
        assert f"\n{target}:" in makefile


def test_every_reason_of_an_end_is_named() -> None:
    assert all(f"`{reason}`" in README for reason in GoneReason)
