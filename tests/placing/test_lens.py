"""The lens of a clip: which source counts, and keypoints without its distortion."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from walkers import walker

import mbcli
from mbcli.camera import Camera
from mbcli.data.recordings.body import body_positions
from mbcli.errors import ConfigError
from mbcli.pipeline import Pipeline
from mbcli.placing.lens import lens_of, straightened
from mbcli.skeleton import BODY21, H36M17
from mbcli.tracks.detection import Detection
from mbcli.types import Keypoints2D
from mbcli.video.lens import NotedLens

SIZE = (1280, 720)
BARREL = (-0.3, 0.1, 0.001, -0.002, -0.015)


def lens(distortion: Any = BARREL, focal: Any = (800.0, 800.0)) -> Camera:
    return Camera(np.array(focal), np.array([650.0, 350.0]), np.array(distortion))


def keypoints_of(pixels: np.ndarray) -> Keypoints2D:
    frames, people = pixels.shape[:2]
    there = np.isfinite(pixels).all(axis=-1, keepdims=True)
    return Keypoints2D(
        data=np.concatenate([pixels, np.where(there, 0.9, 0.0)], axis=-1),
        skeleton=H36M17,
        fps=30.0,
        timestamps=np.arange(frames) / 30,
        size=SIZE,
        track_ids=np.arange(people) + 1,
        boxes=np.zeros((frames, people, 4)),
        frame_index=np.arange(frames),
    )


def calibration(folder: Path, camera: Camera) -> str:
    path = folder / "camera.yml"
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    storage.write("image_width", SIZE[0])
    storage.write("image_height", SIZE[1])
    matrix = camera.matrix
    matrix[:2, 2] -= 0.5  # OpenCV's pixels begin at -0.5
    storage.write("camera_matrix", matrix)
    storage.write("distortion_coefficients", camera.distortion[None])
    storage.write("fisheye_model", int(camera.model == "fisheye"))
    storage.release()
    return str(path)


def test_what_is_given_counts_before_what_is_noted(tmp_path: Path) -> None:
    noted = NotedLens(1000.0, 0.03, "26 mm")
    file = calibration(tmp_path, lens())
    sources = [
        lens_of(SIZE, 3, calibration=file, noted=noted),
        lens_of(SIZE, 3, focal=900.0, noted=noted),
        lens_of(SIZE, 3, fov=60.0, noted=noted),
        lens_of(SIZE, 3, noted=noted),
        lens_of(SIZE, 3),
    ]
    assert [one.source for one in sources] == ["calibration", "option", "option", "file", "assumed"]
    assert [one.camera.focal_given for one in sources] == [True, True, True, False, False]
    assert [one.doubt for one in sources] == [None, None, None, 0.03, 0.3]
    focals = [one.meta(SIZE)["pixels"] for one in sources]
    assert focals == pytest.approx([800, 900, 640 / np.tan(np.pi / 6), 1000, 1229.4], abs=0.1)
    assert {len(one.camera.world_from_camera) for one in sources} == {3}
    with pytest.raises(ConfigError, match="--calibration gives the focal length, but --fov"):
        mbcli.InferOptions(calibration=file, fov=50.0)


def test_straight_lines_are_straight() -> None:
    camera = lens(focal=(800.0, 816.0))
    line = np.linspace([-2.0, -0.8, 4.0], [2.0, 0.9, 4.0], 17)
    seen = keypoints_of(camera.project(line)[None, None])
    level = straightened(seen, camera).data[0, 0, :, :2].astype(np.float64)
    np.testing.assert_allclose(level, camera.straight.project(line), atol=1e-3)
    off = level - level[0] - np.outer(np.linspace(0, 1, 17), level[-1] - level[0])
    assert np.abs(off).max() < 0.01
    bent = seen.data[0, 0, :, :2].astype(np.float64)
    off = bent - bent[0] - np.outer(np.linspace(0, 1, 17), bent[-1] - bent[0])
    assert np.abs(off).max() > 10  # pixels
    # Square pixels: what is as long along x as along y in space is so in the picture.
    assert camera.straight.focal.tolist() == [808, 808]


def test_what_the_lens_does_not_reach_goes_missing() -> None:
    pixels = np.full((1, 1, 17, 2), 640.0)
    pixels[0, 0, 3] = 1e5
    pixels[0, 0, 4] = np.nan
    found = straightened(keypoints_of(pixels), lens()).data[0, 0]
    assert np.isnan(found[[3, 4], :2]).all()
    assert found[[3, 4], 2].tolist() == [0, 0]
    assert np.isfinite(found[5:]).all()


def test_a_fisheye_is_taken_out_of_keypoints_and_put_into_the_result(tmp_path: Path) -> None:
    body = body_positions(walker(60))[:, [BODY21.index(joint) for joint in H36M17.joints]]
    place = body * [1.0, -1.0, -1.0]
    place = place - place[:, 0].mean(axis=0) + [3.5, 0.4, 3.0]  # 49 degrees from the axis
    camera = replace(lens((-0.01, 0.002, 0.0, 0.0, 0.0), (400.0, 400.0)), model="fisheye")
    seen = Detection(keypoints_of(camera.project(place)[:, None]), "walk.json", "mbcli")
    file = calibration(tmp_path, camera)
    motion = Pipeline(mbcli.InferOptions(height=1.7, calibration=file)).lift(seen)
    assert motion.camera.model == "fisheye"
    joints = motion.positions[:, 0] + motion.root[:, 0, None]
    onto = motion.camera.project(joints)
    away = np.linalg.norm(onto - seen.keypoints.data[:, 0, :, :2], axis=-1)
    assert np.median(away) < 6  # pixels; without the lens they would be off by 120
    size = float((joints * place).sum() / (joints**2).sum())
    assert np.linalg.norm(size * joints - place, axis=-1).mean() < 0.1
    level = straightened(seen.keypoints, camera).data[:, 0, :, :2]
    np.testing.assert_allclose(level, camera.straight.project(place), atol=0.01)
    # 400 pixels a radian: 1280 are 183 degrees; what is beyond 85 of the axis is not looked at.
    assert motion.meta["assumptions"]["focal"]["fov"] == pytest.approx(170, abs=1)


def test_a_straight_lens_changes_nothing() -> None:
    seen = keypoints_of(np.full((1, 1, 17, 2), 640.0))
    assert straightened(seen, lens((0.0,) * 5)) is seen


def test_a_walk_at_the_edge_of_a_wide_lens_is_put_where_it_was(tmp_path: Path) -> None:
    """Known positions seen through a lens with distortion, and lifted with it and without."""
    body = body_positions(walker(60))[:, [BODY21.index(joint) for joint in H36M17.joints]]
    place = body * [1.0, -1.0, -1.0]
    place = place - place[:, 0].mean(axis=0) + [2.3, 0.4, 5.0]
    camera = lens()
    seen = Detection(keypoints_of(camera.project(place)[:, None]), "walk.json", "mbcli")

    def off(**options: Any) -> tuple[float, mbcli.Motion3D]:
        motion = Pipeline(mbcli.InferOptions(height=1.7, **options)).lift(seen)
        joints = motion.positions[:, 0] + motion.root[:, 0, None]
        # The body's proportions are not those of the mean: sizes are compared first.
        size = float((joints * place).sum() / (joints**2).sum())
        return 1000 * float(np.linalg.norm(size * joints - place, axis=-1).mean()), motion

    without, _ = off(focal=800.0)
    within, motion = off(calibration=calibration(tmp_path, camera))
    assert within < 60 < 130 < without, (within, without)
    np.testing.assert_array_equal(motion.keypoints.data, seen.keypoints.data)  # as seen
    onto = motion.camera.project(motion.positions[:, 0] + motion.root[:, 0, None])
    away = np.linalg.norm(onto - seen.keypoints.data[:, 0, :, :2], axis=-1)
    assert np.median(away) < 4  # pixels, of a body of 270
    assert motion.camera.distortion_given
    assert motion.meta["assumptions"]["focal"]["source"] == "calibration"
