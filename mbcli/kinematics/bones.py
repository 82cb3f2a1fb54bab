"""Bones that keep their length."""

from __future__ import annotations

import numpy as np

from mbcli.geometry import unit
from mbcli.skeleton import Skeleton
from mbcli.types import FloatArray


def bone_lengths(positions: FloatArray, skeleton: Skeleton) -> FloatArray:
    """(..., J, 3) positions to (..., J) metres from each joint to its parent; 0 at a root."""
    lengths = np.zeros(positions.shape[:-1])
    for parent, child in skeleton.bones:
        step = positions[..., child, :].astype(np.float64) - positions[..., parent, :]
        lengths[..., child] = np.linalg.norm(step, axis=-1)
    return lengths


def usual_lengths(positions: FloatArray, skeleton: Skeleton, *, symmetric: bool) -> FloatArray:
    """(T, J, 3) positions of one person to (J,), the median length of each bone.

    NaN for a bone that is never seen, 0 at a root.

    Args:
        positions: metres, NaN where unknown.
        skeleton: whose joints they are, parents before children.
        symmetric: give both sides the median of their lengths together.
    """
    lengths = bone_lengths(positions, skeleton)
    if symmetric:
        lengths = np.concatenate([lengths, lengths[:, list(skeleton.mirror)]])
    usual = np.full(len(skeleton), np.nan)
    seen = np.isfinite(lengths).any(axis=0)
    usual[seen] = np.nanmedian(lengths[:, seen], axis=0)
    return usual


def with_lengths(positions: FloatArray, lengths: FloatArray, skeleton: Skeleton) -> FloatArray:
    """Move joints along their bones until these have the given lengths.

    Roots stay where they are, and every bone keeps its direction. A joint that lies upon its
    parent has none and stays there; one whose parent is unknown stays where it is.

    Args:
        positions: (..., J, 3) metres, NaN where unknown.
        lengths: (J,) or (..., J) metres, see `usual_lengths`; NaN leaves a bone as it is.
        skeleton: whose joints they are, parents before children.

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
