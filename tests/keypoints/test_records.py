from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mbcli.bounds import MAX_FRAMES
from mbcli.keypoints.records import KeypointFile
from mbcli.skeleton import COCO17


def _file(**changes: Any) -> KeypointFile:
    points = np.ones((3, 17, 3))
    given: dict[str, Any] = {"frame_index": np.array([0, 0, 2]), "keypoints": points, "frames": 3}
    return KeypointFile(path=Path("some.json"), format="coco", skeleton=COCO17, **(given | changes))


def _points(**at: float) -> np.ndarray:
    """All ones, but for one number of the second person, who is in frame 0."""
    points = np.ones((3, 17, 3))
    for channel, value in at.items():
        points[1, 4, "xyc".index(channel)] = value
    return points


def test_sound_poses_pass() -> None:
    missing = _points(x=np.nan, y=np.nan, c=0)
    file = _file(keypoints=missing, ids=np.array([1, 2, 1]))
    assert file.frames == 3
    assert _file(frames=MAX_FRAMES).frames == MAX_FRAMES


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"keypoints": np.ones((3, 16, 3))}, "must hold 17 keypoints"),
        ({"keypoints": np.ones((3, 17, 2))}, "x, y and confidence"),
        ({"keypoints": np.ones((0, 17, 3)), "frame_index": np.arange(0)}, "no person"),
        ({"keypoints": _points(x=np.inf)}, "finite numbers, got others in frame 0"),
        ({"keypoints": _points(y=-np.inf, c=0)}, "finite numbers"),
        ({"keypoints": _points(c=np.nan)}, "finite numbers"),
        ({"keypoints": _points(x=np.nan, c=0.5)}, "finite numbers"),
        ({"keypoints": _points(c=1.01)}, "within 0..1, got 1..1.01"),
        ({"keypoints": _points(c=-0.1)}, "within 0..1, got -0.1..1"),
        ({"frame_index": np.array([0, 2, 1])}, "got frame 1 after 2"),
        ({"frame_index": np.array([-1, 0, 1])}, "got frame -1 first"),
        ({"frames": MAX_FRAMES + 1}, f"from 0 to {MAX_FRAMES}"),
        ({"ids": np.array([5, 5, 5])}, "has person 5 twice in frame 0"),
    ],
)
def test_rules_of_every_format(
    refused: Callable[..., Any], changes: dict[str, Any], said: str
) -> None:
    with refused("some.json", said):
        _file(**changes)
