"""Holes in tracks, found and filled."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mbcli.timeline import known_together, runs
from mbcli.types import FloatArray

_TOLERANCE = 1e-6  # seconds; time stamps are sums of rounded steps


def known_points(tracks: FloatArray) -> npt.NDArray[np.bool_]:
    """(..., 3) to (...), whether all coordinates are numbers."""
    return np.asarray(np.isfinite(tracks).all(axis=-1))


def fillable(
    known: npt.NDArray[np.bool_], timestamps: FloatArray, fps: float, max_gap: float
) -> npt.NDArray[np.bool_]:
    """(T,) frames of holes that have a known frame on both sides and last ``max_gap`` at most.

    A hole lasts as long as the frames that are missing: the time between the known frames
    beside it, less that of one frame.

    Args:
        known: (T,) where there is a value.
        timestamps: (T,) seconds.
        fps: frames per second.
        max_gap: seconds.
    """
    found = np.zeros(len(known), dtype=np.bool_)
    for first, stop in runs(~known):
        if first == 0 or stop == len(known):
            continue
        lasts = timestamps[stop] - timestamps[first - 1] - 1 / fps
        found[first:stop] = lasts <= max_gap + _TOLERANCE
    return found


def filled(
    tracks: FloatArray, timestamps: FloatArray, fps: float, max_gap: float
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Fill short holes of every track on its own, by what is known on both sides.

    The curve through them is the monotone cubic of Fritsch and Butland 1984 (``pchip``), each
    coordinate over the true time stamps: smooth where it meets the known frames, and never
    beyond the values on both sides of the hole, so that nothing overshoots. A limb that swings
    during the hole gets a chord in place of an arc, and is a little short meanwhile.

    Args:
        tracks: (T, N, 3) coordinates, NaN where nothing is known.
        timestamps: (T,) seconds, strictly increasing.
        fps: frames per second.
        max_gap: seconds, the longest hole to fill, see `fillable`.

    Returns:
        The tracks, float64, and which of their (T, N) points have been filled.
    """
    from scipy.interpolate import PchipInterpolator

    out = np.array(tracks, dtype=np.float64)
    all_known = known_points(out)
    done = np.zeros(all_known.shape, dtype=np.bool_)
    # Joints that are missing together, as they are with the person, are one curve.
    for known, members in known_together(all_known):
        holes = fillable(known, timestamps, fps, max_gap)
        if not holes.any():
            continue
        curve = PchipInterpolator(timestamps[known], out[np.ix_(known, members)], axis=0)
        out[np.ix_(holes, members)] = curve(timestamps[holes])
        done[np.ix_(holes, members)] = True
    return out, done
