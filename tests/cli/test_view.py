from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from motions import walking
from typer.testing import CliRunner, Result

from mbcli.cli.app import app

rr = pytest.importorskip("rerun")


@pytest.fixture
def pose(tmp_path: Path) -> Path:
    motion = walking(20)
    gone = replace(motion, meta={**motion.meta, "source": str(tmp_path / "gone.mp4")})
    gone.save(tmp_path / "pose.npz")
    return tmp_path / "pose.npz"


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["view", *map(str, words)])


def entities(path: Path) -> dict[str, int]:
    chunks = rr.chunk.RrdReader(path).stream().to_chunks()
    return {chunk.entity_path: len(chunk) for chunk in chunks}


def test_save(pose: Path, tmp_path: Path) -> None:
    done = run(pose, "--save", tmp_path / "out.rrd")
    assert done.exit_code == 0, done.stderr
    assert f"the video of {pose} is no longer at {tmp_path / 'gone.mp4'}" in done.stderr
    assert f"open it with: rerun {tmp_path / 'out.rrd'}" in done.stderr
    found = entities(tmp_path / "out.rrd")
    assert {"/space/person_1", "/video/person_1", "/angles/person_1/knee_angle_l"} <= set(found)


def test_no_video_is_no_warning(pose: Path, tmp_path: Path) -> None:
    done = run(pose, "--save", tmp_path / "out.rrd", "--no-video")
    assert done.exit_code == 0
    assert "warning:" not in done.stderr


def test_refinement_comes_first(pose: Path, tmp_path: Path) -> None:
    for name, words in (("raw", ()), ("smooth", ("--filter", "butterworth", "--cutoff", "2"))):
        done = run(pose, "--save", tmp_path / f"{name}.rrd", "--no-video", *words)
        assert done.exit_code == 0, done.stderr
    raw, smooth = (wrists(tmp_path / f"{name}.rrd") for name in ("raw", "smooth"))
    assert 0.001 < np.abs(raw - smooth).max() < 0.5


def wrists(path: Path) -> np.ndarray:
    for chunk in rr.chunk.RrdReader(path).stream().to_chunks():
        batch = chunk.to_record_batch()
        if chunk.entity_path == "/space/person_1" and "frame" in batch.schema.names:
            points = batch.column("Points3D:positions").to_pylist()
            return np.array([row[13] for row in points])
    raise AssertionError("nobody is there")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--overwrite"], "--overwrite needs --save, which is not given"),
        (["--save", "{}/a.mp4"], "a recording is written as .rrd, got a.mp4"),
        (["--save", "{}/a.rrd", "--video", "{}/none.mp4"], "no such file or folder"),
        (
            ["--save", "{}/a.rrd", "--no-video", "--footage", "file"],
            "--footage and --no-video exclude each other",
        ),
        (["--save", "{}/pose.npz/a.rrd"], "pose.npz is not a folder"),
    ],
)
def test_errors_are_one_line(pose: Path, tmp_path: Path, words: list[str], message: str) -> None:
    done = run(pose, "--quiet", *(word.format(tmp_path) for word in words))
    assert done.exit_code == 1
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.glob("*.rrd"))
