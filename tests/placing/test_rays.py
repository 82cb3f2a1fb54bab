from __future__ import annotations

import numpy as np

from mbcli.placing.rays import steady_depth
from mbcli.timeline import stretches


def test_jumps_in_depth_vanish_and_rays_stay() -> None:
    frames = 90
    truth = np.stack(
        [np.linspace(-1, 1, frames), np.full(frames, 0.2), np.linspace(4, 6, frames)], axis=-1
    )
    jitter = np.exp(np.random.default_rng(0).normal(0, 0.03, frames))
    jitter[40] = 1.5
    seen = (truth * jitter[:, None])[:, None]
    seen[10:13] = np.nan
    got = steady_depth(seen, stretches(np.arange(len(seen)) / 30, 30.0))
    here = np.isfinite(seen[:, 0, 2])
    assert np.array_equal(np.isfinite(got[:, 0, 2]), here)
    np.testing.assert_allclose(
        got[here, 0, :2] / got[here, 0, 2:], truth[here, :2] / truth[here, 2:], rtol=1e-5
    )
    error = np.abs(got[here, 0, 2] / truth[here, 2] - 1)
    assert error.max() < 0.05
    assert np.median(error) < 0.015
