"""The Dockerfile, as far as it can be tried without Docker: what it says, and what its first stage installs."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import venv
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from typer.main import get_group

import inventory
from inventory.cli import app

ROOT = Path(__file__).parents[2]


def _instructions() -> Iterator[tuple[str, str]]:
    """Give each instruction and its arguments, in order."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    for line in text.replace("\\\n", " ").splitlines():
        if line:
            word, _, arguments = line.partition(" ")
            yield word, arguments


def _stages() -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Give the instructions of the stage that builds, and of the one that is kept."""
    instructions = list(_instructions())
    first, second = (number for number, (word, _) in enumerate(instructions) if word == "FROM")
    return instructions[first:second], instructions[second:]


def _commands(instructions: list[tuple[str, str]]) -> list[str]:
    return [command.strip() for word, run in instructions if word == "RUN" for command in run.split("&&")]


def test_all_that_is_installed_is_known_by_its_hash_or_built_here() -> None:
    building, kept = map(_commands, _stages())
    installing = [command for command in building if command.startswith("pip ")]
    from_here = ["pip wheel", "install --no-cache-dir --no-deps dist/*.whl"]
    assert len(installing) > len(from_here)
    assert [each for each in installing if not any(word in each for word in ["--require-hashes", *from_here])] == []
    assert not re.search(r"\b(pip|apt|apt-get)\b", " ".join(kept))


def test_what_is_copied_exists_and_is_not_ignored() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = {line.strip("!/") for line in lines if line.startswith("!")}
    building, _ = _stages()
    sources = [source for word, copied in building if word == "COPY" for source in copied.split()[:-1]]
    assert [source for source in sources if not (ROOT / source).exists()] == []
    assert {source.partition("/")[0] for source in sources} == let_in


def test_the_image_runs_the_daemon_as_an_ordinary_user_in_its_volume() -> None:
    _, kept = _stages()
    said = dict(kept)
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", said["USER"])
    assert said["VOLUME"] == said["WORKDIR"]
    assert (said["ENTRYPOINT"], said["CMD"]) == ('["inventory"]', '["daemon"]')


def test_what_the_image_runs_are_commands_of_the_program() -> None:
    _, kept = _stages()
    said = dict(kept)
    asked = json.loads(said["HEALTHCHECK"].partition("CMD ")[2])
    assert asked[0] == json.loads(said["ENTRYPOINT"])[0]
    assert {asked[1], *json.loads(said["CMD"])} <= get_group(app).commands.keys()


def test_the_image_has_what_every_command_and_postgresql_need() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {
        canonicalize_name(Requirement(each).name)
        for each in (*project["dependencies"], *project["optional-dependencies"]["postgres"])
    }
    pinned = re.findall(
        r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==", (ROOT / "requirements/runtime.txt").read_text(), re.MULTILINE
    )
    assert needed <= set(map(canonicalize_name, pinned))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_what_the_first_stage_runs_installs_the_program_and_no_build_tools(tmp_path: Path) -> None:
    """Tried in plain directories with the Python at hand; the second stage needs Docker."""
    python, build, installed = tmp_path / "python", tmp_path / "build", tmp_path / "installed"
    venv.create(python)
    _bring_pip(python)
    # So pip wants `--no-compile` to be set. What is installed here runs once.
    environment = os.environ | {"PATH": f"{python}/bin:{os.defpath}", "PIP_NO_COMPILE": "no"}
    building, _ = _stages()
    for word, arguments in building:
        if word == "COPY":
            _copy(arguments.split(), build)
        if word == "RUN":
            command = arguments.replace("/opt/inventory", shlex.quote(str(installed)))
            subprocess.run(["/bin/sh", "-ec", command], cwd=build, env=environment, check=True, timeout=500)
    words = [str(installed / "bin" / "inventory"), "--version"]
    told = subprocess.run(words, cwd=tmp_path, env={}, capture_output=True, text=True, check=True, timeout=60)
    assert told.stdout == f"inventory {inventory.__version__}\n"
    names = {
        each.metadata["Name"] for each in distributions(path=[*map(str, installed.glob("lib/python*/site-packages"))])
    }
    assert {"droplet-backup-inventory", "psycopg-binary"} <= names
    assert not {"hatchling", "pip", "setuptools", "wheel"} & names


def _bring_pip(python: Path) -> None:
    """Let `pip` install there with the pip that is here: to install another takes longer than what is tried."""
    pip = python / "bin" / "pip"
    pip.write_text(f'#!/bin/sh\nexec {sys.executable} -m pip --python {python}/bin/python "$@"\n')
    pip.chmod(0o755)


def _copy(words: list[str], build: Path) -> None:
    """Copy as Docker does: files into a directory, a directory's content."""
    *sources, destination = words
    for source in sources:
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, build / destination)
        else:
            (build / destination).mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / source, build / destination)
