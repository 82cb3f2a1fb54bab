"""Whether the identities in a file stand for people, or only for positions in a list."""

from __future__ import annotations

import warnings

import numpy as np

from mbcli.types import FloatArray, IntArray

# Two people count as exchanged if that shortens their ways by so many body heights ...
_EXCHANGE = 1.0
_OFTEN = 0.05  # ... and identities are useless if that happens in this share of the frames


def exchanged(index: IntArray, points: FloatArray, ids: IntArray, slots: bool) -> bool:
    """Whether people often continue under each other's identity in the next frame.

    A tracker makes that mistake now and then; a mere list of people makes it again and again. If
    the identities may be such a list (``slots``), once is enough.
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
