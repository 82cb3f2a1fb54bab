"""Duplicate clips of a single performance.

Some archives contain a trial in two formats, under two names, or as an excerpt of a longer file.
Such duplicates differ in frame rate, offset and slightly in the skeleton, so they are compared by
the angles of knees, elbows, hips and shoulders, which depend on none of these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mbcli.data.stores.store import Clip, ClipStore
from mbcli.skeleton import BODY21
from mbcli.types import FloatArray

# Degrees RMS over all angles and frames. Two repetitions of an exercise by the same person differ
# by as little as 1.8 degrees over 2 s, but not over 5 s; duplicates from different converters
# differ by 2.2.
TOLERANCE = 1.6
TOLERANCE_LONG = 2.5
_LONG = 5.0  # seconds
_LIVELY = 6.0  # degrees; clips with less motion match by chance

_RATE = 60.0  # frames per second at which clips are compared
_COARSE = 6  # the first search uses every sixth frame
_COARSE_TOLERANCE = 8.0  # degrees; its offset may be wrong by half a step, 50 ms
_ANGLES = tuple(
    tuple(BODY21.index(f"{side}_{joint}") for joint in joints)
    for side in ("left", "right")
    for joints in (
        ("hip", "knee", "ankle"),
        ("shoulder", "elbow", "wrist"),
        ("shoulder", "hip", "knee"),
        ("hip", "shoulder", "elbow"),
    )
)


@dataclass(frozen=True)
class Duplicate:
    """A clip that is contained in another clip.

    Attributes:
        clip: index of the clip that can be dropped, among those that were compared.
        of: index of the clip that contains it.
        difference: degrees RMS between their joint angles.
    """

    clip: int
    of: int
    difference: float


def find_duplicates(clips: Sequence[tuple[ClipStore, Clip]]) -> list[Duplicate]:
    """Find clips that are fully contained in a clip that is kept.

    Args:
        clips: each with its store, all compared with each other; their names may be the same. Of
            two equal clips the earlier one is kept.

    Returns:
        One entry for each clip to drop.
    """
    angles = [_angles(store, clip) for store, clip in clips]
    # Longest first: a clip comes after the clip that contains it. The sort is stable.
    order = sorted(range(len(clips)), key=lambda i: -len(angles[i]))
    kept: list[int] = []
    found: list[Duplicate] = []
    for i in order:
        twin = _contained(angles[i], [angles[k] for k in kept])
        if twin is None:
            kept.append(i)
        else:
            which, difference = twin
            found.append(Duplicate(i, kept[which], difference))
    return found


def _angles(store: ClipStore, clip: Clip) -> FloatArray:
    """(T, 8) degrees at ``_RATE``, interpolated linearly between frames."""
    joints = np.asarray(store.joints(clip), dtype=np.float64)
    columns = []
    for a, b, c in _ANGLES:
        u, v = joints[:, a] - joints[:, b], joints[:, c] - joints[:, b]
        cross = np.linalg.norm(np.cross(u, v), axis=-1)
        columns.append(np.degrees(np.arctan2(cross, (u * v).sum(axis=-1))))
    there = np.arange(len(joints)) / clip.fps
    wanted = np.arange(0.0, there[-1] + 1e-9, 1 / _RATE)
    return np.stack([np.interp(wanted, there, column) for column in columns], axis=-1)


def _contained(clip: FloatArray, others: Sequence[FloatArray]) -> tuple[int, float] | None:
    """Index of the first of ``others`` that contains ``clip``, and their difference."""
    if not others or clip.std(axis=0).max() < _LIVELY:
        return None
    tolerance = TOLERANCE_LONG if len(clip) >= _LONG * _RATE else TOLERANCE
    coarse = clip[::_COARSE]
    for index, other in enumerate(others):
        lags = _differences(coarse, other[::_COARSE])
        if not len(lags) or lags.min() > _COARSE_TOLERANCE:
            continue
        near = int(lags.argmin()) * _COARSE
        start = max(0, near - 2 * _COARSE)
        fine = _differences(clip, other[start : near + len(clip) + 2 * _COARSE])
        if len(fine) and fine.min() <= tolerance:
            return index, float(fine.min())
    return None


def _differences(clip: FloatArray, other: FloatArray) -> FloatArray:
    """(lags,) RMS difference between ``clip`` and each equally long section of ``other``.

    The mean of each angle over the section is ignored: in another skeleton, the angles of a
    performance are off by a constant of a few degrees.
    """
    n, m = len(clip), len(other)
    if n > m:
        return np.empty(0)
    centred = clip - clip.mean(axis=0)
    size = 1 << (n + m - 1).bit_length()
    spectrum = np.fft.rfft(other, size, axis=0) * np.conj(np.fft.rfft(centred, size, axis=0))
    products = np.fft.irfft(spectrum, size, axis=0)[: m - n + 1].sum(axis=-1)
    sums = _window_sums(other, n)
    spread = _window_sums(other**2, n) - sums**2 / n
    total = spread.sum(axis=-1) + (centred**2).sum() - 2 * products
    return np.sqrt(np.maximum(total, 0.0) / clip.size)


def _window_sums(values: FloatArray, n: int) -> FloatArray:
    """(T - n + 1, 8) sums over every window of n rows."""
    running = np.concatenate((np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)))
    return running[n:] - running[:-n]
