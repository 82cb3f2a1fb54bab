from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mbcli.errors import ConfigError
from mbcli.motion import Motion3D
from mbcli.show.drawing.compose import Composer
from mbcli.show.drawing.options import CameraMove, Layout, RenderOptions

Make = Callable[..., Motion3D]
COLOURS = ((92, 214, 120), (226, 110, 232))
PATH = np.array([[0.0, 0.0, 4.0]])


@pytest.mark.parametrize(
    ("size", "layout", "expected"),
    [
        ((1280, 720), "side", (2000, 720)),
        ((1280, 720), "overlay", (1280, 720)),
        ((1280, 720), "3d", (1280, 720)),
        ((1080, 1920), "side", (1532, 1362)),
        ((1280, 720), "grid", (1928, 1084)),
        ((320, 240), "overlay", (640, 480)),
        ((3840, 2160), "overlay", (1920, 1080)),
        ((4000, 500), "overlay", (2560, 320)),
    ],
)
def test_sizes(
    make_motion: Make, size: tuple[int, int], layout: Layout, expected: tuple[int, int]
) -> None:
    composer = Composer(make_motion(PATH, size=size), RenderOptions(layout=layout))
    assert composer.size == expected
    picture = np.zeros((size[1], size[0], 3), dtype=np.uint8)
    assert composer.compose_rgb(0, picture).shape == (expected[1], expected[0], 3)


def test_asked_for_width_is_kept(make_motion: Make) -> None:
    composer = Composer(make_motion(PATH), width=300)
    assert composer.size[0] == pytest.approx(300, abs=1)


def test_picture_and_skeleton_grow_together(make_motion: Make) -> None:
    motion = make_motion(PATH, size=(320, 240))
    picture = np.full((240, 320, 3), 200, dtype=np.uint8)
    picture[:, 160:] = 60
    image = Composer(motion, RenderOptions(layout="overlay")).compose_rgb(0, picture)
    assert tuple(image[300, 100]) == (200,) * 3
    assert tuple(image[300, 600]) == (60,) * 3
    x, y = 2 * motion.keypoints.data[0, 0, 6, :2]
    around = image[int(y) - 2 : int(y) + 3, int(x) - 2 : int(x) + 3]
    assert (around == (92, 214, 120)).all(axis=-1).any()


def test_frame_without_a_picture_is_empty(make_motion: Make) -> None:
    image = Composer(make_motion(PATH)).compose_rgb(0, None)
    assert tuple(image[400, 20]) == (30, 32, 37)


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"layout": "both"}, "side, overlay, 3d or grid, got 'both'"),
        ({"azimuth": float("nan")}, "--azimuth must be a number"),
        ({"elevation": 91.0}, "must be -90..90 degrees, got 91"),
        ({"style": "grey"}, "--style must be dark or light, got 'grey'"),
        ({"camera": "drone"}, "--camera must be fixed, orbit or follow, got 'drone'"),
        ({"projection": "flat"}, "--projection must be perspective or orthographic, got 'flat'"),
        ({"width": 10}, r"--width must be 64\.\.8192 pixels, got 10"),
        ({"turn": 0.0}, "--turn must be 1 second or more, got 0"),
        ({"trail": -1.0}, "--trail must be 0 or more seconds, got -1"),
        ({"max_fps": 0.0}, "--max-fps must be a positive number, got 0"),
        ({"columns": 0}, "--columns must be 1..1000, got 0"),
        ({"count": 0}, "--count must be 1..1000, got 0"),
    ],
)
def test_options_outside_their_rule(options: dict[str, Any], rule: str) -> None:
    with pytest.raises(ConfigError, match=rule):
        RenderOptions(**options)


def test_people_keep_their_colours_and_others_are_left_out(make_motion: Make) -> None:
    left, right = np.array([[-1.0, 0.0, 4.0]]), np.array([[1.0, 0.0, 4.0]])
    motion = make_motion(left, right)
    picture = np.zeros((240, 320, 3), dtype=np.uint8)
    second = (226, 110, 232)

    def has(image: np.ndarray, colour: tuple[int, int, int]) -> bool:
        return bool((image == colour).all(axis=-1).sum() > 20)

    for person, shown in (("all", (True, True)), ("2", (False, True))):
        for layout in ("overlay", "3d", "side", "grid"):
            options = RenderOptions(layout=layout, person=person)
            image = Composer(motion, options).compose_rgb(0, picture)
            assert (has(image, (92, 214, 120)), has(image, second)) == shown, layout


def test_unknown_people_and_joints_are_reported_with_the_known_ones(make_motion: Make) -> None:
    motion = make_motion(PATH, PATH)
    with pytest.raises(ConfigError, match="largest or one of 1, 2, got 7"):
        Composer(motion, RenderOptions(person="1,7"))
    with pytest.raises(ConfigError, match=r"--trail-joints must be of pelvis, .*, got nose_tip"):
        Composer(motion, RenderOptions(trail_joints=("nose_tip",)))


@pytest.mark.parametrize("layout", ["overlay", "3d", "side", "grid"])
@pytest.mark.parametrize("camera", ["fixed", "orbit", "follow"])
def test_nobody_at_all_can_be_drawn(make_motion: Make, layout: Layout, camera: CameraMove) -> None:
    picture = np.full((240, 320, 3), 90, dtype=np.uint8)
    for motion in (make_motion(np.full((2, 3), np.nan)), _without_people(make_motion(PATH))):
        options = RenderOptions(layout=layout, camera=camera)
        image = Composer(motion, options).compose_rgb(0, picture)
        assert image.std() > 0


def _without_people(motion: Motion3D) -> Motion3D:
    keypoints = motion.keypoints
    return replace(
        motion,
        positions=motion.positions[:, :0],
        root=motion.root[:, :0],
        positions_normalized=motion.positions_normalized[:, :0],
        confidence=motion.confidence[:, :0],
        keypoints=replace(
            keypoints,
            data=keypoints.data[:, :0],
            boxes=keypoints.boxes[:, :0],
            track_ids=keypoints.track_ids[:0],
        ),
    )


def test_light_is_light(make_motion: Make) -> None:
    motion = make_motion(PATH)
    dark, light = (
        Composer(motion, RenderOptions(layout="3d", style=style)).compose_rgb(0, None).mean()
        for style in ("dark", "light")
    )
    assert dark < 60
    assert light > 220


def test_views_of_the_grid_look_from_front_side_and_top(make_motion: Make) -> None:
    # Two people, one behind the other: apart from the side and the top, not from the front.
    motion = make_motion(np.array([[0.0, 0.0, 3.0]]), np.array([[0.0, 0.0, 7.0]]))
    options = RenderOptions(layout="grid", trail=0.0)
    image = Composer(motion, options).compose_rgb(0, None)
    height, width = image.shape[:2]
    cells = {
        "front": image[: height // 2, : width // 2],
        "side": image[: height // 2, width // 2 :],
        "top": image[height // 2 :, : width // 2],
    }
    middles = {
        name: [np.argwhere((cell == colour).all(axis=-1)).mean(axis=0) for colour in COLOURS]
        for name, cell in cells.items()
    }
    across = {name: abs(a[1] - b[1]) for name, (a, b) in middles.items()}
    assert across["front"] < 10
    assert across["side"] > 100
    near, far = middles["top"]
    assert near[0] > far[0] + 100
