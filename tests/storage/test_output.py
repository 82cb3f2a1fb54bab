from __future__ import annotations

import os
from pathlib import Path

import pytest

from mbcli.errors import OutputError
from mbcli.storage.output import (
    check_folder,
    check_output,
    check_separate,
    move_folder,
    written_whole,
)


def test_good_paths_pass_and_leave_nothing(tmp_path: Path) -> None:
    check_output(tmp_path / "new.npz", overwrite=False, inputs=())
    check_folder(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_bad_paths_are_told_apart(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(OutputError, match="--overwrite"):
        check_output(file, overwrite=False, inputs=())
    check_output(file, overwrite=True, inputs=())
    with pytest.raises(OutputError, match="is a folder"):
        check_output(tmp_path, overwrite=True, inputs=())
    for place in (file / "x.npz", file / "none" / "x.npz"):
        with pytest.raises(OutputError, match=r"cannot be created: .*file is not a folder"):
            check_output(place, overwrite=True, inputs=())


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder nobody can write to")
def test_unwritable_folder_is_refused() -> None:
    with pytest.raises(OutputError, match="cannot be written to"):
        check_output(Path("/proc/pose.npz"), overwrite=False, inputs=())


def test_folders_are_made_with_the_file_and_go_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("a") / "b" / "x.txt"
    check_output(path, overwrite=False, inputs=())
    assert not Path("a").exists(), "looking makes nothing"

    def fail(target: Path, error: type[BaseException], beside: Path | None = None) -> None:
        with written_whole(target, overwrite=False) as temporary:
            temporary.write_text("half")
            if beside is not None:
                beside.touch()
            raise error

    for error in (KeyboardInterrupt, RuntimeError):
        with pytest.raises(error):
            fail(path, error)
        assert list(tmp_path.iterdir()) == []
    with written_whole(path, overwrite=False) as temporary:
        temporary.write_text("whole")
    assert path.read_text() == "whole"
    with pytest.raises(RuntimeError):
        fail(Path("a") / "y.txt", RuntimeError)
    assert path.read_text() == "whole", "a folder that was there stays"
    with pytest.raises(RuntimeError):
        fail(Path("c") / "d" / "x.txt", RuntimeError, Path("c") / "mine")
    assert [p.name for p in Path("c").iterdir()] == ["mine"]


def test_file_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    with written_whole(path, overwrite=False) as temporary:
        temporary.write_text("whole")
        assert temporary.name == "x.txt", "writers choose the format by the suffix"
        assert not path.exists()
    assert path.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, OSError(28, "disk full")])
def test_nothing_is_left_of_a_failure(tmp_path: Path, error: type[BaseException] | OSError) -> None:
    expected = OutputError if isinstance(error, OSError) else error

    def write() -> None:
        with written_whole(tmp_path / "x.txt", overwrite=False) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(expected):
        write()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("link", [os.link, os.symlink, lambda source, path: None])
def test_no_input_is_written_over_under_whatever_name(link, tmp_path: Path) -> None:
    source = tmp_path / "in.mp4"
    source.touch()
    name = tmp_path / "out.mp4"
    link(source, name)
    output = name if name.exists() else tmp_path / "." / "x" / ".." / "in.mp4"
    (tmp_path / "x").mkdir()
    with pytest.raises(OutputError, match=r"a separate file, .* is the input .*in\.mp4"):
        check_output(output, overwrite=True, inputs=(None, "", "mbcli-lifter", str(source)))
    check_separate([tmp_path / "new.mp4"], [source, tmp_path / "gone.mp4", "a\0b"])


def test_files_of_a_folder_that_is_read_are_inputs_too(tmp_path: Path) -> None:
    for name in ("1.png", "pose.npz"):
        (tmp_path / name).touch()
    with pytest.raises(OutputError, match=r"is in the input folder"):
        check_separate([tmp_path / "1.png"], [tmp_path])
    check_separate([tmp_path / "2.png", tmp_path / "pose.npz"], [tmp_path])


def test_a_folder_takes_the_place_of_one_of_its_kind_only(tmp_path: Path) -> None:
    def own(name: str) -> bool:
        return name == "a"

    made, folder = tmp_path / "made", tmp_path / "folder"
    for place, names in ((made, "a"), (folder, "ab")):
        place.mkdir()
        for name in names:
            (place / name).write_text(place.name)
    with pytest.raises(OutputError, match=r"only files written by mbcli .* got b"):
        move_folder(made, folder, own)
    (folder / "b").unlink()
    (folder / "a").unlink()
    (folder / "a").mkdir()
    with pytest.raises(OutputError, match="got a"):
        move_folder(made, folder, own)
    (folder / "a").rmdir()
    link = tmp_path / "link"
    link.symlink_to(folder)
    with pytest.raises(OutputError, match="must be a folder"):
        move_folder(made, link, own)
    link.unlink()
    move_folder(made, folder, own)
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
    assert (folder / "a").read_text() == "made"
