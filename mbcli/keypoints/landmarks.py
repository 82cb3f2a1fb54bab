"""Landmarks by name or number, as in CSV, JSON and printed results, and their joints."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mbcli.errors import InputError
from mbcli.keypoints.gather import Times, gathered
from mbcli.keypoints.joint_names import recognised, skeleton_of
from mbcli.keypoints.layouts import LAYOUTS, layout_of
from mbcli.keypoints.records import KeypointFile
from mbcli.keypoints.source import Source
from mbcli.keypoints.words import plain
from mbcli.skeleton import BLAZEPOSE33, SKELETONS, Skeleton
from mbcli.types import FloatArray

# Lifting is impossible without these.
_ANCHORS = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")
# Prefixes of a landmark's own name or number.
_BEFORE = re.compile(r"^(?:pose_?)?(?:landmarks?|lm|keypoint|kpt?|joint|point|marker)_?(?=.)", re.I)


@dataclass(frozen=True, eq=False)
class Landmarks:
    """Landmarks as in the file; each row is one person in one frame.

    Attributes:
        labels: names or numbers of the L landmarks.
        frames: frame of each of the R rows.
        points: (R, L, 3) x, y and confidence; NaN where the file has none.
        persons: identity of each row; None if the file has none.
        times: the file's clock.
        count: number of frames in the file, including those without people.
        numbered: whether the file numbers its frames.
        size: (width, height), if the file has it.
        fps: frames per second, if the file has it.
        pictures: name of a picture -> frame, if the file names pictures.
        warnings: what had to be assumed, one line each.
    """

    labels: tuple[str, ...]
    frames: list[int]
    points: FloatArray
    persons: Sequence[int | str | None] | None = None
    times: Times | None = None
    count: int = 0
    numbered: bool = False
    size: tuple[int, int] | None = None
    fps: float | None = None
    pictures: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def is_body(labels: Collection[str], joint_map: dict[str, str] | None = None) -> bool:
    """Whether landmarks with these names or numbers make up a body."""
    numbers = _numbers(labels)
    if numbers is not None:
        return _layout_count(numbers) is not None
    return {*_ANCHORS} <= {_joint(label, joint_map) for label in labels}


def file_of(source: Source, format: str, landmarks: Landmarks) -> KeypointFile:
    """Assign the landmarks to joints and gather the people.

    Numbers refer to a list of keypoints (`mbcli.keypoints.layouts`); names are our joints' or
    follow the user's joint map.

    Raises:
        InputError: `gathered` refuses the content.
    """
    warnings = list(landmarks.warnings)
    numbers = _numbers(landmarks.labels)
    if numbers is None:
        joints = [_joint(label, source.joint_map) for label in landmarks.labels]
        skeleton, points = _by_name(joints, landmarks.points)
    else:
        skeleton, points = _by_number(numbers, landmarks.points, source)
    seen = np.asarray(np.isfinite(points[..., :2]).all(axis=-1).any(axis=0))
    lacking = [j for j, there in zip(skeleton.joints, seen, strict=False) if not there]
    if lacking and seen.any():
        warnings.append(f"the file lacks landmarks, which are missing: {', '.join(lacking)}")
    persons = landmarks.persons
    if persons is None and len({*landmarks.frames}) == len(landmarks.frames):
        persons = [0] * len(landmarks.frames)
    return gathered(
        source.path,
        format,
        skeleton,
        landmarks.frames,
        points,
        ids=persons,
        count=landmarks.count,
        size=landmarks.size,
        fps=landmarks.fps,
        times=landmarks.times,
        numbered=landmarks.numbered,
        fractions=True,
        pictures=landmarks.pictures,
        counts_from=None if landmarks.numbered else 0,
        notes=warnings,
    )


def bare(label: str) -> str:
    """A landmark's own name or number."""
    return _BEFORE.sub("", label)


def _numbers(labels: Collection[str]) -> list[int] | None:
    """Numbers of the landmarks, counted from 0; None if they have names."""
    if not labels or not all(label.isascii() and label.isdigit() for label in labels):
        return None
    numbers = [int(label) for label in labels]
    from_one = 0 not in numbers and max(numbers) in LAYOUTS
    return [number - from_one for number in numbers]


def _layout_count(numbers: Sequence[int]) -> int | None:
    """Length of the list that has these; BlazePose's may be incomplete."""
    if (count := max(numbers) + 1) in LAYOUTS and len({*numbers}) == count:
        return count
    trunk = {BLAZEPOSE33.index(joint) for joint in _ANCHORS}
    return len(BLAZEPOSE33) if count <= len(BLAZEPOSE33) and trunk <= {*numbers} else None


def _joint(label: str, joint_map: dict[str, str] | None) -> str | None:
    if joint_map is not None:
        return {plain(theirs): ours for theirs, ours in joint_map.items()}.get(plain(label))
    return recognised(label)


def _by_name(joints: list[str | None], points: FloatArray) -> tuple[Skeleton, FloatArray]:
    found = dict.fromkeys(joint for joint in joints if joint is not None)
    known = (s for s in SKELETONS.values() if {*s.joints} == {*found})
    skeleton = next(known, BLAZEPOSE33)
    if not {*found} <= {*skeleton.joints}:
        skeleton = skeleton_of(found, "named")
    out = np.full((len(points), len(skeleton), 3), np.nan)
    for joint in found:
        out[:, skeleton.index(joint)] = points[:, joints.index(joint)]
    return skeleton, out


def _by_number(
    numbers: list[int], points: FloatArray, source: Source
) -> tuple[Skeleton, FloatArray]:
    count = _layout_count(numbers)
    if count is None:
        raise InputError(
            f"{source.path} must hold all landmarks of a list that mbcli knows "
            f"({', '.join(map(str, LAYOUTS))} of them), got {len(numbers)} up to number "
            f"{max(numbers)}"
        )
    whole = np.full((len(points), count, 3), np.nan)
    whole[:, numbers] = points
    layout = layout_of(whole, count, str(source.path))
    return layout.skeleton, whole[:, list(layout.places)]
