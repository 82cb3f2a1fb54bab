"""Heights of several people from the floor they share, and from a known distance on it."""

from __future__ import annotations

import numpy as np
import pytest
from motions import CAMERA_HEIGHT, walking

from mbcli.camera import Camera, camera_from
from mbcli.errors import ConfigError
from mbcli.people import read_heights
from mbcli.refinement.known_distance import KnownDistance, read_known_distance
from mbcli.refinement.sizes import Sizes, check_people, compared, sizes_of
from mbcli.skeleton import H36M17
from mbcli.spans import PerPerson

SIZE = (1280, 720)
FPS = 30.0


def walkers(*heights: float, down: float = 10.0, gap: float = 0.0) -> list[np.ndarray]:
    """People of several heights on one floor, (T, 17, 3) each, as one camera sees them.

    Each is as large as if they were 1.65 m tall, as placing makes them, and so nearer or farther.
    ``gap`` is what the last one stands on.
    """
    motion = walking(people=len(heights))
    bodies = []
    turn = np.radians(down)
    tilt = np.array([[1, 0, 0], [0, np.cos(turn), -np.sin(turn)], [0, np.sin(turn), np.cos(turn)]])
    for who, height in enumerate(heights):
        true = (motion.positions[:, who] + motion.root[:, who, None]).astype(np.float64)
        # The floor is CAMERA_HEIGHT below the camera: they are shrunk about a point on it.
        foot = np.array([motion.root[0, who, 0], CAMERA_HEIGHT, motion.root[0, who, 2]])
        true = foot + (true - foot) * height / 1.65
        if who == len(heights) - 1:
            true[..., 1] -= gap
        bodies.append(true * 1.65 / height @ tilt.T)
    return bodies


def found(bodies: list[np.ndarray], **more: object) -> Sizes:
    sure = [np.ones(body.shape[:2]) for body in bodies]
    camera = camera_from(SIZE, focal=1000.0, frames=len(bodies[0]))
    options = {"usual": 1.65, **more}
    return sizes_of(bodies, sure, FPS, camera, H36M17, **options)  # type: ignore[arg-type]


def test_a_child_is_not_an_adult() -> None:
    sizes = found(walkers(1.65, 1.10))
    ratio = sizes.metres[1] / sizes.metres[0]
    assert ratio == pytest.approx(1.10 / 1.65, rel=0.04)
    assert sizes.metres[0] == pytest.approx(1.65, rel=0.06)
    assert sizes.source == ("floor", "floor")
    assert (sizes.doubt < 0.2).all()
    assert "adults of 1.65 m" in sizes.words


def test_who_is_given_sets_the_scale() -> None:
    sizes = found(walkers(1.80, 1.17), given={0: 1.80})
    assert sizes.metres[0] == 1.80
    assert sizes.metres[1] == pytest.approx(1.17, rel=0.04)
    assert sizes.source == ("given", "floor")
    assert np.isnan(sizes.doubt[0])
    child = found(walkers(1.80, 1.17), given={1: 1.17})
    assert child.metres[0] == pytest.approx(1.80, rel=0.05)
    both = found(walkers(1.80, 1.17), given={0: 1.80, 1: 1.2})
    assert both.metres.tolist() == [1.80, 1.2]
    assert both.words == "given"


def test_adults_are_about_as_tall_as_adults() -> None:
    sizes = found(walkers(1.65, 1.65, 1.65))
    np.testing.assert_allclose(sizes.metres, 1.65, rtol=0.02)


def test_somebody_on_a_roof_keeps_the_usual_height() -> None:
    sizes = found(walkers(1.65, 1.65, 1.65, gap=1.0))
    assert sizes.source[-1] == "assumed"
    assert sizes.metres[-1] == 1.65
    np.testing.assert_allclose(sizes.metres[:2], 1.65, rtol=0.03)


def test_one_person_alone_is_assumed() -> None:
    sizes = found(walkers(1.2))
    assert (sizes.metres.tolist(), sizes.source, sizes.words) == ([1.65], ("assumed",), "assumed")


def test_nobody_who_stands_tells_nothing() -> None:
    bodies = [body + np.linspace(0, -9, len(body))[:, None, None] for body in walkers(1.65, 1.1)]
    sizes = found(bodies)
    assert sizes.metres.tolist() == [1.65, 1.65]
    assert sizes.words.startswith("assumed: ")


