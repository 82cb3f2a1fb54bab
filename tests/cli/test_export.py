from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from motions import hidden, walking
from typer.testing import CliRunner, Result

from mbcli.cli.app import app
from mbcli.exports import FORMATS
from mbcli.motion import save_motion


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["export", *map(str, words)])


@pytest.fixture
def pose(tmp_path: Path) -> Path:
    path = tmp_path / "pose.npz"
    save_motion(path, hidden(walking(40, people=2), slice(10, 13), person=1))
    return path


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != "pose.npz")


def test_a_file_for_each_person(pose: Path, tmp_path: Path) -> None:
    result = run(pose, "--out", tmp_path / "walk.trc")
    assert result.exit_code == 0, result.output
    assert files(tmp_path) == ["walk_1.trc", "walk_2.trc"]
    assert result.stdout == ""
    first, second, notes = result.stderr.splitlines()
    assert first == f"{tmp_path / 'walk_1.trc'}: 40 frames, 30 frames/s, person 1"
    assert second.endswith("person 2")
    for words in ("millimetres", "y up", "taken to be level", "1.65 m, given", "not refined"):
        assert words in notes


def test_one_file_for_all(pose: Path, tmp_path: Path) -> None:
    result = run(pose, "-o", tmp_path / "walk.csv", "--shape", "long", "--fps", 15, "--up", "z")
    assert result.exit_code == 0, result.output
    assert "20 frames, 15 frames/s, people 1, 2" in result.stderr
    assert "z up" in result.stderr
    assert "resampled from 30 to 15 frames/s" in result.stderr
    assert len((tmp_path / "walk.csv").read_text().splitlines()) == 1 + 20 * 2 * 17


def test_one_person_and_quiet(pose: Path, tmp_path: Path) -> None:
    result = run(pose, "-o", tmp_path / "walk.npy", "--person", 2, "-q")
    assert (result.exit_code, result.output) == (0, "")
    assert np.load(tmp_path / "walk.npy").shape == (40, 17, 3)


def test_the_format_by_name(pose: Path, tmp_path: Path) -> None:
    result = run(pose, "-o", tmp_path / "walk.txt", "--format", "csv", "--scale", 100)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "walk.txt").read_text().startswith("frame,time,person,pelvis_x")
    assert "units: centimetres" in result.stderr


def test_refined_on_the_way(pose: Path, tmp_path: Path) -> None:
    words = ("--max-gap", 0.2, "--filter", "butterworth", "--cutoff", 6)
    result = run(pose, "-o", tmp_path / "walk.csv", *words)
    assert result.exit_code == 0, result.output
    assert "refined: " in result.stderr
    lines = (tmp_path / "walk.csv").read_text().splitlines()
    assert not any(",," in line for line in lines)


def test_list_shows_every_format() -> None:
    result = run("--list")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert len(lines) == 1 + len(FORMATS)
    for line, row in zip(lines[1:], FORMATS.values(), strict=True):
        assert line.startswith(row.suffixes[0])
        assert row.about in line


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("-o", "a.xyz"), "--out must end in one of .bvh, "),
        (("-o", "a.trc", "--format", "maya"), "--format must be one of bvh, "),
        (("-o", "a.trc", "--person", "9"), "--person must be all, largest or one of 1, 2, got 9"),
        (("-o", "a.trc", "--person", "first"), "--person must be all, largest or ids such as 1"),
        (("-o", "a.trc", "--fps", "0"), "--fps must be 0.1..10000 frames/s, got 0"),
        (("-o", "a.npy", "--up", "z"), "--up z applies to bvh, usd, trc, c3d, csv, "),
        (("-o", "a.trc", "--cutoff", "5"), "--cutoff needs --filter"),
        (("-o", "a.trc", "--world", "--space", "camera"), "--space must be auto or world with --"),
        (
            ("-o", "pose.npz/a.trc"),
            "the output folder pose.npz cannot be created: pose.npz is not a folder",
        ),
    ],
)
def test_errors_are_one_line(
    words: tuple[str, ...], message: str, pose: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(pose.parent)
    result = run("pose.npz", *words)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: {message}")
    assert result.stderr.count("\n") == 1
    assert files(pose.parent) == []


def test_a_file_that_is_no_motion(tmp_path: Path) -> None:
    (tmp_path / "other.npz").write_bytes(b"no zip")
    result = run(tmp_path / "other.npz", "-o", tmp_path / "a.trc")
    assert result.exit_code == 1
    assert "is not a readable pose.npz" in result.stderr


def test_nobody(tmp_path: Path) -> None:
    save_motion(tmp_path / "pose.npz", walking(5, people=0))
    result = run(tmp_path / "pose.npz", "-o", tmp_path / "a.trc")
    assert result.exit_code == 1
    assert "holds nobody to export" in result.stderr


def test_help_loads_nothing_heavy() -> None:
    code = """
import sys
from mbcli.__main__ import main
sys.argv = ["mbcli", "export", "--help"]
try:
    main()
except SystemExit as exit:
    assert not exit.code, exit.code
print("\\n".join(sorted({name.split(".")[0] for name in sys.modules})))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"numpy", "scipy", "pyarrow", "ezc3d", "pxr", "torch"}
    assert heavy.isdisjoint(done.stdout.split())
