"""A recorded walk whose heel strikes and toe offs were looked up by hand, frame by frame."""

from __future__ import annotations

import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from motions import walking, with_feet

from mbcli.data.recordings.body import figure_of
from mbcli.data.recordings.bvh import read_bvh
from mbcli.data.recordings.figure import placed
from mbcli.gait.parameters import gait_of
from mbcli.skeleton import BODY21, H36M17

CMU = Path(__file__).parents[3] / "shared" / "mocap" / "cmu.tar.xz"
UNIT = 0.056444  # metres
# Frames at 120 a second in which a heel has come to rest on the floor, and toes begin to rise.
BY_HAND = {
    ("left", "heel strike"): (58, 190),
    ("right", "heel strike"): (124, 254),
    ("right", "toe off"): (74, 204),
    ("left", "toe off"): (139, 268),
}


@pytest.mark.skipif(not CMU.exists(), reason="recordings that are not in the repository")
def test_events_of_a_recorded_walk(tmp_path: Path) -> None:
    with tarfile.open(CMU, "r|xz") as archive:
        member = next(one for one in archive if one.name == "cmu/7/7_01.bvh")
        source = archive.extractfile(member)
        assert source is not None
        (tmp_path / "walk.bvh").write_bytes(source.read())
    recording = read_bvh(tmp_path / "walk.bvh", scale=UNIT)
    figure = placed(figure_of(recording), up="y", scale=1.0)
    assert figure.feet is not None
    body = figure.body[:, [BODY21.index(joint) for joint in H36M17.joints]]
    # The first frame is a T-pose. The camera stands 10 m away.
    points = np.concatenate([body, figure.feet], axis=1)[1:] * [1, -1, -1] + [0, 0, 10]
    motion = with_feet(walking(len(points), fps=recording.fps))
    motion = replace(motion, positions=(points - points[:, :1])[:, None], root=points[:, :1])
    ((gait,), _) = gait_of(motion, "all")
    assert gait.read_from == "heel and big toe"
    for (side, what), frames in BY_HAND.items():
        found = [time for time, whose, event in gait.events if (whose, event) == (side, what)]
        real = (np.array(frames) - 1) / recording.fps
        near = [found[int(np.abs(np.array(found) - there).argmin())] for there in real]
        np.testing.assert_allclose(near, real, atol=0.045)
    # From the frames by hand: strides of 132 and 130 frames.
    assert gait.means["left"]["stride_time"] == pytest.approx(132 / 120, abs=0.02)
    assert gait.means["right"]["stride_time"] == pytest.approx(130 / 120, abs=0.02)
    assert 0.55 < gait.means["right"]["stance_share"] < 0.67
    assert gait.means["right"]["speed"] == pytest.approx(1.4, abs=0.1)
