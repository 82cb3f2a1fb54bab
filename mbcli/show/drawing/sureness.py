"""The certainty of a motion's joints, as shown by strokes."""

from __future__ import annotations

import numpy as np

from mbcli.motion import Motion3D
from mbcli.spans import PerPerson
from mbcli.types import FloatArray
from mbcli.values import kept, kept_if_any

# Up to this expected error a stroke is opaque, and from twice this error it is dashed: see the
# limits in `mbcli.show.drawing.ink`.
_EVEN = 0.08  # metres
_EVEN_SURENESS = 0.5
DASHED_BEYOND = 0.16  # metres


def sureness(motion: Motion3D) -> FloatArray:
    """The confidence that `mbcli.show.drawing.ink` uses for positions in space.

    Returns:
        (T, P, J) 0..1: for a motion with expected errors, falling with them, and 0 where unknown;
        otherwise the confidence of the keypoints.
    """
    if motion.expected_error is None:
        return motion.confidence
    return kept_sureness(motion).dense()


def kept_sureness(motion: Motion3D) -> PerPerson:
    """`sureness`, kept by person."""
    expected = kept_if_any(motion, "expected_error")
    if expected is None:
        return kept(motion, "confidence")
    known = np.isfinite(expected.rows)
    metres = np.maximum(np.where(known, expected.rows, 1.0), 1e-6)
    rows = np.where(known, np.minimum(_EVEN_SURENESS * _EVEN / metres, 1.0), 0.0)
    return PerPerson(expected.spans, rows, 0.0)
