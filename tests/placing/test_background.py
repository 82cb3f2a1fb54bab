"""What a camera does is told from its background: real footage, moved by virtual cameras."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from benchmarks.world.moved import moved_keypoints, ties_in
from benchmarks.world.movers import MOVERS, Mover, Picture
from benchmarks.world.scenes import filmed, room, texture
from mbcli.camera import Camera, camera_from, focal_length
from mbcli.distortion import LensModel
from mbcli.placing.background import Background
from mbcli.placing.camera_motion import CameraPath, camera_path
from mbcli.placing.ties import KEYFRAME
from mbcli.types import FloatArray, Frame, FramePoses, Keypoints2D
from mbcli.video import VideoReader

WINDOW = (640, 480)
FRAMES = 40


@pytest.fixture(scope="module")
def pictures(walk: Path) -> list[Picture]:
    with VideoReader(walk) as reader:
        return [frame.image for frame in islice(reader, FRAMES)]


@pytest.fixture(scope="module")
def people(walk_keypoints: Keypoints2D) -> Keypoints2D:
    return walk_keypoints.part(slice(0, FRAMES), [0, 1])


def path_of(
    ties: FloatArray, camera: Camera, size: tuple[int, int], cuts: tuple[int, ...] = ()
) -> CameraPath:
    edges = [0, *cuts, len(ties)]
    shots = [slice(a, b) for a, b in pairwise(edges)]
    numbers = np.arange(len(ties))
    return camera_path(ties, numbers, numbers / 30, shots, camera, size)


def path_in(
    pictures: list[Picture], cuts: tuple[int, ...] = (), people: FramePoses | None = None
) -> CameraPath:
    """What the camera of pictures without people does."""
    size = (pictures[0].shape[1], pictures[0].shape[0])
    background, ties = Background(size), []
    for row, picture in enumerate(pictures):
        poses = nobody(row) if people is None else people
        ties.append(background(Frame(row, row / 30, picture, row in cuts), poses))
    return path_of(np.array(ties), camera_from(size), size, cuts)


def nobody(row: int) -> FramePoses:
    return FramePoses(row, row / 30, np.zeros((0, 4)), np.zeros((0, 17, 3)))


def off(path: CameraPath, mover: Mover) -> FloatArray:
    """(T,) degrees between the turns found and those of the mover."""
    truth = np.swapaxes(mover.turns[:1], 1, 2) @ mover.turns
    apart = Rotation.from_matrix(np.swapaxes(path.turns, 1, 2) @ truth)
    return np.degrees(np.linalg.norm(apart.as_rotvec(), axis=1))


@pytest.mark.parametrize("name", [name for name in MOVERS if name != "still"])
def test_turns_and_zooms_of_real_footage_are_found(
    name: str, pictures: list[Picture], people: Keypoints2D
) -> None:
    focal = focal_length(people.size, None, None)
    mover = MOVERS[name](FRAMES, WINDOW, focal)
    seen = moved_keypoints(people, mover, focal)
    ties = ties_in(mover.filmed(pictures, focal), seen)
    path = path_of(ties, camera_from(WINDOW, focal=focal), WINDOW)
    assert path.motion == "turning"
    # 0.1 degrees are 2 pixels here, and 1.4 cm at 8 m.
    assert off(path, mover).max() < 0.15
    assert np.median(off(path, mover)) < 0.05
    np.testing.assert_allclose(path.zooms, mover.zooms, atol=0.006)
    if name != "zoom":
        assert (path.zooms == 1).all()
    assert path.report["found"].startswith("turns by up to")


@pytest.mark.parametrize("model", ["perspective", "fisheye"])
def test_a_known_distortion_is_taken_out(
    model: LensModel, pictures: list[Picture], people: Keypoints2D
) -> None:
    still = focal_length(people.size, None, None)
    mover = MOVERS["pan 10"](FRAMES, WINDOW, still)
    bends = [-0.3, 0.1, 0, 0, 0] if model == "perspective" else [-0.02, 0.005, 0, 0, 0]
    focal = np.full(2, 650.0 if model == "perspective" else 500.0)
    camera = Camera(focal, np.array(WINDOW) / 2, np.array(bends), model=model)
    x, y = np.meshgrid(*(np.arange(side) + 0.5 for side in WINDOW))
    rays = np.append(camera.unproject(np.stack([x, y], axis=-1)), np.ones((*x.shape, 1)), axis=-1)
    lens = np.array([[still, 0, people.size[0] / 2], [0, still, people.size[1] / 2], [0, 0, 1]])
    plain, aware = Background(WINDOW), Background(WINDOW, camera)
    ties: list[list[FloatArray]] = [[], []]
    for row, picture in enumerate(pictures):
        ahead = rays @ (lens @ mover.turns[row]).T
        at = (ahead[..., :2] / ahead[..., 2:] - 0.5).astype(np.float32)
        seen = cv2.remap(
            picture, at[..., 0], at[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
        )
        frame = Frame(row, row / 30, np.asarray(seen, np.uint8))
        for found, background in zip(ties, (plain, aware), strict=True):
            found.append(background(frame, nobody(row)))
    bent, straight = (path_of(np.array(found), camera.straight, WINDOW) for found in ties)
    assert straight.motion == "turning"
    assert off(straight, mover).max() < 0.2
    assert bent.motion != "turning" or off(bent, mover).max() > 0.5


@pytest.mark.parametrize("quality", [90, 20, 5])
def test_a_camera_that_stands_still_is_exactly_still(quality: int, pictures: list[Picture]) -> None:
    small = [cv2.resize(picture, (640, 360), interpolation=cv2.INTER_AREA) for picture in pictures]
    packed = [cv2.imencode(".jpg", p, [cv2.IMWRITE_JPEG_QUALITY, quality])[1] for p in small]
    coarse = [np.asarray(cv2.imdecode(p, cv2.IMREAD_COLOR), np.uint8) for p in packed]
    path = path_in(coarse)
    assert path.motion == "still"
    assert not path.turning
    assert (path.poses == np.eye(4)).all()
    assert path.report["found"].startswith("stands still: ")


def around(turn: FloatArray, still: Picture) -> Iterator[Picture]:
    """A picture seen by a camera that pans."""
    size, focal = (480, 270), 460.0
    vectors = np.stack([0 * turn, turn, 0 * turn], axis=1)
    mover = Mover(Rotation.from_rotvec(vectors).as_matrix(), np.ones(len(turn)), size)
    return mover.filmed([still] * len(turn), focal)


def with_waves(pictures: list[Picture], share: float, *, together: bool) -> list[Picture]:
    """With a part of each picture, from the left, that flows to the right, or sways in strips."""
    waves, moved = texture(50), []
    for row, picture in enumerate(pictures):
        height, width = picture.shape[:2]
        edge = round(share * width)
        strips = []
        for number, strip in enumerate(np.array_split(waves[:, :edge], 8, axis=1)):
            sway = round(12 * np.sin(0.5 * row * (1 + 0.3 * number)))
            strips.append(np.roll(strip, sway, axis=number % 2))
        flowing = np.roll(waves, 3 * row, axis=1)[:, :edge]
        part = flowing if together else np.concatenate(strips, axis=1)
        moved.append(np.concatenate([part[:height], picture[:, edge:]], axis=1))
    return moved


def test_trees_and_crowds_that_move_are_not_the_camera() -> None:
    scene = texture(40)[:270, :480]
    for together in (True, False):
        assert path_in(with_waves([scene] * 20, 0.6, together=together)).motion == "still"
    turn = np.radians(0.4) * np.arange(20)
    turning = list(around(turn, texture(41)))
    path = path_in(with_waves(turning, 0.3, together=False))
    assert path.motion == "turning"
    angle = Rotation.from_matrix(path.turns).magnitude()
    np.testing.assert_allclose(angle, turn, atol=0.003)


def test_a_camera_without_a_background_is_unknown() -> None:
    blank = [np.full((270, 480, 3), 90, np.uint8)] * 10
    path = path_in(blank)
    assert (path.motion, path.turning) == ("unknown", False)
    assert "0 of 10 pictures" in path.report["found"]
    filled = FramePoses(0, 0.0, np.array([[0, 0, 480, 270]]), np.zeros((1, 17, 3)))
    panned = list(around(np.radians(0.5) * np.arange(10), texture(42)))
    assert path_in(panned, people=filled).motion == "unknown"
    assert path_in(panned).motion == "turning"


def test_each_shot_begins_anew() -> None:
    one = list(around(np.radians(0.5) * np.arange(12), texture(43)))
    other = list(around(np.radians(-0.8) * np.arange(12), texture(44)))
    path = path_in([*one, *other], cuts=(12,))
    assert path.motion == "turning"
    assert (path.turns[[0, 12]] == np.eye(3)).all()
    angles = Rotation.from_matrix(path.turns).as_rotvec()[:, 1]
    np.testing.assert_allclose(np.degrees(angles[[11, 23]]), [5.5, -8.8], atol=0.1)
    still = path_in([*[texture(45)[:270, :480]] * 6, *one], cuts=(6,))
    assert (still.motion, (still.turns[:6] == np.eye(3)).all()) == ("turning", True)


def test_a_view_that_comes_back_is_where_it_was() -> None:
    turn = np.radians(30) * np.sin(np.linspace(0, np.pi, 40))
    path = path_in(list(around(turn, texture(46, 1536)[:600])))
    angles = Rotation.from_matrix(path.turns).as_rotvec()[:, 1]
    assert np.degrees(angles.max()) > 25
    assert abs(np.degrees(angles[-1])) < 0.05


def test_pictures_that_show_nothing_are_bridged() -> None:
    turn = np.radians(0.6) * np.arange(20)
    pictures = list(around(turn, texture(47)))
    for row in (8, 9, 10):
        pictures[row] = np.zeros_like(pictures[row])
    path = path_in(pictures)
    angles = Rotation.from_matrix(path.turns).as_rotvec()[:, 1]
    np.testing.assert_allclose(angles, turn, atol=0.003)


def moves(frames: int, speed: tuple[float, float, float]) -> FloatArray:
    poses = np.tile(np.eye(4), (frames, 1, 1))
    poses[:, :3, 3] = np.arange(frames)[:, None] * np.array(speed)
    return poses


@pytest.mark.parametrize("speed", [(0.06, 0.0, 0.0), (0.0, 0.0, 0.08)])
def test_a_camera_that_moves_through_space_is_recognised(speed: tuple[float, float, float]) -> None:
    path = path_in(list(filmed(room(), moves(20, speed), 300.0, (320, 180))))
    assert path.motion == "moving"
    # It does not turn; where it goes to the side, homographies look like a turn by 7 degrees.
    assert not path.turning
    off = Rotation.from_matrix(path.carried).magnitude().max()
    assert np.degrees(off) < 0.7
    assert "people's paths contain the camera's own motion" in path.report["found"]


def test_it_goes_on_from_its_state_as_if_it_had_not_ended() -> None:
    turn = np.radians(30) * np.sin(np.linspace(0, 2 * np.pi, 30))
    frames = [
        Frame(row, row / 30, picture, row == 22)
        for row, picture in enumerate(around(turn, texture(48, 1536)[:600]))
    ]
    whole = Background((480, 270))
    ties = np.array([whole(frame, nobody(frame.index)) for frame in frames])
    assert np.isfinite(ties[:, 1, KEYFRAME]).any(), "the view comes back"
    first, states, again = Background((480, 270)), [], []
    for frame in frames[:18]:
        again.append(first(frame, nobody(frame.index)))
        if frame.index in (4, 11, 17):
            states.append(first.state())
    second = Background((480, 270))
    for state in states:
        second.resume(state)
    again += [second(frame, nobody(frame.index)) for frame in frames[18:]]
    np.testing.assert_array_equal(np.array(again), ties)
