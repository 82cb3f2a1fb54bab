"""The walk of a still clip, filmed by a virtual camera, and how far off its people come out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from benchmarks.world.movers import Mover, Picture
from mbcli.camera import Camera
from mbcli.motion import Motion3D
from mbcli.placing.background import Background
from mbcli.tracks.detection import Detection
from mbcli.types import FloatArray, Frame, FramePoses, Keypoints2D
from mbcli.values import changed


def moved_keypoints(keypoints: Keypoints2D, mover: Mover, focal: float) -> Keypoints2D:
    """Tracks of the still camera where the virtual one sees them: with the same errors."""
    data: FloatArray = keypoints.data.astype(np.float64)
    boxes = keypoints.boxes.astype(np.float64)
    corners: FloatArray = boxes.reshape(*boxes.shape[:2], 2, 2)
    data[..., :2] = mover.seen(data[..., :2], focal, keypoints.size)
    corners = mover.seen(corners, focal, keypoints.size)
    low, high = corners.min(axis=-2), corners.max(axis=-2)
    return changed(
        keypoints,
        data=data.astype(np.float32),
        boxes=np.concatenate([low, high], axis=-1).astype(np.float32),
        size=mover.size,
    )


def ties_in(
    pictures: Iterable[Picture], keypoints: Keypoints2D, camera: Camera | None = None
) -> FloatArray:
    """(T, 2, 26) the ties of the pictures in which these people were found."""
    background, found = Background(keypoints.size, camera), []
    for row, picture in enumerate(pictures):
        index, time = int(keypoints.frame_index[row]), float(keypoints.timestamps[row])
        there = keypoints.present[row]
        poses = FramePoses(index, time, keypoints.boxes[row, there], keypoints.data[row, there])
        found.append(background(Frame(index, time, picture), poses))
    return np.array(found)


def detection(keypoints: Keypoints2D, ties: FloatArray | None) -> Detection:
    """What the 2D stage would have given."""
    return Detection(keypoints, "walk", "movenet", ties=ties)


@dataclass(frozen=True)
class Apart:
    """How far a motion is from that of the still camera, in the axes of the first picture.

    Attributes:
        path: metres, the largest distance between the pelvises of one person and moment.
        mean: metres, its mean.
        way: metres, the longest way of a pelvis from the first frame.
        pose: metres, the mean distance of joints relative to the pelvis.
    """

    path: float
    mean: float
    way: float
    pose: float


def apart(motion: Motion3D, still: Motion3D, first: FloatArray) -> Apart:
    """Compare motions of the same tracks.

    Args:
        motion: of the virtual camera.
        still: of the still camera.
        first: (3, 3) the rotation from the axes of the virtual camera's first picture to those of
            the still camera.
    """
    there, truth = (one.camera.ungrounded.to_world(one.in_camera) for one in (motion, still))
    there = there @ first.T
    off = np.linalg.norm(there[:, :, 0] - truth[:, :, 0], axis=-1)
    one, other = (points - points[:, :, :1] for points in (there, truth))
    joints = np.linalg.norm(one - other, axis=-1)[..., 1:]
    way = np.linalg.norm(truth[:, :, 0] - truth[:1, :, 0], axis=-1)
    return Apart(
        float(np.nanmax(off)),
        float(np.nanmean(off)),
        float(np.nanmax(way)),
        float(np.nanmean(joints)),
    )
