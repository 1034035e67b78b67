"""A fault of the disk at any call of any command that writes loses nothing: here at some, all by `make faults`."""

import shutil
from collections.abc import Iterator, Sequence

import pytest

from tests.faults.disk_campaign import COMMANDS, Cell, Outcome, Trial, trying
from tests.faults.injection import FAULTS, Point, UntraceableError

pytestmark = pytest.mark.slow  # some hundred commands, watched by strace

_POINTS = 3


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    if not shutil.which("strace"):
        pytest.skip("strace is not installed, which puts the faults under the commands")
    with trying(tmp_path_factory.mktemp("trial"), workers=1) as trial:
        yield trial


def some(points: Sequence[Point]) -> Sequence[Point]:
    """Choose the first and the last, and those between them if there are to be more."""
    return points[:: max(1, (len(points) - 1) // (_POINTS - 1))]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_fault_of_the_disk_loses_nothing(trial: Trial, command: str) -> None:
    try:
        cells = list(trial.cells(command, chosen=some))
    except UntraceableError as error:
        pytest.skip(f"strace may not watch other processes here: {error}")
    assert [problem for cell in cells for problem in cell.problems] == []
    assert [cell.fault for cell in cells if cell.injected] == [fault.name for fault in FAULTS]


def test_a_campaign_that_injects_nothing_fails() -> None:
    missed = Outcome(injected=0, code=0, problem=None)
    assert Cell("disk full", [(Point("pwrite64", 7), missed)]).problems == ["disk full: nothing was injected"]
