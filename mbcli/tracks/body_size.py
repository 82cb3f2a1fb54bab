"""Body size in the picture, the unit for measuring jumps of keypoints."""

from __future__ import annotations

import numpy as np

from mbcli.types import FloatArray

_BLOCK_SECONDS = 0.5  # longer than any repaired error, shorter than a step


def body_lengths(data: FloatArray, times: FloatArray, start: float | None = None) -> FloatArray:
    """Longer side of the bounding box of each person's keypoints, smoothed over time.

    It is the median over each half second, interpolated linearly between their centres, so that a
    joint that jumps for a few frames does not affect the unit in which its jump is measured.

    Args:
        data: (T, P, J, 3) x, y, confidence; missing = NaN.
        times: (T,) seconds, ascending.
        start: seconds at which the first half second begins; that of the first frame by default.

    Returns:
        (T, P) float64 pixels; NaN for people who never have two visible joints in a frame.
    """
    frames, people = data.shape[:2]
    lengths = np.full((frames, people), np.nan)
    if not data.size:
        return lengths
    xy = data[..., :2]
    missing = np.isnan(xy)
    low = np.where(missing, np.inf, xy).min(axis=2)
    high = np.where(missing, -np.inf, xy).max(axis=2)
    extents = (high - low).max(axis=-1)  # (T, P), -inf where absent
    begin = times[0] if start is None else start
    blocks = ((times - begin) // _BLOCK_SECONDS).astype(np.int64)
    for person in range(people):
        seen = np.flatnonzero(extents[:, person] > 0)
        if not len(seen):
            continue
        parts = np.split(seen, np.flatnonzero(np.diff(blocks[seen])) + 1)
        middles = [times[part].mean() for part in parts]
        medians = [np.median(extents[part, person]) for part in parts]
        lengths[:, person] = np.interp(times, middles, medians)
    return lengths
