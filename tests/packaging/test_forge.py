"""What the forge does: its checks, its form for problems, its updates; and the hooks before a commit."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from inventory.__main__ import main

ROOT = Path(__file__).parents[2]
FORGE = ROOT / ".github"
MAKEFILE = (ROOT / "Makefile").read_text()


def _document(name: str) -> Any:  # noqa: ANN401 - YAML is what it is
    return yaml.safe_load((ROOT / name).read_text("utf-8"))


def _checks() -> dict[str, Any]:
    job: dict[str, Any] = _document(".github/workflows/checks.yml")["jobs"]["checks"]
    return job


def test_the_forge_makes_what_ci_run_makes() -> None:
    ours = re.findall(r"^make .*$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    assert ours
    assert [step["run"] for step in _checks()["steps"] if "run" in step] == ours


def test_the_forge_tries_every_python_that_is_promised() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    tried = _checks()["strategy"]["matrix"]["python"]
    promised = [each.rpartition(" ")[2] for each in project["classifiers"] if re.search(r":: 3\.\d+$", each)]
    assert project["requires-python"] == f">={tried[0]}"
    assert tried[: len(promised)] == promised


def _zizmor(directory: Path) -> subprocess.CompletedProcess[str]:
    (command,) = re.findall(r"^\t\$\(BIN\)/(zizmor .*) \.github$", MAKEFILE, re.MULTILINE)
    program, *options = command.split()
    words = [str(Path(sys.executable).parent / program), *options, str(directory)]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)


def test_an_action_that_is_not_pinned_by_its_commit_is_found(tmp_path: Path) -> None:
    shutil.copytree(FORGE, tmp_path / ".github")
    workflow = tmp_path / ".github" / "workflows" / "checks.yml"
    assert _zizmor(tmp_path).returncode == 0
    workflow.write_text(re.sub(r"(?<=actions/checkout)@[0-9a-f]{40} # (\S+)", r"@\1", workflow.read_text()))
    found = _zizmor(tmp_path)
    assert found.returncode != 0
    assert "unpinned-uses" in found.stdout


def test_a_problem_is_reported_with_what_doctor_found(capsys: pytest.CaptureFixture[str]) -> None:
    form = _document(".github/ISSUE_TEMPLATE/problem.yml")
    needed = [each["attributes"]["label"] for each in form["body"] if each.get("validations", {}).get("required")]
    assert {"inventory doctor --json", "inventory --version"} <= set(needed)
    assert main(["--version"]) == main(["doctor", "--help"]) == 0
    assert "--json" in capsys.readouterr().out


def test_the_hooks_before_a_commit_are_part_of_make_check() -> None:
    repositories = _document(".pre-commit-config.yaml")["repos"]
    (check,) = re.findall(r"^check: (.*) ##", MAKEFILE, re.MULTILINE)
    assert [each["repo"] for each in repositories] == ["local"]
    hooks = [hook["entry"].split() for hook in repositories[0]["hooks"]]
    assert hooks
    assert all(command == "make" and target in check.split() for command, target in hooks)


def test_renovate_updates_the_pinned_files_in_the_order_in_which_one_constrains_the_other() -> None:
    (pattern,) = json.loads((FORGE / "renovate.json").read_text())["pip-compile"]["managerFilePatterns"]
    names = [f"requirements/{path.name}" for path in sorted((ROOT / "requirements").iterdir())]
    updated = [name for name in names if re.search(pattern.strip("/"), name)]
    assert updated == ["requirements/runtime.txt", "requirements/tools.txt"]
    assert "--constraint=requirements/runtime.txt" in (ROOT / updated[1]).read_text().splitlines()[1]
