"""How good a reference is, told by itself: each view held out, reprojection, bones, low-pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.accuracy.calibration import View
from benchmarks.accuracy.reference import (
    BONES,
    Reference,
    low_passed,
    miss_mm,
    over_clip,
    triangulate,
    without,
)
from benchmarks.accuracy.triangulation import INLIER_M, misses, rays_of
from mbcli.types import FloatArray


@dataclass(frozen=True)
class Quality:
    """How good a reference is; views in their order.

    Attributes:
        renewed: number of the camera that was estimated anew, from 0.
        turned: degrees by which it was turned.
        moved: mm by which its place changed.
        as_calibrated_mm: median distance between a view's keypoints and what the others
            triangulate, with the calibration as it came.
        held_out_mm: the same with the final calibration, over the whole clip.
        held_out_px: the same in pixels.
        held_out_change_mm: mean distance between the reference and the one without the view.
        reprojection_px: median distance between a view's keypoints and the final joints.
        inliers: share of a view's keypoints within 60 mm of the final joints.
        views_used: share of the joints that so many views see within 60 mm, from 0 views on.
        bone_spread: mean of the limb bones' standard deviation over mean length, frame by frame
            triangulated.
        final_bone_spread: the same of the reference, which is told to keep them.
        low_pass_mm: mean change by the low-pass.
        low_pass_speed: mean speed after it over the speed before.
    """

    renewed: int
    turned: float
    moved: float
    as_calibrated_mm: tuple[float, ...]
    held_out_mm: tuple[float, ...]
    held_out_px: tuple[float, ...]
    held_out_change_mm: tuple[float, ...]
    reprojection_px: tuple[float, ...]
    inliers: tuple[float, ...]
    views_used: tuple[float, ...]
    bone_spread: float
    final_bone_spread: float
    low_pass_mm: float
    low_pass_speed: float


def quality(given: Sequence[View], found: Reference, pixels: FloatArray, fps: float) -> Quality:
    """Hold out each view and compare.

    Args:
        given: the cameras as calibrated.
        found: what was triangulated.
        pixels: (V, T, 12, 3) keypoints and confidence of the person in each view.
        fps: frames per second.
    """
    views, joints, worst = found.views, found.joints, found.renewed
    turn = given[worst].rotation @ views[worst].rotation.T
    held_out = [
        low_passed(over_clip(*without(views, pixels, v), fps), fps) for v in range(len(views))
    ]
    agrees = misses(views, rays_of(views, pixels)[0], joints) < INLIER_M
    count = agrees.sum(axis=0)
    before, after = (
        np.linalg.norm(np.diff(j, axis=0), axis=-1).mean() for j in (found.steady, joints)
    )
    return Quality(
        renewed=worst,
        turned=float(np.degrees(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1)))),
        moved=float(np.linalg.norm(given[worst].centre - views[worst].centre)) * 1000,
        as_calibrated_mm=tuple(
            miss_mm(view, pixels[v], triangulate(*without(given, pixels, v))[0])
            for v, view in enumerate(given)
        ),
        held_out_mm=tuple(map(miss_mm, views, pixels, held_out)),
        held_out_px=tuple(map(_median_px, views, pixels, held_out)),
        held_out_change_mm=tuple(
            float(np.linalg.norm(j - joints, axis=-1).mean()) * 1000 for j in held_out
        ),
        reprojection_px=tuple(_median_px(v, p, joints) for v, p in zip(views, pixels, strict=True)),
        inliers=tuple(agrees.mean(axis=(1, 2)).tolist()),
        views_used=tuple(float((count == n).mean()) for n in range(len(views) + 1)),
        bone_spread=_bone_spread(triangulate(views, pixels)[0]),
        final_bone_spread=_bone_spread(joints),
        low_pass_mm=float(np.linalg.norm(found.steady - joints, axis=-1).mean()) * 1000,
        low_pass_speed=float(after / before),
    )


def _median_px(view: View, seen: FloatArray, points: FloatArray) -> float:
    return float(np.nanmedian(np.linalg.norm(view.project(points) - seen[..., :2], axis=-1)))


def _bone_spread(joints: FloatArray) -> float:
    lengths = np.stack([np.linalg.norm(joints[:, a] - joints[:, b], axis=-1) for a, b in BONES])
    spread = np.nanstd(lengths, axis=1) / np.nanmean(lengths, axis=1)
    return float(spread.mean())
