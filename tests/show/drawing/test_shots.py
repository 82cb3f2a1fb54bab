from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from mbcli.motion import Motion3D
from mbcli.show.drawing.options import CameraMove, Projection
from mbcli.show.drawing.scene import Scene
from mbcli.show.drawing.shots import shot_of

Make = Callable[..., Motion3D]
WINDOW = (10.0, 20.0, 310.0, 220.0)


@pytest.fixture
def motion(make_motion: Make) -> Motion3D:
    """Two people on ways of their own; the second comes late and leaves early."""
    across = np.linspace([-3, 0.2, 4], [5, 0.2, 9], 40)
    away = np.linspace([0, 0, 2], [0, 0.5, 8], 40)
    away[[0, 1, 2, 37, 38, 39]] = np.nan
    return make_motion(across, away)


@pytest.mark.parametrize("move", ["fixed", "orbit", "follow"])
@pytest.mark.parametrize("projection", ["perspective", "orthographic"])
@pytest.mark.parametrize("angles", [(35.0, 12.0), (-100.0, 60.0), (0.0, 90.0)])
def test_everybody_is_always_inside(
    motion: Motion3D, move: CameraMove, projection: Projection, angles: tuple[float, float]
) -> None:
    scene = Scene(motion)
    shot = shot_of(scene, move, angles, WINDOW, projection, 2.5)
    for row in range(40):
        camera = shot.camera(row)
        bodies = scene.bodies(slice(row, row + 1), scene.columns(row))
        x, y = camera.project(bodies.reshape(-1, 3)).T
        assert x.min() >= WINDOW[0] - 1e-3
        assert y.min() >= WINDOW[1] - 1e-3
        assert x.max() <= WINDOW[2] + 1e-3
        assert y.max() <= WINDOW[3] + 1e-3
        assert (camera.seen(bodies)[..., 2] > 0).all()


def test_an_orbit_comes_around_in_its_time(motion: Motion3D) -> None:
    shot = shot_of(Scene(motion), "orbit", (35.0, 12.0), WINDOW, "perspective", 2.0)
    first, half, whole = (shot.camera(row).axes for row in (0, 10, 20))
    np.testing.assert_allclose(whole, first, atol=1e-9)
    np.testing.assert_allclose(half[0], -first[0], atol=1e-9)
    np.testing.assert_allclose(half[1, 1], first[1, 1], atol=1e-9)


def test_a_camera_that_follows_keeps_people_in_the_middle(make_motion: Make) -> None:
    motion = make_motion(np.linspace([-6, 0, 4], [6, 0, 4], 60))
    scene = Scene(motion)
    fixed, follow = (
        shot_of(scene, move, (0.0, 0.0), WINDOW, "orthographic", 12.0)
        for move in ("fixed", "follow")
    )
    middles = [
        [shot.camera(row).project(scene.bodies(slice(row, row + 1))[0, 0, 0])[0] for row in (0, 59)]
        for shot in (fixed, follow)
    ]
    assert middles[0][1] - middles[0][0] > 200
    assert abs(middles[1][1] - middles[1][0]) < 60
    # And may therefore stand nearer.
    assert follow.camera(0).focal > 2 * fixed.camera(0).focal


def test_nobody_to_be_seen(make_motion: Make) -> None:
    scene = Scene(make_motion(np.full((3, 3), np.nan)))
    for move in ("fixed", "orbit", "follow"):
        camera = shot_of(scene, move, (35.0, 12.0), WINDOW, "perspective", 12.0).camera(1)
        assert np.isfinite(camera.place).all()
