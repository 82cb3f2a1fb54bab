"""A rolling shutter: pictures that are read row by row while the camera turns."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation, Slerp

from mbcli.placing.ties import COUNT, EXPLAINED, KEYFRAME, STANDS, corners_of, no_ties, read_at_once
from mbcli.placing.turning import looks_of, turned_focal
from mbcli.types import FloatArray

FRAMES, FPS, FOCAL = 60, 30.0, 1000.0
SIZE = np.array([1280.0, 720.0])
RECTANGLE = np.array([200.0, 100.0, 1080.0, 620.0])


def shaken(amplitude: float = 0.7) -> FloatArray:
    """(T + 2, 3) rotation vectors of a hand, one before and one after the clip."""
    noise = np.random.default_rng(4).standard_normal((FRAMES + 102, 3))
    smooth = gaussian_filter1d(noise, 6, axis=0)[50:-50]
    return np.asarray(np.radians(amplitude) * smooth / smooth.std(axis=0))


def seen(rays: FloatArray, time: float, axis: int, share: float) -> FloatArray:
    """(N, 2) pixels of rays (N, 3) in the world, in a picture that is read along an axis."""
    path = Slerp(np.arange(-1, FRAMES + 1), Rotation.from_rotvec(shaken()))
    pixels = np.tile(SIZE / 2, (len(rays), 1))
    for _ in range(8):
        times = time + share * (pixels[:, axis] / SIZE[axis] - 0.5)
        ahead = np.einsum("nji,nj->ni", path(times).as_matrix(), rays)
        pixels = FOCAL * ahead[:, :2] / ahead[:, 2:] + SIZE / 2
    return pixels


def tied(axis: int, share: float) -> FloatArray:
    """(T, 2, 26) ties to the first picture, as such a camera would have them."""
    ties = np.stack([no_ties()] * FRAMES)
    x, y = np.meshgrid(np.linspace(200, 1080, 9), np.linspace(100, 620, 9))
    grid = np.stack([x.ravel(), y.ravel()], axis=-1)
    # The rays that the first picture shows in the rectangle.
    path = Slerp(np.arange(-1, FRAMES + 1), Rotation.from_rotvec(shaken()))
    turns = path(share * (grid[:, axis] / SIZE[axis] - 0.5)).as_matrix()
    images = np.append((grid - SIZE / 2) / FOCAL, np.ones((len(grid), 1)), axis=1)
    rays = np.einsum("nij,nj->ni", turns, images)
    for row in range(1, FRAMES):
        homography, _ = cv2.findHomography(grid, seen(rays, row, axis, share))
        there = cv2.perspectiveTransform(corners_of(RECTANGLE)[None], homography)
        ties[row, 0, :13] = [0, *RECTANGLE, *there.ravel()]
        ties[row, 0, [COUNT, EXPLAINED, STANDS]] = 100, 1, 0
    assert np.isfinite(ties[1:, 0, KEYFRAME]).all()
    return ties


def off(turns: FloatArray) -> float:
    """Degrees by which turns are wrong, at most."""
    true = Rotation.from_rotvec(shaken()[1:-1]).as_matrix()
    apart = np.swapaxes(turns, 1, 2) @ true[0].T @ true
    return float(np.degrees(np.linalg.norm(Rotation.from_matrix(apart).as_rotvec(), axis=1).max()))


@pytest.mark.parametrize("axis", [0, 1], ids=["columns", "rows"])
@pytest.mark.parametrize("share", [0.5, -0.9])
def test_the_time_and_the_way_of_reading_are_found(axis: int, share: float) -> None:
    ties, times = tied(axis, share), np.arange(FRAMES) / FPS
    looks = looks_of(ties, np.arange(FRAMES), times, FOCAL, SIZE / 2)
    assert looks.readout == pytest.approx(abs(share) / FPS, rel=0.15)
    assert (looks.during[:, 1 - axis] == 0).all()
    speed = np.gradient(shaken()[1:-1], times, axis=0)
    along = (looks.during[:, axis] * speed).sum(axis=1)
    assert (np.sign(along[np.abs(along) > 1e-4]) == np.sign(share)).all()
    plain = looks_of(tied(axis, 0.0), np.arange(FRAMES), times, FOCAL, SIZE / 2)
    assert np.nanmax(plain.left) < 1e-3  # pixels
    assert np.nanmedian(looks.left) < 0.5
    assert off(looks.turns) < 0.05


def test_a_picture_read_at_once_stays_as_it_is() -> None:
    ties, times = tied(1, 0.0), np.arange(FRAMES) / FPS
    looks = looks_of(ties, np.arange(FRAMES), times, FOCAL, SIZE / 2)
    assert looks.readout == 0
    assert not looks.during.any()
    assert off(looks.turns) < 0.001


def test_the_focal_length_is_sure_once_the_shutter_is_known() -> None:
    ties, numbers, times = tied(1, 0.8), np.arange(FRAMES), np.arange(FRAMES) / FPS
    looks = looks_of(ties, numbers, times, FOCAL, SIZE / 2)
    arguments = ties, numbers, looks.zooms, FOCAL, SIZE / 2
    plain, doubt = turned_focal(*arguments, np.zeros((FRAMES, 2, 3)))
    found, sure = turned_focal(*arguments, looks.during)
    assert sure < doubt / 2
    assert found == pytest.approx(FOCAL, rel=0.05)
    assert plain == pytest.approx(FOCAL, rel=0.1)


def test_things_are_put_where_the_middle_row_would_have_them() -> None:
    """A turn to the right by 0.1 radians while a picture is read."""
    during = np.zeros((2, 3))
    during[1, 1] = 0.1
    images = np.array([[0.0, 0.3], [0.0, -0.3], [0.2, 0.0]])
    shares = np.array([[0.0, 0.5], [0.0, -0.5], [0.1, 0.0]])
    put = read_at_once(images, shares, during)
    # The last row is read half of that later: what it shows was further right in the middle.
    np.testing.assert_allclose(put[:, 0], [0.05, -0.05, 0.2], atol=1e-12)
    np.testing.assert_allclose(put[:, 1], images[:, 1], atol=1e-12)
