"""Finding and filling gaps in tracks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mbcli.timeline import known_together, runs
from mbcli.types import FloatArray

_TOLERANCE = 1e-6  # seconds; time stamps are sums of rounded steps


def known_points(tracks: FloatArray) -> npt.NDArray[np.bool_]:
    """Map (..., 3) to (...): whether all coordinates are numbers."""
    return np.asarray(np.isfinite(tracks).all(axis=-1))


def fillable(
    known: npt.NDArray[np.bool_], timestamps: FloatArray, fps: float, max_gap: float
) -> npt.NDArray[np.bool_]:
    """(T,) frames in gaps with known frames on both sides that last at most ``max_gap``.

    A gap lasts as long as its missing frames: the time between the known frames on either side,
    less that of one frame.

    Args:
        known: (T,) whether there is a value.
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
    """Fill short gaps of every track independently, from both sides.

    The curve is the monotone cubic of Fritsch and Butland 1984 (``pchip``), for each coordinate
    over the actual time stamps: smooth where it meets the known frames, and never beyond the
    values on either side of the gap, so that nothing overshoots. A limb that swings during the
    gap follows a chord instead of an arc, and is slightly too short meanwhile.

    Args:
        tracks: (T, N, 3) coordinates, NaN where unknown.
        timestamps: (T,) seconds, strictly increasing.
        fps: frames per second.
        max_gap: seconds, the longest gap to fill, see `fillable`.

    Returns:
        The tracks, float64, and which of their (T, N) points were filled.
    """
    from scipy.interpolate import PchipInterpolator

    out = np.array(tracks, dtype=np.float64)
    all_known = known_points(out)
    done = np.zeros(all_known.shape, dtype=np.bool_)
    # Joints that are missing together, such as all of an absent person, are filled together.
    for known, members in known_together(all_known):
        holes = fillable(known, timestamps, fps, max_gap)
        if not holes.any():
            continue
        curve = PchipInterpolator(timestamps[known], out[np.ix_(known, members)])
        out[np.ix_(holes, members)] = curve(timestamps[holes])
        done[np.ix_(holes, members)] = True
    return out, done
