"""The units of deploy/systemd: what they say, and what systemd itself makes of them where it is installed."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.main import get_group

from inventory import errors
from inventory.cli import app
from inventory.settings.declared import VARIABLES, WrittenSettings

UNITS = Path(__file__).parents[2] / "deploy" / "systemd"
SERVICES = sorted(UNITS.glob("*.service"))
PROGRAM = "/opt/inventory/bin/inventory"
WORST_EXPOSURE = 15  # in tenths; systemd calls up to 19 "OK"

ANALYZE = shutil.which("systemd-analyze") or ""
needs_systemd = pytest.mark.skipif(not ANALYZE, reason="systemd-analyze is not installed")


def settings(unit: Path) -> list[tuple[str, str]]:
    """Read a unit's settings in order; one may stand there more than once."""
    lines = unit.read_text().splitlines()
    return [(key, value) for key, mark, value in (line.partition("=") for line in lines) if mark and key[0] not in "#["]


def words_of(service: Path) -> list[str]:
    return dict(settings(service))["ExecStart"].removeprefix(PROGRAM).split()


@pytest.fixture
def installed(tmp_path: Path) -> list[str]:
    """Copy the units to where the program exists, as systemd looks."""
    program = tmp_path / "inventory"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for unit in UNITS.iterdir():
        (tmp_path / unit.name).write_text(unit.read_text().replace(PROGRAM, str(program)))
    return [str(tmp_path / unit.name) for unit in UNITS.iterdir()]


@needs_systemd
def test_systemd_accepts_every_unit(installed: list[str]) -> None:
    done = subprocess.run(
        [ANALYZE, "verify", "--man=no", *installed], capture_output=True, text=True, timeout=60, check=False
    )
    # It also reads the units of this machine, which are not ours.
    assert [line for line in done.stderr.splitlines() if "inventory" in line] == []
    assert done.returncode == 0, done.stderr


@needs_systemd
def test_systemd_finds_little_to_exploit(installed: list[str]) -> None:
    version = subprocess.run([ANALYZE, "--version"], capture_output=True, text=True, timeout=60, check=True)
    if int(re.findall(r"\d+", version.stdout)[0]) < 250:
        pytest.skip("this systemd-analyze judges only units that are running")
    services = [unit for unit in installed if unit.endswith(".service")]
    words = [ANALYZE, "security", "--offline=true", f"--threshold={WORST_EXPOSURE}", "--no-pager", *services]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("Overall exposure level") == len(SERVICES)


@pytest.mark.parametrize("service", SERVICES, ids=lambda path: path.name)
def test_what_a_service_runs_is_a_command_with_its_options(service: Path) -> None:
    name, *options = words_of(service)
    assert set(options) <= {word for each in get_group(app).commands[name].params for word in each.opts}
    variables = [value.partition("=")[0] for key, value in settings(service) if key == "Environment"]
    of_the_c_library = {"MALLOC_ARENA_MAX"}
    assert set(variables) <= {*VARIABLES.values(), *of_the_c_library}


def test_both_services_are_fenced_in_alike() -> None:
    fences = []
    for service in SERVICES:
        text = service.read_text()
        fences.append(text[text.index("# A user of its own") :].partition("\n[Install]")[0].strip())
    assert len(fences) == 2
    assert len(set(fences)) == 1


def test_exit_codes_mean_to_systemd_what_they_mean() -> None:
    daemon, sync = (dict(settings(UNITS / name)) for name in ("inventory.service", "inventory-sync.service"))
    assert daemon["RestartPreventExitStatus"] == f"{errors.EXIT_USAGE} {errors.EXIT_NEEDS_CHANGE}"
    assert sync["SuccessExitStatus"] == f"{errors.EXIT_PARTIAL} {errors.EXIT_BUSY}"


def test_a_sync_may_take_as_long_as_it_gives_itself() -> None:
    deadline_minutes = WrittenSettings.model_fields["run_deadline_minutes"].default
    allowed = dict(settings(UNITS / "inventory-sync.service"))["TimeoutStartSec"]
    assert deadline_minutes < int(allowed.removesuffix("min")) <= 60


def test_the_timer_starts_the_service_of_its_name_once_an_hour() -> None:
    (timer,) = UNITS.glob("*.timer")
    assert timer.with_suffix(".service") in SERVICES
    assert re.fullmatch(r"\*-\*-\* \*:\d\d:00 UTC", dict(settings(timer))["OnCalendar"])
