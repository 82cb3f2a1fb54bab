from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from mbcli.colours import LEFT, RIGHT
from mbcli.drawing.view3d import View3D
from mbcli.motion import Motion3D

SIZE = (320, 240)
NOWHERE = np.full(3, np.nan)
Make = Callable[..., Motion3D]


def drawn(view: View3D, row: int) -> np.ndarray:
    image = np.empty((SIZE[1], SIZE[0], 3), dtype=np.uint8)
    view.draw(image, row)
    return image


def view_of(motion: Motion3D, azimuth: float = 0.0, elevation: float = 10.0) -> View3D:
    return View3D(motion, SIZE, azimuth=azimuth, elevation=elevation)


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
    view = view_of(make_motion(near, far))
    assert view.placed
    image = drawn(view, 0)
    trunks = [middle_of(image, colour)[0] for colour in ((92, 214, 120), (226, 110, 232))]
    assert trunks[0] < SIZE[0] / 2 < trunks[1]


def test_unknown_places_put_people_side_by_side(make_motion: Make) -> None:
    motion = make_motion(*(np.array([[0.0, 0.0, 4.0]] * 2) for _ in range(2)))
    root = motion.root.copy()
    root[1, 0] = np.nan
    view = view_of(replace(motion, root=root))
    assert not view.placed
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
