from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from mbcli.drawing.compose import Composer, RenderOptions
from mbcli.errors import ConfigError
from mbcli.motion import Motion3D

Make = Callable[..., Motion3D]
PATH = np.array([[0.0, 0.0, 4.0]])


@pytest.mark.parametrize(
    ("size", "layout", "expected"),
    [
        ((1280, 720), "side", (2000, 720)),
        ((1280, 720), "overlay", (1280, 720)),
        ((1280, 720), "3d", (1280, 720)),
        ((1080, 1920), "side", (2160, 1920)),
        ((320, 240), "overlay", (640, 480)),
        ((3840, 2160), "overlay", (1920, 1080)),
        ((4000, 500), "overlay", (2560, 320)),
    ],
)
def test_sizes(
    make_motion: Make, size: tuple[int, int], layout: str, expected: tuple[int, int]
) -> None:
    composer = Composer(make_motion(PATH, size=size), RenderOptions(layout=layout))
    assert composer.size == expected
    picture = np.zeros((size[1], size[0], 3), dtype=np.uint8)
    assert composer.compose(0, picture).shape == (expected[1], expected[0], 3)


def test_asked_for_width_is_kept(make_motion: Make) -> None:
    composer = Composer(make_motion(PATH), width=300)
    assert composer.size[0] == pytest.approx(300, abs=1)


def test_picture_and_skeleton_grow_together(make_motion: Make) -> None:
    motion = make_motion(PATH, size=(320, 240))
    picture = np.full((240, 320, 3), 200, dtype=np.uint8)
    picture[:, 160:] = 60
    image = Composer(motion, RenderOptions(layout="overlay")).compose(0, picture)
    assert tuple(image[300, 100]) == (200,) * 3
    assert tuple(image[300, 600]) == (60,) * 3
    x, y = 2 * motion.keypoints.data[0, 0, 6, :2]
    around = image[int(y) - 2 : int(y) + 3, int(x) - 2 : int(x) + 3]
    assert (around == (92, 214, 120)).all(axis=-1).any()


def test_frame_without_a_picture_is_grey(make_motion: Make) -> None:
    image = Composer(make_motion(PATH)).compose(0, None)
    assert tuple(image[400, 20]) == (48, 48, 48)


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"layout": "both"}, "side, overlay or 3d, got both"),
        ({"azimuth": float("nan")}, "--azimuth must be a number"),
        ({"elevation": 91.0}, "within -90..90 degrees, got 91"),
    ],
)
def test_options_outside_their_rule(options: dict[str, object], rule: str) -> None:
    with pytest.raises(ConfigError, match=rule):
        RenderOptions(**options)
