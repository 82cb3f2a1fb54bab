"""Bone lengths."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from mbcli.geometry import unit
from mbcli.skeleton import Skeleton
from mbcli.types import FloatArray


def distances(
    positions: FloatArray, skeleton: Skeleton, pairs: Iterable[tuple[str, str]]
) -> FloatArray:
    """(..., J, 3) positions -> (..., N) distances between N pairs of joints, NaN where unknown."""
    first, second = ([skeleton.index(name) for name in names] for names in zip(*pairs, strict=True))
    return np.linalg.norm(positions[..., first, :] - positions[..., second, :], axis=-1)


def bone_lengths(positions: FloatArray, skeleton: Skeleton) -> FloatArray:
    """(..., J, 3) positions -> (..., J) metres from each joint to its parent; 0 at a root."""
    parents, points = np.array(skeleton.parents), positions.astype(np.float64)
    lengths = np.linalg.norm(points - points[..., parents, :], axis=-1)
    return np.where(parents < 0, 0.0, lengths)


def usual_lengths(positions: FloatArray, skeleton: Skeleton, *, symmetric: bool) -> FloatArray:
    """(T, J, 3) positions of one person -> (J,) median length of each bone.

    NaN for a bone that is never known, 0 at a root.

    Args:
        positions: metres, NaN where unknown.
        skeleton: of the J joints.
        symmetric: give both sides the median of their combined lengths.
    """
    lengths = bone_lengths(positions, skeleton)
    if symmetric:
        lengths = np.concatenate([lengths, lengths[:, list(skeleton.mirror)]])
    return known_medians(lengths)


def known_medians(values: FloatArray) -> FloatArray:
    """(T, ...) -> (...) median of the known values over time; NaN where none is known."""
    medians = np.full(values.shape[1:], np.nan)
    seen = np.isfinite(values).any(axis=0)
    medians[seen] = np.nanmedian(values[:, seen], axis=0)
    return medians


def with_lengths(positions: FloatArray, lengths: FloatArray, skeleton: Skeleton) -> FloatArray:
    """Move joints along their bones so that the bones have the given lengths.

    Roots keep their positions, and bones their directions. A joint that coincides with its parent
    has no direction and stays there; a joint whose parent is unknown keeps its position.

    Args:
        positions: (..., J, 3) metres, NaN where unknown.
        lengths: (J,) or (..., J) metres, see `usual_lengths`; NaN leaves a bone unchanged.
        skeleton: of the J joints.

    Returns:
        (..., J, 3) float64.
    """
    before = np.asarray(positions, dtype=np.float64)
    after = before.copy()
    wanted = np.broadcast_to(lengths, before.shape[:-1])
    for parent, child in skeleton.bones:
        bone = before[..., child, :] - before[..., parent, :]
        length = wanted[..., child, None]
        moved = after[..., parent, :] + np.where(np.isnan(length), bone, unit(bone) * length)
        after[..., child, :] = np.where(np.isfinite(moved), moved, before[..., child, :])
    return after
