import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LARGEST_PICTURE_BYTES = 300_000
PICTURES = {".gif", ".jpeg", ".jpg", ".png", ".svg", ".webp"}

# Written so that no pattern finds itself.
FOREIGN = {
    "the host of a package registry": r"\b(?:pypi|pythonhosted|npmjs|debian)\.(?:org|com)\b",
    "a token": r"\bdo[opr]_v1_[0-9a-f]{16}|\bgh[opsu]_[0-9A-Za-z]{30}",
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY",
    "a path of somebody's machine": r"(?<![\w.}~])/(?:home|root|work)/\w",
}
SAMPLES = {
    "the host of a package registry": "https://files." + "pythonhosted" + ".org/packages",
    "a token": "dop_v1_" + "0" * 64,
    "a private key": "-----BEGIN EC " + "PRIVATE KEY-----",
    "a path of somebody's machine": '"/' + 'home/somebody"',
}


def _found(text: str) -> set[str]:
    return {what for what, pattern in FOREIGN.items() if re.search(pattern, text)}


@pytest.fixture
def files() -> list[Path]:
    """Give what is in the repository, or would be with the next commit."""
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    git = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=30)
    if not git.stdout:
        pytest.skip("not in a checkout")
    return [path for name in git.stdout.rstrip("\0").split("\0") if (path := ROOT / name).is_file()]


@pytest.mark.parametrize("what", FOREIGN)
def test_what_is_looked_for_would_be_found(what: str) -> None:
    assert _found(SAMPLES[what]) == {what}


def test_no_file_holds_what_belongs_to_one_machine_or_person(files: list[Path]) -> None:
    found = {str(path.relative_to(ROOT)): _found(path.read_text(errors="replace")) for path in files}
    assert {name: what for name, what in found.items() if what} == {}


def test_no_picture_is_large(files: list[Path]) -> None:
    pictures = [path for path in files if path.suffix.lower() in PICTURES]
    assert [path for path in pictures if path.stat().st_size > LARGEST_PICTURE_BYTES] == []
