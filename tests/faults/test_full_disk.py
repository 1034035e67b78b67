"""On a disk that is full, readers answer, writers say so, and a new database is whole or not there."""

from pathlib import Path

import pytest

from tests.faults import full_disk

pytestmark = pytest.mark.slow  # some hundred commands on small disks

_STEP_KILOBYTES = 60


@pytest.mark.timeout(900)
def test_a_full_disk_is_reported_and_nothing_is_lost(private_mounts: list[str], tmp_path: Path) -> None:
    found = full_disk.tried(private_mounts, tmp_path, _STEP_KILOBYTES)
    assert [each for each in found if each.problem] == []
    made = [each for each in found if each.kind == "new file"]
    assert {each.code for each in made} == {0, 1}, "some of the disks are too small, and some are not"
    assert len(found) > len(made) > 0
