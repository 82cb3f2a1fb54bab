from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from motions import grounded, panned, walking

from mbcli.motion import Motion3D, Refinement
from mbcli.show.colours import LEFT, RIGHT
from mbcli.show.drawing.canvas import Canvas
from mbcli.show.drawing.scene import Scene
from mbcli.show.drawing.styles import STYLES
from mbcli.show.drawing.trails import Trails
from mbcli.show.drawing.view3d import View3D
from mbcli.skeleton import H36M17

SIZE = (320, 240)
NOWHERE = np.full(3, np.nan)
Make = Callable[..., Motion3D]


def drawn(view: View3D, row: int) -> np.ndarray:
    image = np.empty((SIZE[1], SIZE[0], 3), dtype=np.uint8)
    view.draw(Canvas.on_rgb(image), row)
    return image


def view_of(motion: Motion3D, azimuth: float = 0.0, elevation: float = 10.0, **more: Any) -> View3D:
    scene = Scene(motion)
    return View3D(scene, SIZE, STYLES["dark"], azimuth=azimuth, elevation=elevation, **more)


def middle_of(image: np.ndarray, colour: tuple[int, int, int]) -> tuple[float, float]:
    """Mean x and y of the pixels of about a colour above the legend."""
    distance = np.abs(image[: SIZE[1] - 25].astype(int) - colour).max(axis=-1)
    rows, columns = np.nonzero(distance < 40)
    assert len(rows) > 5
    return float(columns.mean()), float(rows.mean())


@pytest.mark.parametrize("azimuth", [0.0, 35.0, 90.0, 200.0])
@pytest.mark.parametrize("elevation", [-20.0, 0.0, 60.0])
def test_nobody_is_cut_off(make_motion: Make, azimuth: float, elevation: float) -> None:
    across = np.linspace([-3, 0.2, 4], [5, 0.2, 9], 6)
    away = np.linspace([0, 0, 2], [0, 0.5, 12], 6)
    empty = np.stack([NOWHERE])
    motion = make_motion(np.concatenate([across, empty]), np.concatenate([away, empty]))
    view = view_of(motion, azimuth, elevation)
    background = drawn(view, 6)
    for row in range(6):
        touched = (drawn(view, row) != background).any(axis=-1)
        assert touched[3:-3, 3:-3].any()
        touched[3:-3, 3:-3] = False
        assert not touched.any()


def test_left_and_right_are_as_in_the_picture(make_motion: Make) -> None:
    motion = make_motion(np.array([[0.0, 0.0, 4.0]]))
    image = drawn(view_of(motion), 0)
    assert middle_of(image, LEFT)[0] > middle_of(image, RIGHT)[0] + 5
    behind = drawn(view_of(motion, azimuth=180.0), 0)
    assert middle_of(behind, LEFT)[0] < middle_of(behind, RIGHT)[0] - 5


def test_people_stand_upright_on_the_floor(make_motion: Make) -> None:
    motion = make_motion(np.array([[0.0, 0.0, 4.0], [np.nan] * 3]))
    view = view_of(motion, elevation=0.0)
    body = (drawn(view, 0) != drawn(view, 1)).any(axis=-1)
    # Seen level from the front, the wrists are the widest row of a standing body: arms and
    # shoulders are in its upper half, and the feet on the horizon of the floor.
    heights = np.flatnonzero(body.any(axis=1))
    widths = [np.ptp(np.flatnonzero(body[row])) for row in heights]
    assert np.argmax(widths) < 0.65 * len(heights)


def test_places_in_space_are_kept(make_motion: Make) -> None:
    near, far = np.array([[-1.0, 0.0, 4.0]]), np.array([[1.0, 0.0, 4.0]])
    motion = make_motion(near, far)
    assert Scene(motion).placed
    view = view_of(motion)
    image = drawn(view, 0)
    trunks = [middle_of(image, colour)[0] for colour in ((92, 214, 120), (226, 110, 232))]
    assert trunks[0] < SIZE[0] / 2 < trunks[1]


def test_unknown_places_put_people_side_by_side(make_motion: Make) -> None:
    motion = make_motion(*(np.array([[0.0, 0.0, 4.0]] * 2) for _ in range(2)))
    root = motion.root.copy()
    root[1, 0] = np.nan
    motion = replace(motion, root=root)
    assert not Scene(motion).placed
    view = view_of(motion)
    image = drawn(view, 1)
    trunks = [middle_of(image, colour)[0] for colour in ((92, 214, 120), (226, 110, 232))]
    assert trunks[0] < trunks[1] - 20


