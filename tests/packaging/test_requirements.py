"""The pinned dependencies that the image, the tests and the checks are installed from."""

import tomllib
from collections.abc import Iterable
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def _text(name: str) -> str:
    return (ROOT / "requirements" / f"{name}.txt").read_text()


def _lines(name: str) -> list[str]:
    """Give a line for each pinned distribution, with its hashes."""
    return [line for line in _text(name).replace("\\\n", "").splitlines() if line[:1] not in {"", " ", "#"}]


def _pins(name: str) -> dict[str, str]:
    """Give the version of each pinned distribution."""
    pinned = [Requirement(line.partition("--hash=")[0]) for line in _lines(name)]
    return {canonicalize_name(each.name): str(each.specifier).removeprefix("==") for each in pinned}


def _declared(name: str) -> list[Requirement]:
    """Give what pyproject.toml asks of the file."""
    extras, groups = PROJECT["project"]["optional-dependencies"], PROJECT["dependency-groups"]
    runtime = PROJECT["project"]["dependencies"] + [text for extra in extras.values() for text in extra]
    development = [text for text in groups["dev"] if isinstance(text, str)]
    texts: dict[str, Any] = {"runtime": runtime, "build": groups["build"]}
    texts["tools"] = [*runtime, *groups["build"], *development]
    return [Requirement(text) for text in texts[name]]


def _needed(declared: Iterable[Requirement]) -> set[str]:
    """Follow what is installed here from requirement to requirement."""
    waiting = list(declared)
    followed: set[tuple[str, str]] = set()
    while waiting:
        requirement = waiting.pop()
        for extra in {"", *requirement.extras}:
            key = (canonicalize_name(requirement.name), extra)
            if key not in followed:
                followed.add(key)
                further = map(Requirement, requires(requirement.name) or ())
                waiting += [each for each in further if each.marker is None or each.marker.evaluate({"extra": extra})]
    return {name for name, _extra in followed}


@pytest.mark.parametrize("name", ["runtime", "build", "tools"])
def test_the_declared_ranges_admit_every_pin(name: str) -> None:
    pins = _pins(name)
    refused = [
        str(each) for each in _declared(name) if not each.specifier.contains(pins.get(canonicalize_name(each.name), ""))
    ]
    assert refused == []


@pytest.mark.parametrize("name", ["runtime", "build", "tools"])
def test_everything_that_is_needed_is_pinned(name: str) -> None:
    assert _needed(_declared(name)) - _pins(name).keys() == set()


@pytest.mark.parametrize("name", ["runtime", "build", "tools"])
def test_the_command_that_pinned_a_file_stands_at_its_top(name: str) -> None:
    """Renovate reads it there, and repeats it."""
    command = " ".join(_text(name).splitlines()[1].removeprefix("#").split())
    makefile = " ".join((ROOT / "Makefile").read_text().replace("\\\n", " ").split())
    assert command.endswith(f"--output-file=requirements/{name}.txt" + " pyproject.toml" * (name != "build"))
    options = command.removeprefix("uv pip compile --generate-hashes --universal --python-version=3.11 ")
    assert f"$(PIN) {options}" in makefile


def test_developers_run_what_the_image_runs() -> None:
    assert (_pins("runtime") | _pins("build")).items() <= _pins("tools").items()


@pytest.mark.parametrize("name", ["runtime", "build", "tools"])
def test_each_pin_has_its_hashes_and_no_file_an_address(name: str) -> None:
    assert [line for line in _lines(name) if "--hash=sha256:" not in line] == []
    assert "://" not in _text(name)
    assert "--index-url" not in _text(name)
