"""What the documents name exists: commands with their options, variables, files; and nothing is left unexplained."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from inventory import errors
from inventory.__main__ import main
from inventory.doctor.diagnosis import CHECKS
from inventory.settings.declared import VARIABLES

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
FOR_DEVELOPERS = [ROOT / "CONTRIBUTING.md", ROOT / "ARCHITECTURE.md", *DECISIONS]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")

# A word of a command line ends it where the shell, or a sentence, goes on.
_ENDS = re.compile(r"[;|&>#<]")
_STARTS = re.compile(
    r"(?<![^\s/;|&`])inventory (?=[a-z])|docker compose run --rm daemon (?=[a-z])|docker run --rm \S+ (?=[a-z])"
)


def blocks(text: str, language: str = "") -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)\n```$", text, re.DOTALL | re.MULTILINE)
    return [block for written, block in found if written == language]


def code(text: str) -> list[str]:
    """Give every line of code, in blocks and within sentences."""
    sentences = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    inline = [" ".join(found.split()) for found in re.findall(r"`([^`]+)`", sentences)]
    return [*(line for block in blocks(text) for line in block.splitlines()), *inline]


def commands(text: str) -> list[list[str]]:
    """Give every command line of ours, in words."""
    found = []
    for line in code(text):
        for each in _STARTS.finditer(line):
            words = shlex.split(_ENDS.split(line[each.end() :])[0], comments=True)
            found += [words] if words[0] != "inventory" and "." not in words[0] else []
    return found


COMMANDS = sorted({tuple(words) for each in DOCUMENTS for words in commands(each.read_text(encoding="utf-8"))})


@pytest.mark.parametrize("words", COMMANDS, ids=shlex.join)
def test_every_command_in_every_document_exists_with_its_options(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--help"]) == 0
    text = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    assert all(word.partition("=")[0] in text for word in words if word.startswith("--"))


def test_the_readme_shows_at_least_the_commands_that_a_user_needs() -> None:
    shown = {words[0] for words in commands((ROOT / "README.md").read_text(encoding="utf-8"))}
    assert shown >= {"sync", "report", "check", "daemon", "config", "db", "doctor", "simulator"}


def test_commands_are_found_wherever_they_stand() -> None:
    text = (
        "Run `inventory doctor`, or:\n```\n17 * * * * inventory sync --quiet; inventory check --quiet\n"
        "X=1 inventory db upgrade > log\n/opt/inventory/bin/inventory daemon\n"
        "docker compose run --rm daemon db grant-reader x\npg_restore --dbname=restored inventory.dump\n```\n"
    )
    found = [shlex.join(words) for words in commands(text)]
    assert found == [
        "sync --quiet",
        "check --quiet",
        "db upgrade",
        "daemon",
        "db grant-reader x",
        "doctor",
    ]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_variable_and_file_of_ours_is_real(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    assert set(re.findall(r"\bINVENTORY_[A-Z_]+", text)) <= {*VARIABLES.values(), "INVENTORY_CONFIG"}
    named = re.findall(r"\b(?:docs|deploy|migrations|requirements|benchmarks)/[\w./-]*\w", text)
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("document", FOR_DEVELOPERS, ids=lambda path: path.name)
def test_every_path_that_a_developer_is_told_of_exists(document: Path) -> None:
    """What has a name still to be chosen stands for at least one file."""
    tops = "|".join(re.escape(path.name) for path in ROOT.iterdir() if path.is_dir() and path.name != ".venv")
    named = re.findall(rf"`((?:{tops})/[^`\s]+|[\w-]+\.(?:md|toml|yml))`", document.read_text(encoding="utf-8"))
    patterns = [path.replace("NAME", "*").replace("NN_name", "[0-9][0-9]_*") for path in named]
    assert [pattern for pattern in patterns if not any(ROOT.glob(pattern))] == []
    assert named or document in DECISIONS


@pytest.mark.parametrize("document", DECISIONS, ids=lambda path: path.name)
def test_every_decision_says_why_what_was_measured_and_when_to_think_again(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    assert re.match(rf"# {int(document.name[:2])}\. \w", text)
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert headings == ["Context", "Decision", "Consequences", "Measured", "When to reconsider"]
    assert 15 <= len(text.splitlines()) <= 35


def rows(heading: str) -> dict[str, list[str]]:
    """Read the table under a heading of the operations document, by its first cell."""
    section = OPERATIONS.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    table = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    return {first: rest for first, *rest in table[1:]}


def test_every_check_of_the_doctor_says_what_to_do() -> None:
    found = rows("What to do about a line of doctor")
    assert list(found) == list(CHECKS)
    assert all(len(cells) == 2 for cells in found.values())


def test_every_exit_code_says_what_to_do() -> None:
    told = {int(code) for cell in rows("What to do about an exit code") for code in cell.split(",")}
    ours = {value for name, value in vars(errors).items() if name.startswith("EXIT_")}
    assert ours <= told


def test_the_cronjob_fits_the_image() -> None:
    (text,) = blocks(OPERATIONS, "yaml")
    pod: dict[str, Any] = yaml.safe_load(text)["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    user = re.findall(r"^USER (\d+):(\d+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert [(str(pod["securityContext"]["runAsUser"]), str(pod["securityContext"]["runAsGroup"]))] == user
    (mount,) = container["volumeMounts"]
    assert all(each["value"].startswith(mount["mountPath"]) for each in container["env"])
    assert {each["name"] for each in container["env"]} <= set(VARIABLES.values())
    assert main([*container["args"], "--help"]) == 0
