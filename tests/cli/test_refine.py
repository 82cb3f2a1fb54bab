from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from motions import hidden, walking
from typer.testing import CliRunner, Result

from mbcli.cli.app import app
from mbcli.motion import load_motion


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["refine", *map(str, words)])


@pytest.fixture
def pose(tmp_path: Path) -> Path:
    path = tmp_path / "pose.npz"
    hidden(walking(60, people=2), slice(20, 24)).save(path)
    return path


def test_everything_at_once(pose: Path, tmp_path: Path) -> None:
    out = tmp_path / "refined.npz"
    words = "--max-gap 0.5 --outliers --filter butterworth --cutoff 8 --bones --feet --world"
    result = run(pose, "--out", out, *words.split())
    assert result.exit_code == 0, result.output
    motion = load_motion(out)
    assert motion.present.all()
    assert motion.refinement is not None
    assert np.isnan(motion.refinement.positions[20:24, 0]).all()
    assert motion.camera.grounded
    assert motion.camera.motion == "unknown"
    assert motion.meta["refinement"]["options"]["cutoff"] == 8
    assert "4 frames filled; butterworth at 8 Hz; constant bone lengths" in result.output
    assert "; world: gravity within" in result.output


def test_a_cut_off_that_a_clip_is_too_short_for_is_told(pose: Path, tmp_path: Path) -> None:
    words = ("--filter", "savgol", "--cutoff", "0.01")
    said = run(pose, "--out", tmp_path / "refined.npz", *words).output
    assert "savgol at 0.541 Hz, the nearest to 0.01 Hz in this clip" in said


def test_refined_anew(pose: Path, tmp_path: Path) -> None:
    out = tmp_path / "refined.npz"
    assert run(pose, "-o", out, "--max-gap", 0.5).exit_code == 0
    again = tmp_path / "again.npz"
    assert run(out, "-o", again, "--filter", "savgol", "-q").output == ""
    # Without a --max-gap this time, the hole is back.
    assert not load_motion(again).present[20:24, 0].any()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "there is nothing to do: give at least one of --max-gap, --outliers"),
        ("--max-gap 0", "there is nothing to do"),
        ("--max-gap -1", "--max-gap must be 0 or more"),
        ("--cutoff 6", "--cutoff needs --filter"),
        ("--filter savgol --cutoff 15", "--cutoff must be below half the frame rate, 15 Hz"),
    ],
)
def test_rules(pose: Path, tmp_path: Path, words: str, message: str) -> None:
    out = tmp_path / "refined.npz"
    result = run(pose, "--out", out, *words.split())
    assert result.exit_code == 1
    assert message in result.output
    assert result.output.count("\n") == 1
    assert not out.exists()


def test_other_files(pose: Path, tmp_path: Path) -> None:
    result = run(pose, "--out", tmp_path / "refined.bvh", "--bones")
    assert result.exit_code == 1
    assert "--out must end in .npz" in result.output
    result = run(pose, "--out", pose, "--bones")
    assert result.exit_code == 1
    assert "a separate file" in result.output
    other = tmp_path / "other.npz"
    np.savez(other, a=np.zeros(3))
    result = run(other, "--out", tmp_path / "x.npz", "--bones")
    assert result.exit_code == 1
    assert "not a pose.npz" in result.output
    assert run(pose, "--out", tmp_path / "x.npz", "--filter", "kalman").exit_code == 2
