"""Four calibrated views of one man: the 2D stage, the reference, and what is compared with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.accuracy.calibration import View, read_qualisys
from benchmarks.accuracy.quality import Quality, quality
from benchmarks.accuracy.reference import BONES, LIMBS, Reference, reference
from mbcli.errors import InputError
from mbcli.motion import Motion3D
from mbcli.options import InferOptions
from mbcli.pipeline import Pipeline, in_skeleton
from mbcli.report import Stopwatch, unobserved
from mbcli.skeleton import H36M17
from mbcli.tracks.source import Detection, opened
from mbcli.types import FloatArray

CALIBRATION = "Calib.qca.txt"
HIPS = tuple(LIMBS.index(H36M17.index(name)) for name in ("left_hip", "right_hip"))
NAMES = tuple(H36M17.joints[joint] for joint in LIMBS)

# Length of shin, thigh, upper and lower arm over stature: Drillis and Contini 1966, as in Winter,
# figure 4.1; the reference has no joint between the shoulders to measure a trunk with.
_LIMBS_OVER_STATURE = 2 * (0.245 + 0.246 + 0.186 + 0.146)


@dataclass(frozen=True)
class Footage:
    """One synchronised recording.

    Attributes:
        videos: one for each camera.
        detections: what the 2D stage found in each.
        reference: the man.
        fps: frames per second.
        quality: how good the reference is.
    """

    videos: tuple[Path, ...]
    detections: tuple[Detection, ...]
    reference: Reference
    fps: float
    quality: Quality

    @property
    def views(self) -> tuple[View, ...]:
        """The cameras, the worst estimated anew."""
        return self.reference.views

    def target(self, view: int) -> FloatArray:
        """(T, 12, 3) metres: the man in a camera's frame."""
        return self.views[view].to_camera(self.reference.joints)

    def keypoints(self, view: int) -> FloatArray:
        """(T, 12, 3) what the 2D stage says of him, pixels and confidence."""
        seen = in_skeleton(self.detections[view].keypoints, H36M17, published=False).data
        return seen[:, self.reference.tracks[view]][:, LIMBS].astype(np.float64)

    def boxes(self, view: int, margin: float = 0.2) -> FloatArray:
        """(T, 4) left, top, right, bottom around the man, in pixels."""
        pixels = self.views[view].project(self.reference.joints)
        low, high = pixels.min(axis=1), pixels.max(axis=1)
        room = margin * (high - low).max(axis=1, keepdims=True)
        return np.concatenate([low - room, high + room], axis=1)


def read_footage(folder: Path) -> Footage:
    """Detect, associate and triangulate.

    Raises:
        InputError: no calibration, not one video per camera, or nobody that all see.
    """
    videos = tuple(sorted(folder.glob("*.mp4")))
    if not (folder / CALIBRATION).is_file():
        raise InputError(f"{folder} must hold {CALIBRATION} and one video per camera")
    views = read_qualisys(folder / CALIBRATION)
    if len(videos) != len(views):
        raise InputError(
            f"{folder} must hold one video per camera, got {len(videos)} for {len(views)}"
        )
    detections = []
    for video in videos:
        # Every frame, so that what the reference rests on is not interpolated.
        with opened(video, InferOptions(pose2d_rate=0), None) as detect:
            detections.append(detect(unobserved, Stopwatch()))
    frames = min(len(found.keypoints.timestamps) for found in detections)
    people = [
        in_skeleton(found.keypoints, H36M17, published=False).data[:frames] for found in detections
    ]
    fps = detections[0].keypoints.fps
    found = reference(views, people, fps)
    pixels = [body[:, who][:, LIMBS] for body, who in zip(people, found.tracks, strict=True)]
    told = quality(views, found, np.stack(pixels).astype(np.float64), fps)
    return Footage(videos, tuple(detections), found, fps, told)


def exact(footage: Footage, view: int) -> Detection:
    """What the 2D stage found, with the man's limbs where the reference is seen.

    Lifted, it tells what of the error is the lifter's and what the 2D stage's.
    """
    found = footage.detections[view]
    data = np.array(found.keypoints.data)
    pixels = footage.views[view].project(footage.reference.joints)
    limbs = [found.keypoints.skeleton.index(name) for name in NAMES]
    frames, track = len(pixels), footage.reference.tracks[view]
    seen = np.concatenate([pixels, np.ones_like(pixels[..., :1])], axis=-1)
    data[np.arange(frames)[:, None], track, limbs] = seen
    return replace(found, keypoints=replace(found.keypoints, data=data))


def lift(
    footage: Footage, weights: str, view: int, detection: Detection, *, focal: bool, height: bool
) -> Motion3D:
    """Lift one view alone, as ``mbcli infer`` does.

    Args:
        footage: the recording.
        weights: name or path of the lifter.
        view: which camera.
        detection: of that view.
        focal: whether the true focal length is given, or 55 degrees assumed.
        height: whether the man's stature is given, or 1.70 m assumed.
    """
    options = InferOptions(
        weights=weights,
        focal=footage.views[view].focal if focal else None,
        height=stature(footage.reference.joints) if height else None,
    )
    return Pipeline(options).lift(detection)


def limbs_of(motion: Motion3D, track: int) -> FloatArray:
    """(T, 12, 3) metres in the camera's frame: one person's limb joints."""
    return motion.in_camera[:, track][:, LIMBS].astype(np.float64)


def stature(limbs: FloatArray) -> float:
    """Standing height in metres by the median lengths of the limbs' bones, (T, 12, 3)."""
    return float(np.nanmedian(statures(limbs)))


def statures(limbs: FloatArray) -> FloatArray:
    """(T,) standing height frame by frame, by the limbs' bones."""
    lengths = [np.linalg.norm(limbs[:, a] - limbs[:, b], axis=-1) for a, b in BONES]
    return np.sum(lengths, axis=0) / _LIMBS_OVER_STATURE


def flat(pixels: FloatArray) -> FloatArray:
    """(T, J, 2) pixels as poses without any depth."""
    return np.concatenate([pixels, np.zeros((*pixels.shape[:2], 1))], axis=-1)


def mean_pose(target: FloatArray, hips: Sequence[int] = HIPS) -> FloatArray:
    """(T, J, 3) the clip's own mean pose in the camera's axes, in every frame."""
    about = target - target[:, list(hips)].mean(axis=1, keepdims=True)
    return np.broadcast_to(about.mean(axis=0), target.shape)
