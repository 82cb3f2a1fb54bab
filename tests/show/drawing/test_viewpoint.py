from __future__ import annotations

import numpy as np
import pytest

from mbcli.show.drawing.options import Projection
from mbcli.show.drawing.viewpoint import frame_all, look_from

SIDES = [(0, 0), (35, 12), (-120, 45), (180, -30), (90, 90)]


def test_directions() -> None:
    np.testing.assert_allclose(look_from(0, 0), np.eye(3), atol=1e-12)
    right, down, forward = look_from(90, 0)
    np.testing.assert_allclose(right, [0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(down, [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(forward, [-1, 0, 0], atol=1e-12)
    # From above one looks down, which is +y, and what is far away is up on the picture.
    np.testing.assert_allclose(look_from(0, 90), [[1, 0, 0], [0, 0, -1], [0, 1, 0]], atol=1e-12)


@pytest.mark.parametrize(("azimuth", "elevation"), SIDES)
def test_directions_are_a_rotation(azimuth: float, elevation: float) -> None:
    axes = look_from(azimuth, elevation)
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(axes) == pytest.approx(1)


@pytest.mark.parametrize(("azimuth", "elevation"), SIDES)
@pytest.mark.parametrize("window", [(10, 20, 310, 220), (5, 5, 105, 405)])
@pytest.mark.parametrize("projection", ["perspective", "orthographic"])
def test_frame_is_full_and_nobody_cut_off(
    azimuth: float,
    elevation: float,
    window: tuple[float, float, float, float],
    projection: Projection,
) -> None:
    points = np.random.default_rng(2).normal([1, -2, 9], [2, 1, 3], (400, 3))
    chunks = [points[:150], points[:0], points[150:]]
    camera = frame_all(chunks, look_from(azimuth, elevation), window, projection)
    x, y = camera.project(points).T
    left, top, right, bottom = window
    gaps = np.array([x.min() - left, right - x.max(), y.min() - top, bottom - y.max()])
    assert gaps.min() > -1e-6
    # Along one axis the points touch both borders, or the camera could be nearer.
    assert min(gaps[:2].max(), gaps[2:].max()) < 1e-6


def test_single_point_is_in_the_middle() -> None:
    camera = frame_all([np.array([[3.0, 1.0, 7.0]])], look_from(35, 12), (0, 0, 100, 60))
    np.testing.assert_allclose(camera.project(np.array([3.0, 1.0, 7.0])), [50, 30], atol=1e-9)


def test_without_perspective_distance_does_not_matter() -> None:
    near, far = np.array([[-1.0, 0, 3], [1, 0, 3]]), np.array([[-1.0, 0, 9], [1, 0, 9]])
    widths = {}
    for projection in ("perspective", "orthographic"):
        camera = frame_all([near, far], look_from(0, 0), (0, 0, 100, 100), projection)
        widths[projection] = [np.ptp(camera.project(pair)[:, 0]) for pair in (near, far)]
    assert widths["orthographic"][0] == pytest.approx(widths["orthographic"][1])
    assert widths["perspective"][0] > 1.5 * widths["perspective"][1]
