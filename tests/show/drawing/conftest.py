from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from mbcli.camera import camera_from
from mbcli.motion import Motion3D
from mbcli.skeleton import H36M17
from mbcli.types import Keypoints2D

# Metres from the pelvis, x right, y down, z away: somebody who faces the camera, so that their
# left is on the right of the picture.
STANDING = {
    "pelvis": (0.0, 0.0, 0.0),
    "right_hip": (-0.13, 0.0, 0.0),
    "right_knee": (-0.14, 0.42, 0.0),
    "right_ankle": (-0.15, 0.84, 0.0),
    "left_hip": (0.13, 0.0, 0.0),
    "left_knee": (0.14, 0.42, 0.0),
    "left_ankle": (0.15, 0.84, 0.0),
    "spine": (0.0, -0.25, 0.0),
    "thorax": (0.0, -0.5, 0.0),
    "nose": (0.0, -0.6, -0.1),
    "head": (0.0, -0.72, 0.0),
    "left_shoulder": (0.18, -0.5, 0.0),
    "left_elbow": (0.32, -0.25, 0.0),
    "left_wrist": (0.4, 0.0, 0.0),
    "right_shoulder": (-0.18, -0.5, 0.0),
    "right_elbow": (-0.32, -0.25, 0.0),
    "right_wrist": (-0.4, 0.0, 0.0),
}

MakeMotion = Callable[..., Motion3D]


@pytest.fixture
def make_motion() -> MakeMotion:
    """Builder of motions of standing people, each with a path (T, 3) of the pelvis, or NaN."""

    def make(
        *paths: np.ndarray,
        size: tuple[int, int] = (320, 240),
        frame_index: np.ndarray | None = None,
        fps: float = 10.0,
        confidence: float = 1.0,
    ) -> Motion3D:
        body = np.array([STANDING[joint] for joint in H36M17.joints])
        root = np.stack(paths, axis=1).astype(np.float64)
        absent = np.isnan(root[..., 2])
        positions = np.where(absent[..., None, None], np.nan, body)
        world = positions + root[:, :, None]
        pixels = max(size) * world[..., :2] / world[..., 2:] + np.array(size) / 2
        score = np.where(absent[..., None], 0.0, np.full(len(body), confidence))
        index = np.arange(len(root)) if frame_index is None else frame_index
        keypoints = Keypoints2D(
            data=np.concatenate([pixels, score[..., None]], axis=-1),
            skeleton=H36M17,
            fps=fps,
            timestamps=index / fps,
            size=size,
            track_ids=np.arange(len(paths)) + 1,
            boxes=np.full((*absent.shape, 4), np.nan),
            frame_index=index,
        )
        return Motion3D(
            positions=positions,
            root=root,
            positions_normalized=positions,
            confidence=score,
            keypoints=keypoints,
            camera=camera_from(size, focal=float(max(size)), frames=len(root)),
        )

    return make
