"""Whether identities in a file are people, or only places in a list."""

from __future__ import annotations

import warnings

import numpy as np

from mbcli.types import FloatArray, IntArray

# Two people have changed places if that saves so many body heights of way ...
_EXCHANGE = 1.0
_OFTEN = 0.05  # ... and an identity is none if that happens in so many frames


def exchanged(index: IntArray, points: FloatArray, ids: IntArray, slots: bool) -> bool:
    """Whether people go on under each other's identity from one frame to the next.

    A tracker does so now and then; what only lists people does it again and again, and for what may
    be a list (``slots``) once is enough.
    """
    known = np.unique(ids)
    if len(known) < 2:
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # people without any keypoint
        middles = np.nanmedian(points[..., :2], axis=1)  # (N, 2)
        size = float(np.nanmedian(np.nanmax(points[..., 1], axis=1) - np.nanmin(points[..., 1], 1)))
    steps = exchanges = 0
    before: dict[int, FloatArray] = {}
    last = -1
    for frame in np.unique(index).tolist():
        low, high = np.searchsorted(index, [frame, frame + 1])
        now = dict(zip(ids[low:high].tolist(), middles[low:high], strict=True))
        both = [person for person in now if person in before]
        if frame == last + 1 and len(both) > 1:
            steps += 1
            here, there = np.stack([now[p] for p in both]), np.stack([before[p] for p in both])
            far = np.linalg.norm(here[:, None] - there, axis=-1)  # (P, P)
            stay = np.diag(far)
            saved = (stay[:, None] + stay) - (far + far.T)
            exchanges += bool((saved > size * _EXCHANGE).any())
        before, last = now, frame
    return exchanges > (0 if slots else max(2, _OFTEN * steps))