def test_unsure_joints_are_faint(make_motion: Make) -> None:
    path = np.array([[0.0, 0.0, 4.0], [np.nan] * 3])
    strength = []
    for confidence in (0.9, 0.25, 0.0):
        view = view_of(make_motion(path, confidence=confidence))
        there = drawn(view, 0)[..., 0].astype(int) - drawn(view, 1)[..., 0]
        # The label is not faint; the left arm is on the right half, well below it.
        strength.append(there[SIZE[1] // 3 : -25, SIZE[0] // 2 + 10 :].max())
    assert strength[0] > strength[1] + 20 > strength[2] + 40 > 60


def test_empty_motion_shows_the_floor(make_motion: Make) -> None:
    view = view_of(make_motion(np.full((2, 3), np.nan)))
    assert drawn(view, 0).std() > 1
    np.testing.assert_array_equal(drawn(view, 0), drawn(view, 1))


def test_known_floor_makes_people_stand_upright(make_motion: Make) -> None:
    motion = make_motion(np.array([[0.0, 0.0, 4.0]]))
    # The camera of the video leans over by 30 degrees; the world does not.
    lean = np.deg2rad(30)
    turn = np.array(
        [[np.cos(lean), -np.sin(lean), 0], [np.sin(lean), np.cos(lean), 0], [0, 0, 1.0]]
    )
    world = np.eye(4)
    world[:3, :3] = turn
    in_camera = motion.in_camera @ turn  # the inverse turn of each place
    leaning = replace(motion, root=in_camera[:, :, 0], positions=in_camera - in_camera[:, :, :1])
    world[:3, 3] = [0, -0.84, 0]  # the ankles of an upright body are on the floor
    refined = replace(
        leaning,
        refinement=Refinement(
            positions=leaning.positions,
            root=leaning.root,
            confidence=leaning.confidence,
            foot_contacts=np.ones((1, 1, 2), dtype=bool),
        ),
    )
    scene = Scene(grounded(refined, world))
    assert scene.grounded
    assert scene.floor == 0
    body = scene.bodies(slice(0, 1))[0, 0]
    np.testing.assert_allclose(body[H36M17.index("head")] - body[0], [0, -0.72, 0], atol=1e-5)
    np.testing.assert_allclose(body[H36M17.index("left_ankle"), 1], 0, atol=1e-5)
    assert scene.feet_down(0, 0) == [H36M17.index("right_ankle"), H36M17.index("left_ankle")]
    assert not Scene(leaning).grounded


def test_people_stay_where_they_are_while_the_camera_turns() -> None:
    still, turning = Scene(walking(20)), Scene(panned(walking(20), 40))
    assert turning.floor == pytest.approx(still.floor, abs=1e-5)
    rows = slice(5, 20)
    np.testing.assert_allclose(turning.bodies(rows), still.bodies(rows), atol=1e-5)
    columns = np.array([0])
    np.testing.assert_allclose(
        turning.bodies(slice(7, 8), columns), still.bodies(slice(7, 8)), atol=1e-5
    )


def test_feet_on_the_floor_are_marked(make_motion: Make) -> None:
    motion = make_motion(np.array([[0.0, 0.0, 4.0]]))
    raw = (motion.positions, motion.root, motion.confidence)
    none, both = (
        replace(motion, refinement=Refinement(*raw, foot_contacts=np.full((1, 1, 2), down)))
        for down in (False, True)
    )
    images = [drawn(view_of(each), 0)[: SIZE[1] - 25] for each in (none, both)]
    changed = np.argwhere((images[0] != images[1]).any(axis=-1))
    assert len(changed) > 10
    feet = view_of(both)._shot.camera(0).project(Scene(both).bodies(slice(0, 1))[0, 0, [3, 6]])
    for foot in feet[:, ::-1]:
        assert np.abs(changed - foot).max(axis=-1).min() < 6


def test_trails_lead_to_where_joints_are(make_motion: Make) -> None:
    path = np.linspace([-1.5, 0, 5], [1.5, 0, 5], 11)
    motion = make_motion(path)
    scene = Scene(motion)
    image = {}
    for seconds in (0.0, 0.5, 5.0):
        trails = Trails(scene, seconds, ["pelvis"]) if seconds else None
        image[seconds] = drawn(view_of(motion, elevation=0.0, trails=trails), 10)
    long = np.argwhere((image[5.0] != image[0.0]).any(axis=-1))
    short = np.argwhere((image[0.5] != image[0.0]).any(axis=-1))
    assert np.ptp(long[:, 0]) < 8  # level, as the path is
    assert 0.4 < np.ptp(short[:, 1]) / np.ptp(long[:, 1]) < 0.6
    # The first row has no past.
    np.testing.assert_array_equal(
        drawn(view_of(motion), 0), drawn(view_of(motion, trails=Trails(scene, 5, ["pelvis"])), 0)
    )


def test_axes_point_where_the_view_says() -> None:
    from mbcli.show.drawing.floor import draw_axes
    from mbcli.show.drawing.viewpoint import frame_all, look_from

    style = STYLES["dark"]
    for angles, across in (((0.0, 0.0), 0), ((90.0, 0.0), 2)):
        camera = frame_all([np.zeros((1, 3))], look_from(*angles), (0, 0, 100, 100))
        image = np.zeros((300, 400, 3), np.uint8)
        draw_axes(Canvas.on_rgb(image), camera, style)
        places = {
            axis: np.argwhere(np.abs(image.astype(int) - style.axes[axis]).max(axis=-1) < 30)
            for axis in (across, 1)
        }
        centre = np.array([300 - 18, 400]) - 6.5 / 2 * 10
        rightmost, lowest = places[across][:, 1].max(), places[1][:, 0].max()
        assert rightmost > centre[1] + 10
        assert lowest > centre[0] + 10
