"""Memory follows the people seen, not their number times the frames."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from street import NEW, STEPS, peak, write_street

from mbcli.motion import load_motion

MINUTES, SEEN, FPS = 10, 20, 6  # minutes, seconds, frames a second
# Arrays of 3600 frames and 140 people hold 504000 poses, of which a thirtieth is there: 390 MB in
# float32, and several times as much while they are computed with. PyTorch takes 0.4 GB by itself.
MOST = 0.8e9  # bytes


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A keypoint file of ten minutes of a street on which people come and go."""
    path = tmp_path_factory.mktemp("street") / "street.npz"
    write_street(path, minutes=MINUTES, fps=FPS, seen=SEEN)
    return path


@pytest.mark.skipif(sys.platform == "win32", reason="the system does not record it")
def test_ten_minutes_of_a_street(street: Path, tmp_path: Path, tiny_lifter: Path) -> None:
    pose, refined = tmp_path / "pose.npz", tmp_path / "refined.npz"
    assert peak("infer", street, "--out", pose, "--weights", tiny_lifter) < MOST
    motion = load_motion(pose)
    assert motion.spans.frames == MINUTES * 60 * FPS
    assert len(motion.track_ids) == MINUTES * NEW
    assert motion.spans.rows == MINUTES * NEW * SEEN * FPS
    assert peak("refine", pose, "--out", refined, *STEPS) < MOST
    page = tmp_path / "page.html"
    assert peak("render", refined, "--out", page) < MOST
    assert page.stat().st_size < 10e6
    for name in ("a.csv", "a.glb"):
        assert peak("export", refined, "--out", tmp_path / name) < MOST
    picture = ("--layout", "3d", "--frame", "1800", "--width", "320")
    assert peak("render", refined, "--out", tmp_path / "a.png", *picture) < MOST