def on_the_floor(camera: Camera, points: np.ndarray, down: float) -> np.ndarray:
    turn = np.radians(down)
    tilt = np.array([[1, 0, 0], [0, np.cos(turn), -np.sin(turn)], [0, np.sin(turn), np.cos(turn)]])
    return camera.project(points @ tilt.T)


def test_a_known_distance_sets_the_scale_of_one_person() -> None:
    camera = camera_from(SIZE, focal=1000.0)
    ends = np.array([[-0.45, CAMERA_HEIGHT, 4.0], [0.45, CAMERA_HEIGHT, 4.0]])
    pixels = on_the_floor(camera, ends, 10.0)
    start, end = (tuple(pixel) for pixel in pixels.tolist())
    distance = KnownDistance(start, end, 0.9, 0)
    sizes = found(walkers(1.30), distance=distance, row=0)
    assert sizes.metres[0] == pytest.approx(1.30, rel=0.04)
    assert sizes.source == ("known distance",)
    twice = found(walkers(1.30), distance=KnownDistance(start, end, 1.8, 0), row=0)
    assert twice.metres[0] == pytest.approx(2 * sizes.metres[0])


def test_a_distance_in_the_sky_is_refused() -> None:
    for distance in (
        KnownDistance((100.0, 100.0), (900.0, 600.0), 0.9, 0),
        KnownDistance((100.0, 100.0), (900.0, 100.0), 0.9, 0),
    ):
        with pytest.raises(ConfigError, match="must be two points on the floor below the horizon"):
            found(walkers(1.65, down=0.0), distance=distance, row=0)
    with pytest.raises(ConfigError, match="must name a frame of the clip, got 7"):
        found(walkers(1.65), distance=KnownDistance((1.0, 700.0), (9.0, 700.0), 1.0, 7), row=None)


def test_a_moving_camera_and_cuts_compare_nobody() -> None:
    motion = walking(people=2)
    camera = motion.camera.posed(motion.camera.world_from_camera, motion="moving")
    people = motion.positions + motion.root[:, :, None]
    values = PerPerson.of(people, np.float32(np.nan))
    sizes = compared(values, motion.keypoints, camera, usual=1.7, given={1: 1.2}, distance=None)
    assert sizes.metres.tolist() == [1.7, 1.2]
    assert sizes.words == "assumed unless given: the camera moves"
    distance = KnownDistance((1.0, 2.0), (3.0, 4.0), 1.0, 0)
    with pytest.raises(ConfigError, match="stays in its place, but the camera moves"):
        compared(values, motion.keypoints, camera, usual=1.7, given={}, distance=distance)


def test_heights_by_id() -> None:
    assert read_heights("1.82") == 1.82
    assert read_heights("1=1.82, 2=1.15") == {1: 1.82, 2: 1.15}
    assert check_people({2: 1.15}, np.array([5, 2])) == {1: 1.15}
    with pytest.raises(ConfigError, match=r"of people in the result, 5, 2, got 3$"):
        check_people({3: 1.15}, np.array([5, 2]))
    for text in ("tall", "1=", "=1.8", "1=1.8,1=1.7", "a=1.8", "1:1.8", ""):
        with pytest.raises(ConfigError, match=r"must be metres, such as 1\.82, or metres by id"):
            read_heights(text)
    with pytest.raises(ConfigError, match=r"0\.4\.\.2\.6 metres, got 3 for person 2$"):
        read_heights("1=1.8,2=3")


def test_a_known_distance_in_words() -> None:
    wanted = KnownDistance((310.0, 640.5), (905.0, 655.0), 0.9, 120)
    assert read_known_distance("310,640.5,905,655=0.9m@120") == wanted
    assert read_known_distance("310, 640.5, 905, 655 = 0.9 @ 120") == wanted
    for text in ("1,2,3=0.9m@1", "1,2,3,4=0m@1", "1,2,1,2=1m@1", "1,2,3,4=1m", "1,2,3,4=1cm@2"):
        with pytest.raises(ConfigError, match="must be two pixels on the floor, metres and"):
            read_known_distance(text)
