from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mbcli.errors import OutputError
from mbcli.storage.output import written_whole
from mbcli.storage.workspace import discard_unfinished, locked, workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX locks")

_HOLD = """
import sys
from pathlib import Path
from mbcli.storage.workspace import workspace
with workspace(Path(sys.argv[1])) as place:
    (place / "half.npz").write_text("half")
    print(place.name, flush=True)
    sys.stdin.read()
"""


def hold(folder: Path) -> tuple[subprocess.Popen[str], Path]:
    """Another process at work in a folder, and its workspace."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, folder / process.stdout.readline().strip()


def test_what_a_killed_process_left_goes_with_the_next_output(tmp_path: Path) -> None:
    killed, left = hold(tmp_path)
    alive, kept = hold(tmp_path)
    mine = tmp_path / ".mbcli-notes.txt"
    mine.touch()
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert (left / "half.npz").exists()
    with written_whole(tmp_path / "x.txt", overwrite=False) as temporary:
        temporary.write_text("whole")
    assert not left.exists()
    assert (kept / "half.npz").read_text() == "half", "its process is at work"
    alive.communicate("")
    assert sorted(path.name for path in tmp_path.iterdir()) == [mine.name, "x.txt"]


def test_a_name_of_the_greatest_length_is_written(tmp_path: Path) -> None:
    longest = os.pathconf(tmp_path, "PC_NAME_MAX")
    path = tmp_path / ("x" * (longest - 4) + ".txt")
    with written_whole(path, overwrite=False) as temporary:
        temporary.write_text("whole")
    assert path.read_text() == "whole"


def test_all_that_is_unfinished_can_be_discarded(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    with workspace(tmp_path / "a" / "b") as place:
        (place / "half").touch()
        discard_unfinished()
        assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    discard_unfinished()
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_lock_is_free_again_after_a_crash(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib, mbcli.storage.workspace as w\n"
        "with w.locked(pathlib.Path(sys.argv[1])): print(flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert other.stdout is not None
    other.stdout.readline()
    with pytest.raises(OutputError, match="in use by another run"), locked(tmp_path / "lock"):
        pass
    other.kill()
    other.communicate()
    with locked(tmp_path / "lock"):
        pass
