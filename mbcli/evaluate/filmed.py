"""A store of 3D motion as seen by virtual cameras, so that lifters can be evaluated on it."""

from __future__ import annotations

import numpy as np

from mbcli.data.stores.sequences import KEYPOINTS, Sequence, SequenceStore
from mbcli.data.stores.store import ClipStore
from mbcli.errors import DataError
from mbcli.geometry import from_ray, unit
from mbcli.skeleton import BODY21, H36M17
from mbcli.types import FloatArray

# Four cameras at right angles, as in Human3.6M, far enough to see a whole body that walks about.
_AZIMUTHS = (45.0, 135.0, 225.0, 315.0)  # degrees about the vertical axis
_DISTANCE = 5.0  # metres from the middle of the clip
_HEIGHT = 1.5  # metres above the lowest joint
_NEAREST = 0.6  # metres from the camera; a body that comes closer moves the camera back
SIZE = (1920, 1080)
_FOCAL = 1500.0  # pixels, 65 degrees across
_JOINTS = [BODY21.index(joint) for joint in H36M17.joints]


def filmed(store: ClipStore, *, along_ray: bool) -> SequenceStore:
    """Every clip through four static cameras, with exact keypoints of confidence 1.

    Args:
        store: clips in metres, y up.
        along_ray: whether the truth is in the axes of cameras that look at the pelvis, as some
            lifters answer.

    Returns:
        A store in memory with keypoints, target, truth and factor; its sequences have no split, and
        subjects as actions.

    Raises:
        DataError: the store has no clips.
    """
    if not store.clips:
        raise DataError(f"{store.path} must hold clips to evaluate on, got none")
    sequences: list[Sequence] = []
    parts: list[tuple[FloatArray, FloatArray, FloatArray]] = []
    start = 0
    for clip in store.clips:
        body = np.asarray(store.joints(clip), dtype=np.float64)[:, _JOINTS]
        for azimuth in _AZIMUTHS:
            name = f"{clip.name} {azimuth:g}"
            row = Sequence(
                name, clip.subject, clip.source, clip.fps, start, len(body), SIZE,
                action=clip.subject, camera=f"{azimuth:g}", licence=clip.licence,
            )  # fmt: skip
            sequences.append(row)
            parts.append(_seen(body, azimuth, along_ray=along_ray))
            start += len(body)
    targets, truths, factors = (
        np.concatenate([part[k] for part in parts], dtype=np.float32) for k in range(3)
    )
    ones = np.ones_like(targets[..., :1])
    keypoints = np.concatenate([targets[..., :2], ones], axis=-1)[:, None]
    arrays = {KEYPOINTS: keypoints, "target": targets, "truth": truths, "factor": factors}
    return SequenceStore(store.path, tuple(sequences), arrays)


def _seen(
    body: FloatArray, azimuth: float, *, along_ray: bool
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Target (F, 17, 3), truth (F, 17, 3) and factor (F,) of (F, 17, 3) metres, y up."""
    middle = body[:, 0].mean(axis=0)
    angle = np.radians(azimuth)
    eye = middle + _DISTANCE * np.array([np.sin(angle), 0.0, np.cos(angle)])
    eye[1] = body[..., 1].min() + _HEIGHT
    forward = unit(middle - eye)
    right = unit(np.cross(forward, [0.0, 1.0, 0.0]))
    axes = np.stack([right, np.cross(forward, right), forward])  # rows: right, down, away
    seen = (body - eye) @ axes.T
    seen[..., 2] += max(0.0, _NEAREST - float(seen[..., 2].min()))
    pelvis = seen[:, :1]
    factor = pelvis[:, 0, 2] / _FOCAL * 1000  # millimetres per pixel
    pose = seen - pelvis
    if along_ray:
        # The inverse of a turn about an axis in the picture plane is the turn to the opposite ray.
        pose = from_ray(pose, -pelvis[:, 0, :2] / pelvis[:, 0, 2:])
    pixels = _FOCAL * seen[..., :2] / seen[..., 2:] + np.array(SIZE) / 2
    depth = pose[..., 2:] * 1000 / factor[:, None, None]
    return np.concatenate([pixels, depth], axis=-1), pose * 1000, factor
