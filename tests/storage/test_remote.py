"""Inputs and results in an object store, which a server on this machine is, and in plain files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from motions import walking
from typer.testing import CliRunner, Result

import mbcli
from mbcli.batch.inputs import gather
from mbcli.cli.app import app
from mbcli.errors import ConfigError, InputError, OutputError
from mbcli.storage import remote
from mbcli.video import list_videos


@pytest.fixture(params=["store", "files"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder, by its address."""
    if request.param == "files":
        return Path(f"file://{tmp_path}/far")
    bucket: Path = request.getfixturevalue("object_store")
    return bucket / tmp_path.name


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [*map(str, words)])


def test_files_are_put_whole_and_fetched(place: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("first")
    target = place / "sub" / "b.txt"
    assert not remote.exists(target)
    assert remote.state(target) is None
    remote.put(tmp_path / "a.txt", target)
    before = remote.state(target)
    assert remote.found(place / "**" / "*.txt") == remote.found(target.parent / "*") == [target]
    assert remote.is_folder(target.parent)
    copy = remote.fetch(target, tmp_path / "here")
    assert copy.read_text() == "first"
    assert remote.origin(copy) == remote.address(target)
    (tmp_path / "a.txt").write_text("later")
    remote.put(tmp_path / "a.txt", target)
    assert remote.state(target) != before
    with pytest.raises(OutputError, match=r"cannot be written|does not exist"):
        remote.put(tmp_path / "none.txt", target)
    assert remote.found(target.parent / "*") == [target], "nothing unfinished is left"
    with pytest.raises(InputError, match=r"none.txt does not exist"):
        remote.fetch(place / "none.txt", tmp_path)


def test_inputs_are_found_by_folder_and_by_pattern(place: Path, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    for name in ("take10.mp4", "take2.mp4", "notes.txt", "sub/walk.mov"):
        remote.put(tmp_path / "a", place / name)
    far = remote.address(place)

    def names(*words: str, recursive: bool = False) -> list[str]:
        given = gather(words, list_videos, recursive=recursive)
        return [one.path.relative_to(place).as_posix() for one in given]

    assert names(far) == ["take2.mp4", "take10.mp4"]
    assert names(far, recursive=True) == ["take2.mp4", "take10.mp4", "sub/walk.mov"]
    assert names(f"{far}/**/*.m*") == ["sub/walk.mov", "take10.mp4", "take2.mp4"]
    with pytest.raises(InputError, match="no file matches"):
        names(f"{far}/*.avi")


def test_a_service_that_nothing_here_speaks_to_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere://x/y cannot be reached"):
        remote.fetch(Path("nowhere://x/y"), tmp_path)


def test_what_is_written_beside_the_result_stays_here(tmp_path: Path) -> None:
    walking(frames=20, people=1).save(tmp_path / "walk.npz")
    done = run("plot", tmp_path / "walk.npz", "--out", "s3://clips/angles.pdf")
    assert done.exit_code == 1
    wanted = "error: the output must be a file on this machine, got s3://clips/angles.pdf"
    assert done.stderr.strip() == wanted


def test_a_command_reads_there_and_writes_there(place: Path, tmp_path: Path) -> None:
    walking(frames=20, people=2).save(tmp_path / "walk.npz")
    for name in ("a.pose.npz", "sub/b.pose.npz"):
        remote.put(tmp_path / "walk.npz", place / "in" / name)
    far, out = remote.address(place / "in"), remote.address(place / "out")
    words = ["refine", far, "--recursive", "--out", out, "--filter", "butterworth", "--json"]
    first = run(*words)
    assert first.exit_code == 0, first.output
    results = [json.loads(line)["results"][0] for line in first.stdout.splitlines()]
    assert [one["source"] for one in results] == [f"{far}/a.pose.npz", f"{far}/sub/b.pose.npz"]
    assert [one["output"] for one in results] == [f"{out}/a.npz", f"{out}/sub/b.npz"]
    assert all(one["notes"][0].startswith(one["output"]) for one in results)
    made = remote.fetch(place / "out" / "sub" / "b.npz", tmp_path)
    assert "refinement" in mbcli.load(made).meta
    again = run(*words)
    assert again.exit_code == 0, again.output
    assert [
        json.loads(line)["results"][0]["finished_before"] for line in again.stdout.splitlines()
    ] == [True, True]
    walking(frames=21, people=2).save(tmp_path / "other.npz")
    remote.put(tmp_path / "other.npz", place / "in" / "a.pose.npz")
    third = run(*words)
    assert third.exit_code == 1, "its input is another now, and the result exists"
    assert f"{out}/a.npz exists" in third.stderr
    assert run(*words, "--overwrite").exit_code == 0
    exported = run("export", f"{far}/a.pose.npz", "--out", f"{out}/a.bvh")
    assert exported.exit_code == 0, exported.output
    assert f"{out}/a_1.bvh" in exported.stderr
    assert [path.name for path in remote.found(place / "out" / "*.bvh")] == ["a_1.bvh", "a_2.bvh"]
