"""How sure a motion is of its joints, as strokes show it."""

from __future__ import annotations

import numpy as np

from mbcli.motion import Motion3D
from mbcli.types import FloatArray

# Of a joint that is off by this much, half of it or twice as much a stroke is quite opaque, still
# opaque, or dashed: see the limits in `mbcli.show.drawing.ink`.
_EVEN = 0.08  # metres
_EVEN_SURENESS = 0.5
DASHED_BEYOND = 0.16  # metres


def sureness(motion: Motion3D) -> FloatArray:
    """What `mbcli.show.drawing.ink` takes for confidence in places in space.

    Returns:
        (T, P, J) 0..1: falling with the expected error where the motion holds it, 0 where that is
        not known; the confidence of the keypoints in motions without.
    """
    expected = motion.expected_error
    if expected is None:
        return motion.confidence
    known = np.isfinite(expected)
    metres = np.maximum(np.where(known, expected, 1.0), 1e-6)
    return np.where(known, np.minimum(_EVEN_SURENESS * _EVEN / metres, 1.0), 0.0)
