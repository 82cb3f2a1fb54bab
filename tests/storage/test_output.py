from __future__ import annotations

from pathlib import Path

import pytest

from mbcli.errors import OutputError
from mbcli.storage.output import check_folder, check_output, written_whole


def test_good_paths_pass_and_leave_nothing(tmp_path: Path) -> None:
    check_output(tmp_path / "new.npz", overwrite=False)
    check_folder(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_bad_paths_are_told_apart(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(OutputError, match="--overwrite"):
        check_output(file, overwrite=False)
    check_output(file, overwrite=True)
    with pytest.raises(OutputError, match="is a folder"):
        check_output(tmp_path, overwrite=True)
    for missing in (tmp_path / "none" / "x.npz", file / "x.npz"):
        with pytest.raises(OutputError, match="must exist"):
            check_output(missing, overwrite=True)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder nobody can write to")
def test_unwritable_folder_is_refused() -> None:
    with pytest.raises(OutputError, match="cannot be written to"):
        check_output(Path("/proc/pose.npz"), overwrite=False)


def test_file_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    with written_whole(path, overwrite=False) as temporary:
        temporary.write_text("whole")
        assert temporary.suffix == ".txt"
        assert temporary.parent == tmp_path
        assert not path.exists()
    assert path.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, OSError(28, "disk full")])
def test_nothing_is_left_of_a_failure(tmp_path: Path, error: BaseException) -> None:
    expected = OutputError if isinstance(error, OSError) else error

    def write() -> None:
        with written_whole(tmp_path / "x.txt", overwrite=False) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(expected):
        write()
    assert list(tmp_path.iterdir()) == []
