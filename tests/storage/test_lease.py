"""A folder in use is not removed; a process that has ended uses nothing."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from tlearn.storage.lease import (
    Lease,
    in_use,
    release_leases,
    remove_leftovers,
    remove_unused,
    scratch_folder,
)

_HOLD = """
import sys, time
from pathlib import Path
from tlearn.storage.lease import Lease
Lease(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(600)
"""


def test_a_folder_is_removed_once_its_use_has_ended(tmp_path: Path) -> None:
    folder = tmp_path / "tables" / "one"
    Lease(folder)
    (folder / "file").touch()
    assert not remove_unused(folder) and (folder / "file").exists()
    release_leases(tmp_path / "elsewhere")
    assert in_use(folder)
    release_leases(tmp_path)
    assert remove_unused(folder) and not folder.exists()


def test_another_process_that_uses_a_folder_keeps_it_until_it_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "table"
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(folder)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == b"held"
        assert not remove_unused(folder)
        process.kill()
    deadline = time.monotonic() + 30
    while not remove_unused(folder) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not folder.exists()


def test_what_a_killed_process_left_is_removed_and_what_is_being_written_stays(
    tmp_path: Path,
) -> None:
    for name in (".trash-1", ".unfinished-1", "table"):
        (tmp_path / name).mkdir()
    Lease(tmp_path / ".unfinished-2")
    remove_leftovers(tmp_path)
    kept = {path.name for path in tmp_path.iterdir() if path.is_dir()}
    assert {"table", ".unfinished-2"} <= kept
    assert not {".trash-1", ".unfinished-1"} & kept


def test_a_scratch_folder_is_in_use_until_it_goes(tmp_path: Path) -> None:
    with scratch_folder(tmp_path / "table") as scratch:
        (scratch / "rows").touch()
        remove_leftovers(tmp_path)
        assert (scratch / "rows").exists()
    assert not scratch.exists()
    scratch.mkdir()  # as if the process had been killed
    remove_leftovers(tmp_path)
    assert not scratch.exists()
