from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mbcli.data.datasets.h36m_cameras import CAMERAS, h36m_cameras
from mbcli.data.datasets.pinhole import RoomCamera, lifting_target, read_cameras
from mbcli.errors import DataError


@pytest.fixture
def camera() -> RoomCamera:
    """Three metres up, looking along the room's +y, with z up: right is +x."""
    half = np.sqrt(0.5)
    return RoomCamera.of_quaternion(
        "a", (-half, half, 0, 0), (0, -5000, 3000), (1000, 1100), (500, 510), (1000, 1020)
    )


def test_a_camera_sees_right_down_and_away(camera: RoomCamera) -> None:
    np.testing.assert_allclose(camera.see(np.array([0.0, 0.0, 3000.0])), [0, 0, 5000], atol=1e-9)
    np.testing.assert_allclose(camera.see(np.array([100.0, 0.0, 2000.0])), [100, 1000, 5000])
    np.testing.assert_allclose(camera.project(np.array([100.0, 1000.0, 5000.0])), [520, 730])
    assert np.isnan(camera.project(np.array([100.0, 1000.0, -1.0]))).all()


def test_target_is_in_the_pelvis_scale(camera: RoomCamera) -> None:
    seen = np.array([[[100.0, 0, 5000], [0, 0, 5500]]])
    target, factor = lifting_target(camera, seen)
    np.testing.assert_allclose(factor, [5.0])
    np.testing.assert_allclose(target, [[[520, 510, 0], [500, 510, 100]]])


def test_the_lens_is_found(camera: RoomCamera) -> None:
    rng = np.random.default_rng(0)
    seen = rng.normal(size=(50, 3)) * 500 + [0, 0, 5000]
    seen[3] = np.nan
    unknown = RoomCamera(
        "a", camera.rotation, camera.place, np.full(2, np.nan), np.full(2, 0), (1, 1)
    )
    found = unknown.fitted(seen, camera.project(seen))
    np.testing.assert_allclose(found.focal, [1000, 1100])
    np.testing.assert_allclose(found.center, [500, 510])
    with pytest.raises(DataError, match="too few points"):
        unknown.fitted(seen[:1], camera.project(seen[:1]))
    with pytest.raises(DataError, match="same camera"):
        unknown.fitted(seen, -camera.project(seen))


@pytest.mark.parametrize(
    # Right axis and translation of the same calibration in its other published form, R and t.
    ("subject", "name", "right", "moved"),
    [
        (
            "S1",
            "54138969",
            (-0.91536173, 0.40180837, 0.02574754),
            (-346.050781, 546.980779, 5474.481087),
        ),
        (
            "S9",
            "58860488",
            (-0.92693442, -0.37323035, -0.03862235),
            (455.401073, 273.358934, 5657.814488),
        ),
        (
            "S11",
            "60457274",
            (0.91754082, -0.39226322, 0.06517976),
            (-155.136503, 422.162563, 4435.416223),
        ),
    ],
)
def test_the_calibration_of_human36m(
    subject: str, name: str, right: tuple[float, ...], moved: tuple[float, ...]
) -> None:
    cameras = h36m_cameras(subject)
    assert cameras is not None
    assert tuple(cameras) == CAMERAS
    camera = cameras[name]
    np.testing.assert_allclose(camera.rotation[0], right, atol=1e-6)
    np.testing.assert_allclose(-camera.rotation @ camera.place, moved, atol=0.01)


@pytest.mark.parametrize("subject", ["S1", "S5", "S6", "S7", "S8", "S9", "S11"])
def test_all_cameras_look_at_the_middle_with_the_floor_below(subject: str) -> None:
    cameras = h36m_cameras(subject)
    assert cameras is not None
    for camera in cameras.values():
        person = camera.see(np.array([[0.0, 0.0, 1000.0], [0.0, 0.0, 0.0]]))
        pixels = camera.project(person)
        assert 3000 < person[0, 2] < 6500
        assert ((pixels > 0) & (pixels < 1000)).all()
        assert pixels[1, 1] > pixels[0, 1]
    assert h36m_cameras("S2") is None


def test_cameras_of_the_user(tmp_path: Path) -> None:
    figures = {
        "orientation": [1, 0, 0, 0],
        "translation": [0, 0, -1000],
        "focal_length": [800, 810],
        "center": [320, 240],
        "res_w": 640,
        "res_h": 480,
    }
    path = tmp_path / "cameras.json"
    path.write_text(json.dumps({"S1": {"front": figures}}))
    camera = read_cameras(path)["S1"]["front"]
    np.testing.assert_array_equal(camera.see(np.array([1.0, 2.0, 3.0])), [1, 2, 1003])
    assert camera.size == (640, 480)
    for key, value, message in (
        ("orientation", [1, 0, 0], "orientation must be 4 numbers"),
        ("orientation", [0, 0, 0, 0], "must be a rotation"),
        ("center", "middle", "center must be 2 numbers"),
        ("res_w", None, "res_w must be 1 numbers"),
        ("focal_length", [-1, 1], "must be positive"),
    ):
        path.write_text(json.dumps({"S1": {"front": figures | {key: value}}}))
        with pytest.raises(DataError, match=message):
            read_cameras(path)
    for text in ("{", "[]", '{"S1": []}', '{"S1": {"front": 1}}'):
        path.write_text(text)
        with pytest.raises(DataError):
            read_cameras(path)
