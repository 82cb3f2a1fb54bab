"""Many files in one run, through every command that takes a pose.npz."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from motions import walking
from typer.testing import CliRunner, Result

import mbcli
from mbcli.batch.finished import LEDGER
from mbcli.cli.app import app


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [*map(str, words)])


@pytest.fixture
def poses(tmp_path: Path) -> Path:
    folder = tmp_path / "poses"
    for name in ("a.pose.npz", "sub/b.pose.npz"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        walking(frames=20, people=2).save(folder / name)
    (folder / "bad.npz").write_text("no zip")
    return folder


def made(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.name != LEDGER
    )


@pytest.mark.parametrize(
    ("words", "files"),
    [
        (["refine", "--filter", "butterworth"], ["a.npz", "sub/b.npz"]),
        (["export", "--format", "bvh"], ["a_1.bvh", "a_2.bvh", "sub/b_1.bvh", "sub/b_2.bvh"]),
        (["render", "--layout", "3d", "--width", "64"], ["a.mp4", "sub/b.mp4"]),
    ],
)
def test_folders_of_poses(words: list[str], files: list[str], poses: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command, *options = words
    first = run(command, poses, "--recursive", "--out", out, "--json", *options)
    assert first.exit_code == 1
    assert made(out) == files
    lines = [json.loads(line) for line in first.stdout.splitlines()]
    assert [line["ok"] for line in lines] == [True, False, True]
    assert "bad.npz" in lines[1]["results"][0]["error"]
    (poses / "bad.npz").unlink()
    again = run(command, poses, "--recursive", "--out", out, *options)
    assert again.exit_code == 0, again.output
    assert again.stderr.count("(finished before)") == 2
    for path in out.glob("a*"):
        path.unlink()
    last = run(command, poses, "--recursive", "--out", out, *options, "--jobs", "2")
    assert last.exit_code == 0, last.output
    assert last.stderr.count("(finished before)") == 1
    assert made(out) == files


def test_refined_results_beside_their_files_are_not_refined_again(poses: Path) -> None:
    (poses / "bad.npz").unlink()
    for count in (0, 1):
        done = run("refine", poses, "--filter", "butterworth")
        assert done.exit_code == 0, done.output
        assert done.stderr.count("was finished before") == count
        assert made(poses) == ["a.pose.npz", "a.refined.npz", "sub/b.pose.npz"]
    assert "refinement" in mbcli.load(poses / "a.refined.npz").meta


def test_what_belongs_to_one_file_is_refused_for_several(poses: Path, tmp_path: Path) -> None:
    shutil.copy(poses / "a.pose.npz", poses / "c.pose.npz")
    video = tmp_path / "x.mp4"
    done = run("render", poses, "--out", tmp_path / "{name}.mp4", "--video", video)
    assert done.exit_code == 1
    assert "--video belongs to one pose.npz, got 3 inputs" in done.stderr
    done = run("export", poses, "--out", tmp_path / "out")
    assert done.exit_code == 1
    assert "--format" in done.stderr
