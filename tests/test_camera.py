"""The camera: its lens, its poses, and what the options make of it."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import pytest

from mbcli.camera import FOVS, Camera, camera_from
from mbcli.errors import ConfigError

SIZE = (1280, 720)
BARREL = (-0.3, 0.1, 0.001, -0.002, 0.02)
CUSHION = (0.2, 0.05, 0.01, 0.0, 0.0)


def lens(distortion: Any = (0.0,) * 5) -> Camera:
    return Camera(np.array([1000.0, 1010.0]), np.array([650.0, 350.0]), np.array(distortion))


def over_the_picture(count: int = 2000) -> np.ndarray:
    return np.random.default_rng(1).uniform((0, 0), SIZE, (count, 2))


@pytest.mark.parametrize("distortion", [(0.0,) * 5, BARREL, CUSHION])
def test_project_and_unproject_are_inverse(distortion: tuple[float, ...]) -> None:
    camera, pixels = lens(distortion), over_the_picture()
    rays = camera.unproject(pixels)
    depth = np.random.default_rng(2).uniform(0.5, 20, (len(pixels), 1))
    points = np.concatenate([rays, np.ones_like(depth)], axis=-1) * depth
    np.testing.assert_allclose(camera.project(points), pixels, rtol=0, atol=1e-6)
    np.testing.assert_allclose(camera.unproject(camera.project(points)), rays, rtol=0, atol=1e-8)


@pytest.mark.parametrize("distortion", [(0.0,) * 5, BARREL, CUSHION])
def test_projection_is_opencvs(distortion: tuple[float, ...]) -> None:
    camera = lens(distortion)
    points = np.random.default_rng(3).uniform((-2, -1, 3), (2, 1, 9), (500, 3))
    expected, _ = cv2.projectPoints(
        points[:, None], np.zeros(3), np.zeros(3), camera.matrix, np.array(distortion)
    )
    np.testing.assert_allclose(camera.project(points), expected[:, 0], rtol=0, atol=1e-9)


def fisheye(*coefficients: float) -> Camera:
    return Camera(
        np.array([500.0, 505.0]),
        np.array([650.0, 350.0]),
        np.array([*coefficients, *(0.0,) * (5 - len(coefficients))]),
        model="fisheye",
    )


@pytest.mark.parametrize("bent", [(0.0, 0.0, 0.0, 0.0), (-0.02, 0.01, -0.003, 0.0004), (0.1,)])
def test_a_fisheye_is_opencvs(bent: tuple[float, ...]) -> None:
    camera = fisheye(*bent)
    angles = np.radians(np.random.default_rng(3).uniform((0, 0), (84, 360), (500, 2)))
    rays = np.tan(angles[:, :1]) * np.stack([np.cos(angles[:, 1]), np.sin(angles[:, 1])], axis=-1)
    points = np.append(rays, np.ones((500, 1)), axis=-1) * 3.0
    still, four = np.zeros(3), camera.distortion[:4]
    expected, _ = cv2.fisheye.projectPoints(points[:, None], still, still, camera.matrix, four)
    seen = camera.project(points)
    np.testing.assert_allclose(seen, expected[:, 0], rtol=0, atol=1e-9)
    np.testing.assert_allclose(camera.unproject(seen), rays, rtol=1e-7, atol=1e-9)
    near = angles[:, 0] < 1.2  # OpenCV's inverse ends 90 degrees from the axis of an ideal lens
    ends = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 200, 1e-12)
    back = cv2.fisheye.undistortPoints(seen[near, None], camera.matrix, four, criteria=ends)
    np.testing.assert_allclose(camera.unproject(seen[near]), back[:, 0], rtol=1e-6, atol=1e-8)


def test_beyond_the_field_of_a_fisheye_nothing_is_seen() -> None:
    camera = fisheye(-0.2)  # its images come back from 74 degrees on
    ahead, beyond = (np.tan(np.radians(angle)) for angle in (73.0, 75.0))
    points = [[ahead, 0.0, 1.0], [beyond, 0.0, 1.0], [0.0, 0.0, 1.0], [1.0, 0.0, -1.0]]
    seen = camera.project(points)
    assert np.isfinite(seen[[0, 2]]).all()
    assert np.isnan(seen[[1, 3]]).all()
    edge = seen[0, 0] + 2.0  # no point is seen that far out
    assert np.isnan(camera.unproject([[edge, 350.0], [np.nan, 350.0]])).all()
    wide = fisheye()
    rim = 650 + 500 * np.radians([84.0, 86.0])
    assert np.isfinite(wide.unproject([[rim[0], 350.0]])).all()
    assert np.isnan(wide.unproject([[rim[1], 350.0]])).all()


def test_a_zoom_is_of_its_frame() -> None:
    camera = camera_from(SIZE, focal=1000, frames=3)
    zoomed = camera.posed(
        camera.world_from_camera, motion="turning", zooms=np.array([1.0, 1.5, 2.0])
    )
    assert zoomed.zooming
    assert not zoomed.unzoomed.zooming
    points = np.broadcast_to([[1.0, -0.5, 2.0], [0.0, 0.0, 2.0]], (3, 2, 3))
    seen = zoomed.project(points)
    np.testing.assert_allclose(seen[:, 0], [[1140, 110], [1390, -15], [1640, -140]])
    np.testing.assert_allclose(seen[:, 1], [SIZE[0] / 2, SIZE[1] / 2] * np.ones((3, 1)))
    np.testing.assert_allclose(zoomed.unproject(seen), points[..., :2] / 2)
    np.testing.assert_allclose(zoomed.project(points[:2], np.array([2, 0])), seen[[2, 0]])
    np.testing.assert_allclose(zoomed.unproject(seen[1:2], slice(1, 2)), points[:1, :, :2] / 2)
    assert zoomed.part(slice(1, 3)).zooms.tolist() == [1.5, 2.0]
    assert not zoomed.lasting(5).zooming
    for zooms in ([1.0, 2.0], [1.0, 0.0, 1.0], [1.0, np.nan, 1.0]):
        with pytest.raises(ValueError, match=r"Camera\.zooms"):
            camera.posed(camera.world_from_camera, motion="turning", zooms=np.array(zooms))


def test_projection_in_numbers() -> None:
    seen = camera_from(SIZE, focal=1000).project([[0.0, 0.0, 2.0], [1.0, -0.5, 2.0]])
    np.testing.assert_allclose(seen, [[640, 360], [1140, 110]])


def test_the_matrix_is_opencvs() -> None:
    wanted = [[1000, 0, 650], [0, 1010, 350], [0, 0, 1]]
    np.testing.assert_array_equal(lens().matrix, wanted)


def test_a_camera_of_which_nothing_is_said() -> None:
    camera = Camera(np.full(2, 900.0), np.array([640.0, 360.0]))
    given = (camera.focal_given, camera.centre_given, camera.distortion_given)
    assert given == (False, False, False)
    assert (camera.motion, camera.grounded) == ("unknown", False)
    posed = camera.posed(np.stack([turned(10), turned(20)]), motion="turning", grounded=True)
    assert (posed.motion, posed.grounded) == ("turning", True)
    np.testing.assert_array_equal(posed.first_pose, turned(10))
    assert camera_from(SIZE).world_from_camera.shape == (1, 4, 4)


def test_a_barrel_draws_the_corners_in() -> None:
    corner = np.array([[1.0, 0.6, 2.0]])
    middle = np.array([650.0, 350.0])
    straight, barrel, cushion = (
        np.linalg.norm(lens(d).project(corner) - middle) for d in ((0.0,) * 5, BARREL, CUSHION)
    )
    assert barrel < straight < cushion


@pytest.mark.parametrize("distortion", [(0.0,) * 5, BARREL])
def test_missing_points_stay_missing(distortion: tuple[float, ...]) -> None:
    camera = lens(distortion)
    pixels = np.full((2, 3, 2), 400.0)
    pixels[0, 1] = np.nan
    rays = camera.unproject(pixels)
    assert rays.shape == pixels.shape
    np.testing.assert_array_equal(np.isnan(rays), np.isnan(pixels))
    assert camera.unproject(np.full((4, 2), np.nan)).shape == (4, 2)
    behind = np.array([[0.1, 0.1, 2.0], [0.1, 0.1, -2.0], [0.1, 0.1, 0.0], [np.nan] * 3])
    assert np.isnan(camera.project(behind)).any(axis=-1).tolist() == [False, True, True, True]


def test_pixels_beyond_the_reach_of_the_lens_have_no_ray() -> None:
    # r (1 - 0.5 r^2) is never above 0.544: no ray is seen at a distance of 0.8 focal lengths.
    camera = lens((-0.5, 0.0, 0.0, 0.0, 0.0))
    rays = camera.unproject(camera.centre + np.array([[500.0, 0.0], [800.0, 0.0]]))
    assert np.isfinite(rays).all(axis=-1).tolist() == [True, False]


def turned(degrees: float, shift: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> np.ndarray:
    angle, pose = math.radians(degrees), np.eye(4)
    pose[0, [0, 2]] = math.cos(angle), math.sin(angle)
    pose[2, [0, 2]] = -math.sin(angle), math.cos(angle)
    pose[:3, 3] = shift
    return pose


def test_a_camera_that_turns_to_the_right_sees_what_was_ahead_on_its_left() -> None:
    poses = np.stack([turned(0), turned(30), turned(60)])
    camera = lens().posed(poses, motion="turning")
    ahead = np.tile([0.0, 0.0, 5.0], (3, 1))
    seen = camera.from_world(ahead)
    np.testing.assert_allclose(seen[0], [0, 0, 5], atol=1e-12)
    assert seen[2, 0] < seen[1, 0] < 0
    np.testing.assert_allclose(camera.to_world(seen), ahead, atol=1e-12)


@pytest.mark.parametrize("moves", [False, True])
@pytest.mark.parametrize("shape", [(), (2,), (2, 17)])
def test_to_world_and_from_world_are_inverse(moves: bool, shape: tuple[int, ...]) -> None:
    poses = np.stack([turned(10.0 * n * moves, (1.0, 0.2 * n * moves, -3.0)) for n in range(4)])
    camera = lens().posed(poses, motion="moving" if moves else "still")
    assert camera.fixed is not moves
    points = np.random.default_rng(4).normal(size=(4, *shape, 3))
    world = camera.to_world(points)
    for number, pose in enumerate(poses):
        expected = points[number] @ pose[:3, :3].T + pose[:3, 3]
        np.testing.assert_allclose(world[number], expected, atol=1e-12)
    np.testing.assert_allclose(camera.from_world(world), points, atol=1e-12)
    rows = slice(1, 3)
    np.testing.assert_allclose(camera.to_world(points[rows], rows), world[rows], atol=1e-12)
    np.testing.assert_allclose(camera.from_world(world[rows], rows), points[rows], atol=1e-12)


def test_a_camera_without_frames() -> None:
    camera = lens().lasting(0)
    assert camera.fixed
    np.testing.assert_array_equal(camera.first_pose, np.eye(4))
    assert camera.to_world(np.zeros((0, 2, 17, 3))).shape == (0, 2, 17, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"focal": [1000.0]}, r"focal must have shape \(2\)"),
        ({"focal": [1000.0, -1.0]}, "focal must be positive"),
        ({"focal": [0.0, 1000.0]}, "focal must be positive"),
        ({"focal": [1000.0, np.nan]}, "focal must be finite"),
        ({"centre": [np.inf, 0.0]}, "centre must be finite"),
        ({"distortion": [0.1, 0.1]}, "distortion must have shape"),
        ({"world_from_camera": np.eye(4)}, "world_from_camera must have shape"),
        ({"world_from_camera": [np.diag([1, 1, -1, 1])]}, "must be rigid"),
        ({"world_from_camera": [np.diag([2, 2, 2, 1])]}, "must be rigid"),
        ({"world_from_camera": [np.diag([1, 1, 1, 2])]}, "must be rigid"),
        ({"motion": "shaking"}, "must be one of still, turning, moving, unknown, got 'shaking'"),
    ],
)
def test_no_such_camera(change: dict[str, Any], message: str) -> None:
    values: dict[str, Any] = {"focal": [1000.0, 1000.0], "centre": [640.0, 360.0]}
    with pytest.raises(ValueError, match=message):
        Camera(**values | change)


def test_the_default_camera_sees_55_degrees_across_the_longer_side() -> None:
    for size in ((1280, 720), (720, 1280)):
        camera = camera_from(size)
        assert not camera.focal_given
        for pixels in camera.focal:
            assert 2 * math.degrees(math.atan(640 / pixels)) == pytest.approx(55)
        assert camera.centre.tolist() == [size[0] / 2, size[1] / 2]
        assert not camera.distortion.any()


def test_given_cameras() -> None:
    camera = camera_from(SIZE, focal=1000, frames=3)
    assert (camera.focal.tolist(), camera.focal_given) == ([1000, 1000], True)
    assert (camera.centre_given, camera.distortion_given) == (False, False)
    assert camera.world_from_camera.shape == (3, 4, 4)
    assert (camera.motion, camera.grounded) == ("unknown", False)
    camera = camera_from(SIZE, fov=90)
    assert camera.focal_given
    assert camera.focal == pytest.approx(640)


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf])
def test_focal_length_must_be_positive(value: float) -> None:
    with pytest.raises(ConfigError, match=rf"--focal must be a positive.*got {value:g}"):
        camera_from(SIZE, focal=value)


@pytest.mark.parametrize("value", [0, -5, 180, 200, math.nan])
def test_fov_must_be_an_angle(value: float) -> None:
    with pytest.raises(ConfigError, match=rf"must be 1..150 degrees, got {value:g}"):
        camera_from(SIZE, fov=value)


def test_focal_and_fov_exclude_each_other() -> None:
    with pytest.raises(
        ConfigError, match="only one of --focal and --fov may be given, got 900 and 50"
    ):
        camera_from(SIZE, focal=900, fov=50)


@pytest.mark.parametrize(
    ("size", "focal"), [((1920, 1080), 35.0), ((720, 1280), 50.0), ((640, 480), 1e6)]
)
def test_a_focal_length_beyond_reason_is_refused_in_pixels(
    size: tuple[int, int], focal: float
) -> None:
    with pytest.raises(ConfigError, match=rf"pixels for pictures of {size[0]}x{size[1]}, got"):
        camera_from(size, focal=focal)
    for view in FOVS:
        pixels = max(size) / 2 / np.tan(np.deg2rad(view) / 2)
        assert camera_from(size, fov=view).focal[0] == pytest.approx(pixels)
        camera_from(size, focal=pixels * (1.001 if view > 90 else 0.999))
