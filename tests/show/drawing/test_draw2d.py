from __future__ import annotations

import numpy as np
import pytest

from mbcli.show.colours import LEFT, RIGHT
from mbcli.show.drawing.canvas import Canvas
from mbcli.show.drawing.draw2d import draw_people
from mbcli.show.drawing.styles import STYLES
from mbcli.skeleton import H36M17

GREY = 100


@pytest.fixture
def keypoints() -> np.ndarray:
    """One person whose left forearm goes across, and right forearm down."""
    data = np.full((1, 17, 3), (np.nan, np.nan, 0.0))
    places = {
        "left_elbow": (100, 100),
        "left_wrist": (160, 100),
        "right_elbow": (40, 60),
        "right_wrist": (40, 120),
    }
    for joint, place in places.items():
        data[0, H36M17.index(joint)] = (*place, 1.0)
    return data


def drawn(keypoints: np.ndarray) -> np.ndarray:
    image = np.full((180, 240, 3), GREY, dtype=np.uint8)
    draw_people(Canvas.on_rgb(image), keypoints, H36M17, {0: "7"}, STYLES["dark"])
    return image


def near(pixel: np.ndarray, colour: tuple[int, int, int]) -> bool:
    """Whether a pixel has the colour, but for what anti-aliasing takes from a thin line."""
    return bool(np.abs(pixel.astype(int) - colour).max() < 40)


def test_sides_have_their_colours_at_their_places(keypoints: np.ndarray) -> None:
    image = drawn(keypoints)
    assert near(image[100, 130], LEFT)
    assert near(image[90, 40], RIGHT)


def test_missing_joints_have_no_bones(keypoints: np.ndarray) -> None:
    keypoints[0, H36M17.index("left_wrist")] = (np.nan, np.nan, 0.0)
    image = drawn(keypoints)
    assert tuple(image[100, 130]) == (GREY,) * 3
    assert near(image[90, 40], RIGHT)


def test_bones_are_as_faint_as_their_worse_end(keypoints: np.ndarray) -> None:
    keypoints[0, H36M17.index("left_wrist"), 2] = 0.25
    assert 0.3 < (drawn(keypoints)[100, 130, 0] - GREY) / (LEFT[0] - GREY) < 0.7


def test_guesses_are_dashed(keypoints: np.ndarray) -> None:
    keypoints[0, H36M17.index("left_wrist"), 2] = 0.1
    forearm = drawn(keypoints)[100, 105:155, 0].astype(int) - GREY
    assert (forearm > 20).any()
    assert (np.abs(forearm) < 10).sum() > 5


def test_feet_on_the_floor_are_marked() -> None:
    data = np.full((1, 17, 3), (np.nan, np.nan, 0.0))
    data[0, H36M17.index("left_ankle")] = (120, 90, 1)
    images = []
    for feet in ([], [H36M17.index("left_ankle")]):
        image = np.full((180, 240, 3), GREY, dtype=np.uint8)
        style = STYLES["dark"]
        draw_people(Canvas.on_rgb(image), data, H36M17, {0: ""}, style, feet_down={0: feet})
        images.append(image)
    changed = np.argwhere((images[0] != images[1]).any(axis=-1))
    assert len(changed)
    assert np.abs(changed - (90, 120)).max() < 8


def test_joints_outside_the_picture_do_no_harm(keypoints: np.ndarray) -> None:
    keypoints[0, H36M17.index("left_wrist"), :2] = (900, 100)
    keypoints[0, H36M17.index("right_wrist"), :2] = (-1e30, 1e30)
    image = drawn(keypoints)
    assert near(image[100, 230], LEFT)
    assert tuple(image[100, 20]) == (GREY,) * 3


def test_nobody_leaves_the_picture_alone() -> None:
    assert (drawn(np.full((1, 17, 3), (np.nan, np.nan, 0.0))) == GREY).all()
