"""The colours of people's clothes: where they are taken, and when they are unknown."""

from __future__ import annotations

import numpy as np
import pytest

from mbcli.skeleton import COCO17
from mbcli.tracks.looks import looks_of
from mbcli.types import FloatArray, FramePoses

BOX = np.array([[20, 10, 80, 190]], np.float32)


def test_the_colours_of_trunk_and_thighs() -> None:
    image = np.zeros((200, 100, 3), np.uint8)
    image[20:100] = 200, 30, 30
    image[100:] = 30, 30, 200
    keypoints = np.zeros((2, 17, 3), np.float32)
    for side, x in (("right", 30), ("left", 70)):
        for joint, y in (("shoulder", 30), ("hip", 99), ("knee", 150)):
            keypoints[0, COCO17.index(f"{side}_{joint}")] = x, y, 0.9
    keypoints[1] = keypoints[0]
    keypoints[1, COCO17.index("left_knee"), 2] = 0.1
    poses = FramePoses(0, 0.0, np.tile(np.array([20, 10, 80, 190], np.float32), (2, 1)), keypoints)
    looks = looks_of(image, poses, COCO17)
    assert looks[0, 1] > 50  # red trunk: a* is large
    assert looks[0, 5] < -50  # blue thighs: b* is small
    assert np.array_equal(looks[1, :3], looks[0, :3])
    assert np.isnan(looks[1, 3:]).all()


def standing(**confidence: float) -> FloatArray:
    """(1, 17, 3) of somebody 40 pixels wide whose trunk and thighs are 100 pixels long each."""
    keypoints = np.zeros((1, 17, 3), np.float32)
    for side, x in (("right", 30), ("left", 70)):
        for joint, y in (("shoulder", 0), ("hip", 100), ("knee", 200)):
            keypoints[0, COCO17.index(f"{side}_{joint}")] = x, y, confidence.get(joint, 0.9)
    return keypoints


def lightness(white: np.ndarray, keypoints: FloatArray) -> list[float]:
    """L* of trunk and thighs; 100 is white and 0 black.

    Args:
        white: (H, W) bool, where the picture is white.
        keypoints: (1, 17, 3) of one person.
    """
    image = np.repeat(white[..., None] * np.uint8(255), 3, axis=-1)
    poses = FramePoses(0, 0.0, BOX, keypoints)
    return [float(one) for one in looks_of(image, poses, COCO17)[0, [0, 3]]]


def test_colours_are_taken_at_five_places_within_the_trunk_and_along_each_thigh() -> None:
    x, y = np.meshgrid(np.arange(100), np.arange(200))
    person = standing()
    # Across the trunk: at 38, 44, 50, 56 and 62; thighs are at 30 and 70.
    for end, trunk, thighs in (
        (38, 0, 50),
        (39, 20, 50),
        (51, 60, 50),
        (62, 80, 50),
        (63, 100, 50),
    ):
        assert lightness(x < end, person) == pytest.approx([trunk, thighs], abs=0.1)
    # Along both: at 15, 32, 50, 68 and 85.
    for end, share in ((15, 0), (16, 20), (33, 40), (50, 40), (51, 60), (85, 80), (86, 100)):
        assert lightness(y % 100 < end, person) == pytest.approx([share, share], abs=0.1)


def test_unsure_joints_have_no_colours() -> None:
    white = np.ones((200, 100), np.bool_)
    assert lightness(white, standing(hip=0.31)) == pytest.approx([100, 100], abs=0.1)
    assert np.isnan(lightness(white, standing(hip=0.29))).all()
    trunk, thighs = lightness(white, standing(shoulder=0.29))
    assert np.isnan(trunk)
    assert thighs == pytest.approx(100, abs=0.1)
    trunk, thighs = lightness(white, standing(knee=0.0))
    assert trunk == pytest.approx(100, abs=0.1)
    assert np.isnan(thighs)


def test_what_is_outside_the_picture_does_not_count() -> None:
    white = np.zeros((51, 57), np.bool_)
    white[:, :44] = True
    trunk, thighs = lightness(white, standing())
    assert trunk == pytest.approx(25, abs=0.1)  # of four places across
    assert np.isnan(thighs)
    x, y = np.meshgrid(np.arange(100), np.arange(200))
    for by, white_ in (([-50, 0, 0], x < 13), ([0, -60, 0], y < 26)):
        trunk, _ = lightness(white_, standing() + np.array(by, np.float32))
        assert trunk == pytest.approx(100, abs=0.1)
    assert np.isnan(lightness(white, standing() - np.array([100, 0, 0], np.float32))).all()
    corner = standing() * np.array([0, 0, 1], np.float32)
    assert lightness(np.ones((1, 1), np.bool_), corner) == pytest.approx([100, 100], abs=0.1)
