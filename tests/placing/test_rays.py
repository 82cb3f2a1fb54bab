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


def _depths(depth: np.ndarray, fps: float = 30.0) -> np.ndarray:
    root = np.zeros((len(depth), 1, 3))
    root[:, 0, 2] = depth
    return steady_depth(root, stretches(np.arange(len(depth)) / fps, fps))[:, 0, 2]


def test_steps_towards_the_camera_stay() -> None:
    times = np.arange(150) / 30
    depth = 4 + 0.1 * np.sin(2 * np.pi * times)
    assert np.abs(_depths(depth) - depth)[15:-15].max() < 0.04  # a third of the swing
    jitter = 4 * np.exp(np.random.default_rng(0).normal(0, 0.02, 150))
    assert np.diff(_depths(jitter)).std() < 0.1 * np.diff(jitter).std()


def test_people_near_the_camera_are_steadied_too_and_none_behind_it() -> None:
    depth = 0.5 * np.exp(np.random.default_rng(0).normal(0, 0.02, 90))
    assert np.diff(_depths(depth)).std() < 0.2 * np.diff(depth).std()
    depth[40:43] = 0, -1, -2
    got = _depths(depth)
    assert got[40:43].tolist() == [0, -1, -2]
    assert (np.delete(got, [40, 41, 42]) > 0.4).all()
