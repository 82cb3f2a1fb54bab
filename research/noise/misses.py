"""By how much each view's keypoints miss what the other views say.

Each view is held out in turn: the reference comes from the others alone, as
`benchmarks.accuracy.reference` makes it (confidence-weighted triangulation of the views that agree,
zero-phase low-pass of 8 Hz). What all views err alike, such as a hip that is always put too far
outside, cancels and is not seen here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.signal import butter, sosfiltfilt

from benchmarks.accuracy.calibration import View
from benchmarks.accuracy.reference import reference, triangulate
from mbcli.conversion import convert
from mbcli.errors import InputError
from mbcli.skeleton import COCO17, H36M17
from mbcli.types import BoolArray, FloatArray

_CUTOFF_HZ = 8.0
_CONTRADICTED = 0.06  # metres at the joint's distance: the consensus of all views leaves it out
# Ankle to shoulder over stature: the segment heights 0.039 and 0.818 of Drillis and Contini
# (1966), as in Winter, Biomechanics, figure 4.1. Heads are left out: faces may be made unknowable.
_CHAIN_OVER_STATURE = 0.779


@dataclass(frozen=True)
class Person:
    """Somebody seen by all the views.

    Attributes:
        views: V cameras.
        pixels: (V, T, 17, 3) COCO keypoints in pixels and their confidence as the front end gave
            them; NaN, NaN, 0 where missing.
        fps: frames a second.
    """

    views: tuple[View, ...]
    pixels: FloatArray
    fps: float


@dataclass(frozen=True)
class Misses:
    """How the views of one person err. Lengths are fractions of the standing height in the picture.

    Attributes:
        error: (V, T, 17, 2) reported minus reference, NaN where either is missing.
        to_twin: (V, T, 17) distance between what is reported and where the other side's is.
        agreed: (V, T, 17) all the other views agree on the reference.
        contradicted: (V, T, 17) the views agree without this one.
        confidence: (V, T, 17) as reported.
        fps: frames a second.
    """

    error: FloatArray
    to_twin: FloatArray
    agreed: BoolArray
    contradicted: BoolArray
    confidence: FloatArray
    fps: float


def everybody(
    views: Sequence[View], people: Sequence[FloatArray], fps: float
) -> tuple[list[Person], int]:
    """All who are seen by every view, who moves most first, and the camera estimated anew.

    Args:
        views: V cameras as they came.
        people: for each view (T, P, 17, 3) COCO keypoints.
        fps: frames a second.

    Raises:
        InputError: there is nobody.
    """
    frames = {len(seen) for seen in people}
    if len(views) < 3 or len(people) != len(views) or len(frames) > 1:
        raise InputError(
            f"three or more calibrated views of equal length are needed, got {len(views)} cameras "
            f"and videos of {', '.join(str(len(seen)) for seen in people)} frames"
        )
    left = list(people)
    bodies = [convert(seen, COCO17, H36M17) for seen in left]
    first = reference(views, bodies, fps)
    found, tracks = [], first.tracks
    while True:
        pixels = np.stack([seen[:, who] for seen, who in zip(left, tracks, strict=True)])
        found.append(Person(first.views, pixels.astype(np.float64), fps))
        left = [np.delete(seen, who, axis=1) for seen, who in zip(left, tracks, strict=True)]
        bodies = [np.delete(seen, who, axis=1) for seen, who in zip(bodies, tracks, strict=True)]
        if not all(seen.shape[1] for seen in left):
            break
        try:
            tracks = reference(first.views, bodies, fps).tracks
        except InputError:
            break
    return found, first.renewed


def truth(person: Person) -> tuple[FloatArray, FloatArray]:
    """What all the views say together.

    Returns:
        (T, 17, 3) metres in the world, gaps bridged; (V, T) standing height in pixels.
    """
    points = _steady(triangulate(person.views, person.pixels)[0], person.fps, bridge=True)
    return points, _heights(person, points)


def misses(person: Person, heights: FloatArray) -> Misses:
    """Hold out each view in turn.

    Args:
        person: what the views report.
        heights: (V, T) standing height in pixels.
    """
    consensus, _ = triangulate(person.views, person.pixels)  # (T, 17, 3)
    rows = [_held_out(person, out, heights[out], consensus) for out in range(len(person.views))]
    error, to_twin, agreed, contradicted = (np.stack(part) for part in zip(*rows, strict=True))
    return Misses(error, to_twin, agreed, contradicted, person.pixels[..., 2], person.fps)


def _held_out(
    person: Person, out: int, height: FloatArray, consensus: FloatArray
) -> Iterator[FloatArray | BoolArray]:
    """Error, distance to the twin, agreed and contradicted of one view."""
    others = [v for v in range(len(person.views)) if v != out]
    raw, used = triangulate([person.views[v] for v in others], person.pixels[others])
    points = _steady(raw, person.fps, bridge=False)
    view, seen = person.views[out], person.pixels[out]
    reported = np.where(seen[..., 2:] > 0, seen[..., :2], np.nan)  # (T, 17, 2)
    there = _projected(view, points)  # (T, 17, 2)
    yield (reported - there) / height[:, None, None]
    twin = there[:, list(COCO17.mirror)]
    yield np.linalg.norm(reported - twin, axis=-1) / height[:, None]
    yield (used == len(others)) & np.isfinite(points).all(axis=-1)
    away = np.linalg.norm(reported - _projected(view, consensus), axis=-1)  # (T, 17) pixels
    yield away * view.to_camera(consensus)[..., 2] / view.focal > _CONTRADICTED


def _projected(view: View, points: FloatArray) -> FloatArray:
    """(..., 3) world metres to (..., 2) pixels, NaN where unknown."""
    known = np.isfinite(points).all(axis=-1)
    pixels = np.full((*points.shape[:-1], 2), np.nan)
    if known.any():
        pixels[known] = view.project(points[known])
    return pixels


def _heights(person: Person, points: FloatArray) -> FloatArray:
    """(V, T) standing height in pixels at the pelvis' distance, by the limbs' mean lengths."""
    at = COCO17.index
    sides = ("left", "right")

    def middle(part: str) -> FloatArray:
        return points[:, [at(f"{side}_{part}") for side in sides]].mean(axis=1)

    legs = [
        np.linalg.norm(points[:, at(f"{side}_{a}")] - points[:, at(f"{side}_{b}")], axis=-1)
        for a, b in (("hip", "knee"), ("knee", "ankle"))
        for side in sides
    ]
    trunk = np.linalg.norm(middle("hip") - middle("shoulder"), axis=-1)  # (T,)
    # Medians: single frames in which a joint is lost must not make a giant.
    chain = sum(float(np.median(part)) for part in legs) / 2 + float(np.median(trunk))
    stature = chain / _CHAIN_OVER_STATURE
    pelvis = middle("hip")  # (T, 3)
    return np.stack(
        [
            stature * view.focal / np.maximum(view.to_camera(pelvis)[:, 2], 0.1)
            for view in person.views
        ]
    )


def _steady(points: FloatArray, fps: float, *, bridge: bool) -> FloatArray:
    """8 Hz zero-phase over lines through the gaps, which are then reopened unless ``bridge``."""
    steady = points.copy()
    times = np.arange(len(points))
    for joint in range(points.shape[1]):
        known = np.isfinite(points[:, joint]).all(axis=-1)
        if not known.any():
            if bridge:
                raise InputError(f"no two views agree on the {COCO17.joints[joint]} in any frame")
            continue
        for axis in range(3):
            steady[:, joint, axis] = np.interp(times, times[known], points[known, joint, axis])
        if fps > 2 * _CUTOFF_HZ:
            sections = butter(2, _CUTOFF_HZ, fs=fps, output="sos")
            steady[:, joint] = sosfiltfilt(sections, steady[:, joint], axis=0)
        if not bridge:
            steady[~known, joint] = np.nan
    return steady


def missing(seen: FloatArray) -> BoolArray:
    """(..., 17, 3) keypoints that are not reported although the person is."""
    absent = ~(seen[..., 2] > 0)
    return absent & ~absent.all(axis=-1, keepdims=True)
