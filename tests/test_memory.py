"""Memory follows the people seen, not their number times the frames."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from motions import walking

from mbcli.keypoints import write_keypoints
from mbcli.motion import load_motion
from mbcli.skeleton import H36M17
from mbcli.spans import PerPerson, Spans
from mbcli.types import Keypoints2D
from mbcli.values import build

MINUTES, NEW, SEEN, FPS = 10, 14, 20, 6  # minutes, people a minute, seconds, frames a second
# Arrays of 3600 frames and 140 people hold 504000 poses, of which a thirtieth is there: 390 MB in
# float32, and several times as much while they are computed with. PyTorch takes 0.4 GB by itself.
MOST = 0.8e9  # bytes


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A keypoint file of ten minutes of a street on which people come and go."""
    frames, people, each = MINUTES * 60 * FPS, MINUTES * NEW, SEEN * FPS
    first = np.arange(people) * (frames - each) // (people - 1)
    spans = Spans(frames, first, first + each)
    walk = walking(each, fps=FPS)
    rng = np.random.default_rng(0)
    data = np.tile(walk.keypoints.data[:, 0], (people, 1, 1))
    data[..., :2] += rng.normal(0, 0.5, data[..., :2].shape)
    boxes = np.tile(walk.keypoints.boxes[:, 0], (people, 1))
    keypoints = build(
        Keypoints2D,
        data=PerPerson(spans, data, (np.nan, np.nan, 0.0)),
        skeleton=H36M17,
        fps=float(FPS),
        timestamps=np.arange(frames) / FPS,
        size=walk.keypoints.size,
        track_ids=np.arange(people) + 1,
        boxes=PerPerson(spans, boxes, np.nan),
        frame_index=np.arange(frames),
    )
    path = tmp_path_factory.mktemp("street") / "street.npz"
    write_keypoints(path, keypoints)
    return path


# A process starts with the peak of the one that started it: pytest's is much higher.
_LAUNCHER = """
import os, sys
process = os.posix_spawn(sys.executable, sys.argv[1:], os.environ)
_, status, usage = os.wait4(process, 0)
unit = 1 if sys.platform == "darwin" else 1024
print(os.waitstatus_to_exitcode(status), usage.ru_maxrss * unit)
"""


def peak(*arguments: object) -> int:
    """Peak memory in bytes of a run of mbcli, which must succeed."""
    run = [sys.executable, "-m", "mbcli", *map(str, arguments), "--quiet"]
    done = subprocess.run(
        [sys.executable, "-S", "-c", _LAUNCHER, *run],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    code, size = map(int, done.stdout.split()[-2:])
    assert code == 0, done.stderr
    return size


@pytest.mark.skipif(sys.platform == "win32", reason="the system does not record it")
def test_ten_minutes_of_a_street(street: Path, tmp_path: Path, tiny_lifter: Path) -> None:
    pose, refined = tmp_path / "pose.npz", tmp_path / "refined.npz"
    assert peak("infer", street, "--out", pose, "--weights", tiny_lifter) < MOST
    motion = load_motion(pose)
    assert motion.spans.frames == MINUTES * 60 * FPS
    assert len(motion.track_ids) == MINUTES * NEW
    assert motion.spans.rows == MINUTES * NEW * SEEN * FPS
    steps = ("--outliers", "--filter", "butterworth", "--cutoff", "2", "--bones", "--feet")
    assert peak("refine", pose, "--out", refined, *steps, "--world") < MOST
    page = tmp_path / "page.html"
    assert peak("render", refined, "--out", page) < MOST
    assert page.stat().st_size < 10e6
    for name in ("a.csv", "a.glb"):
        assert peak("export", refined, "--out", tmp_path / name) < MOST
    picture = ("--layout", "3d", "--frame", "1800", "--width", "320")
    assert peak("render", refined, "--out", tmp_path / "a.png", *picture) < MOST
