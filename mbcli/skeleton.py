"""Skeletons by joint names, and the conversion between them.

Bones, left/right swaps and conversions are all derived from the names here, so a joint order is
written down once. Joint lists: COCO keypoints (Lin et al. 2014), Human3.6M in the 17-joint
order of MotionBERT (Zhu et al. 2023).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Skeleton:
    """A named, ordered set of joints with a parent each.

    Attributes:
        name: short identifier, such as ``"h36m17"``.
        joints: joint names in array order. Sides are prefixes: ``left_``, ``right_``.
        parents: index of each joint's parent, -1 for a root.
    """

    name: str
    joints: tuple[str, ...]
    parents: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.joints) != len(self.parents):
            raise ValueError(
                f"skeleton {self.name}: one parent per joint is needed, got "
                f"{len(self.parents)} parents for {len(self.joints)} joints"
            )
        if len(set(self.joints)) != len(self.joints):
            raise ValueError(f"skeleton {self.name}: joint names must be unique")

    def __len__(self) -> int:
        return len(self.joints)

    def index(self, joint: str) -> int:
        """Position of ``joint`` in the arrays of this skeleton."""
        return self.joints.index(joint)

    @cached_property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """(parent, child) index pairs, in joint order."""
        return tuple((p, c) for c, p in enumerate(self.parents) if p >= 0)

    @cached_property
    def mirror(self) -> tuple[int, ...]:
        """For each joint the index of its counterpart on the other side of the body."""

        def other(name: str) -> str:
            if name.startswith("left_"):
                return "right_" + name.removeprefix("left_")
            if name.startswith("right_"):
                return "left_" + name.removeprefix("right_")
            return name

        return tuple(self.joints.index(other(name)) for name in self.joints)


COCO17 = Skeleton(
    name="coco17",
    joints=(
        "nose",
        "left_eye",
        "right_eye",
        "left_ear",
        "right_ear",
        "left_shoulder",
        "right_shoulder",
        "left_elbow",
        "right_elbow",
        "left_wrist",
        "right_wrist",
        "left_hip",
        "right_hip",
        "left_knee",
        "right_knee",
        "left_ankle",
        "right_ankle",
    ),
    parents=(-1, 0, 0, 1, 2, 0, 0, 5, 6, 7, 8, 5, 6, 11, 12, 13, 14),
)

H36M17 = Skeleton(
    name="h36m17",
    joints=(
        "pelvis",
        "right_hip",
        "right_knee",
        "right_ankle",
        "left_hip",
        "left_knee",
        "left_ankle",
        "spine",
        "thorax",
        "nose",
        "head",
        "left_shoulder",
        "left_elbow",
        "left_wrist",
        "right_shoulder",
        "right_elbow",
        "right_wrist",
    ),
    parents=(-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15),
)

SKELETONS: dict[str, Skeleton] = {s.name: s for s in (COCO17, H36M17)}

# Joints that a target skeleton has and a source has not, as the mean of source joints. This is
# the rule MotionBERT applies to detections: the "head" of a face without a crown is the middle
# of the eyes, the spine lies half-way between pelvis and thorax.
_DERIVED: dict[tuple[str, str], Mapping[str, tuple[str, ...]]] = {
    ("coco17", "h36m17"): {
        "pelvis": ("left_hip", "right_hip"),
        "thorax": ("left_shoulder", "right_shoulder"),
        "spine": ("left_hip", "right_hip", "left_shoulder", "right_shoulder"),
        "head": ("left_eye", "right_eye"),
    },
}


def conversion_table(source: Skeleton, target: Skeleton) -> tuple[tuple[int, ...], ...]:
    """For each target joint the source joints whose mean it is.

    Raises:
        ValueError: no conversion between the two skeletons is known.
    """
    if source == target:
        return tuple((j,) for j in range(len(source)))
    derived = _DERIVED.get((source.name, target.name))
    if derived is None:
        known = ", ".join(f"{a} to {b}" for a, b in _DERIVED)
        raise ValueError(
            f"no conversion from {source.name} to {target.name} is known (known: {known})"
        )
    return tuple(
        tuple(source.index(n) for n in derived.get(joint, (joint,))) for joint in target.joints
    )


def convert(
    keypoints: npt.ArrayLike, source: Skeleton, target: Skeleton
) -> npt.NDArray[np.floating]:
    """Re-express 2D keypoints in another skeleton.

    A derived joint is the mean of its sources and takes the minimum of their confidences: it is
    no better known than the worst of them. If any source is missing (NaN), so is the joint.

    Args:
        keypoints: (..., J_source, 3) = x, y, confidence; missing joints are (NaN, NaN, 0).
        source: skeleton of ``keypoints``.
        target: skeleton to produce.

    Returns:
        (..., J_target, 3) array of the same float type.

    Raises:
        ValueError: wrong joint count, or no conversion is known.
    """
    data = np.asarray(keypoints)
    if data.shape[-2:] != (len(source), 3):
        raise ValueError(
            f"keypoints must be (..., {len(source)}, 3) for {source.name}, got {data.shape}"
        )
    if not np.issubdtype(data.dtype, np.floating):
        data = data.astype(np.float64)
    out = np.empty((*data.shape[:-2], len(target), 3), dtype=data.dtype)
    for j, sources in enumerate(conversion_table(source, target)):
        picked = data[..., list(sources), :]
        out[..., j, :2] = picked[..., :2].mean(axis=-2)
        out[..., j, 2] = picked[..., 2].min(axis=-1)
    return out
