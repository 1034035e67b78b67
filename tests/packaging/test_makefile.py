import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = MAKEFILE.partition(".PHONY: ")[2].partition("\n")[0].split()

STUB = """#!{python}
import sys

sys.argv.pop(0)
sys.version_info = {version}
if {lacks_ensurepip}:
    sys.modules["ensurepip"] = None
assert sys.argv[0] == "-c", "nothing is to be set up"
exec(sys.argv[1])
"""


def _make(*words: str, directory: Path = ROOT) -> subprocess.CompletedProcess[str]:
    # Under `make test` these would speak of the make that runs the tests.
    environment = {
        name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")
    }
    command = ["make", *words]
    return subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, text=True, check=False, timeout=60
    )


def test_the_help_names_every_target() -> None:
    listed = _make("help")
    assert listed.returncode == 0
    assert [line.split()[0] for line in listed.stdout.splitlines()] == TARGETS
    assert all(len(line) <= 80 for line in listed.stdout.splitlines())


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_can_be_made(target: str) -> None:
    assert _make("--dry-run", target).returncode == 0


def test_whoever_types_make_alone_sees_the_help() -> None:
    assert _make().stdout == _make("help").stdout


@pytest.mark.parametrize(
    ("version", "lacks_ensurepip", "sentence"),
    [
        ((3, 9, 18), False, r"\S+ is Python 3\.9; 3\.11 or newer is needed\. Install one and name it: .*"),
        ((3, 11, 2), True, r"\S+ lacks ensurepip\. Install it \(on Debian and Ubuntu: apt install python3-venv\).*"),
    ],
    ids=["too old", "without ensurepip"],
)
@pytest.mark.parametrize("target", ["demo", "test", "check"])
def test_a_python_that_cannot_do_is_told_in_one_line(
    tmp_path: Path, target: str, version: tuple[int, ...], *, lacks_ensurepip: bool, sentence: str
) -> None:
    for name in ("Makefile", "pyproject.toml", "requirements"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    stub = tmp_path / "python"
    stub.write_text(STUB.format(python=sys.executable, version=version, lacks_ensurepip=lacks_ensurepip))
    stub.chmod(0o755)
    made = _make(f"PYTHON={stub}", target, directory=tmp_path)
    told = [line for line in made.stderr.splitlines() if not line.startswith("make: ***")]
    assert made.returncode != 0
    assert len(told) == 1
    assert re.fullmatch(sentence, told[0])
    assert not (tmp_path / ".venv").exists()
