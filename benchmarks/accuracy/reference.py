"""A 3D reference from several calibrated views of our own 2D stage.

The person is found in all views, triangulated frame by frame (`triangulation`), then solved over
the whole clip (`bundle`), and a zero-phase low-pass of 8 Hz takes the rest of the noise.

One camera's calibration may be off. Holding each view out in turn shows which: the one whose
keypoints lie furthest from what the others triangulate is estimated anew from those.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from scipy.ndimage import median_filter

from benchmarks.accuracy.association import same_person
from benchmarks.accuracy.bundle import solve_clip
from benchmarks.accuracy.calibration import View
from benchmarks.accuracy.triangulation import misses, rays_of, triangulate
from mbcli.placing.low_pass import butterworth
from mbcli.skeleton import H36M17
from mbcli.types import FloatArray

__all__ = [
    "BONES",
    "LIMBS",
    "Reference",
    "low_passed",
    "miss_mm",
    "over_clip",
    "reference",
    "renewed",
    "triangulate",
    "without",
]

LIMBS = [
    H36M17.index(f"{side}_{joint}")
    for joint in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
    for side in ("left", "right")
]
BONES = [(LIMBS.index(a), LIMBS.index(b)) for a, b in H36M17.bones if a in LIMBS and b in LIMBS]
_CUTOFF_HZ = 8.0
_MEDIAN_FRAMES = 9  # of the start: gross errors last less than half of this


@dataclass(frozen=True)
class Reference:
    """The triangulated person.

    Attributes:
        joints: (T, 12, 3) metres in the world, in the order of ``LIMBS``.
        views: the cameras, the worst one estimated anew.
        tracks: which person of each view it is.
        renewed: number of the camera that was estimated anew, from 0.
        steady: the joints before the last low-pass.
    """

    joints: FloatArray
    views: tuple[View, ...]
    tracks: tuple[int, ...]
    renewed: int
    steady: FloatArray


def reference(views: Sequence[View], people: Sequence[FloatArray], fps: float) -> Reference:
    """Triangulate the one person that all views see best.

    Args:
        views: the cameras.
        people: for each view (T, P, 17, 3) pixels and confidence, NaN where missing.
        fps: frames per second.

    Raises:
        InputError: nobody is seen by all the views.
    """
    tracks = same_person(views, people)
    pixels = np.stack(
        [seen[:, who][:, LIMBS] for seen, who in zip(people, tracks, strict=True)]
    ).astype(np.float64)  # (V, T, 12, 3)
    apart = [
        miss_mm(view, pixels[out], triangulate(*without(views, pixels, out))[0])
        for out, view in enumerate(views)
    ]
    worst = int(np.argmax(apart))
    final = list(views)
    final[worst] = renewed(views, pixels, worst)
    steady = over_clip(final, pixels, fps)
    return Reference(low_passed(steady, fps), tuple(final), tracks, worst, steady)


def without(views: Sequence[View], pixels: FloatArray, out: int) -> tuple[list[View], FloatArray]:
    """The other views and what they see."""
    others = [v for v in range(len(views)) if v != out]
    return [views[v] for v in others], pixels[others]


def miss_mm(view: View, seen: FloatArray, points: FloatArray) -> float:
    """Median distance in mm between the rays of (T, J, 3) keypoints and (T, J, 3) joints."""
    miss = misses([view], view.rays(seen[..., :2])[None], points)
    return float(np.median(miss[np.isfinite(miss)])) * 1000


def renewed(views: Sequence[View], pixels: FloatArray, which: int) -> View:
    """One camera's place and direction from what the others triangulate.

    Args:
        views: V cameras.
        pixels: (V, T, J, 3) pixels and confidence.
        which: the number of the camera.
    """
    points, used = triangulate(*without(views, pixels, which))
    seen = pixels[which]
    good = (used == len(views) - 1) & np.isfinite(seen).all(axis=-1) & (seen[..., 2] > 0.4)
    view = views[which]
    found, turn, shift, _ = cv2.solvePnPRansac(
        points[good],
        seen[good][:, :2],
        view.matrix,
        view.lens,
        rvec=cv2.Rodrigues(view.rotation)[0],
        tvec=(-view.rotation @ view.centre)[:, None],
        useExtrinsicGuess=True,
        reprojectionError=20.0,
        iterationsCount=500,
        flags=cv2.SOLVEPNP_ITERATIVE,
    )
    assert found
    rotation = np.asarray(cv2.Rodrigues(turn)[0], dtype=np.float64)
    return replace(view, rotation=rotation, centre=(-rotation.T @ shift)[:, 0])


def over_clip(views: Sequence[View], pixels: FloatArray, fps: float) -> FloatArray:
    """(T, 12, 3) from all frames together, begun from each on its own."""
    points, _ = triangulate(views, pixels)
    times = np.arange(len(points))
    for joint in range(points.shape[1]):
        known = np.isfinite(points[:, joint]).all(axis=-1)
        for axis in range(3):
            points[:, joint, axis] = np.interp(times, times[known], points[known, joint, axis])
    start = median_filter(points, size=(_MEDIAN_FRAMES, 1, 1), mode="nearest")
    return solve_clip(views, *rays_of(views, pixels), start, BONES, fps)


def low_passed(joints: FloatArray, fps: float) -> FloatArray:
    """Without what moves faster than 8 Hz; nothing lags."""
    return butterworth(joints, np.arange(len(joints)) / fps, cutoff=_CUTOFF_HZ, order=4)
