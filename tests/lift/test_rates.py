from __future__ import annotations

from dataclasses import replace

import numpy as np
from motions import walking

from mbcli.pipeline import Pipeline


def test_a_rate_that_is_off_by_rounding_changes_nothing() -> None:
    """As one is that was computed from time stamps, because of a pause in them."""
    keypoints = walking(frames=60).keypoints
    assert keypoints.fps == 30
    lifter, _ = Pipeline().lifter
    computed = replace(keypoints, fps=float(np.nextafter(30, 31)))
    np.testing.assert_array_equal(lifter.lift(computed), lifter.lift(keypoints))
