"""People seen by a turning camera are placed where the still camera has them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from benchmarks.world.moved import apart, detection, moved_keypoints, ties_in
from benchmarks.world.movers import MOVERS, Mover, Picture
from mbcli.camera import Camera, camera_from, focal_length
from mbcli.motion import Motion3D
from mbcli.options import InferOptions
from mbcli.pipeline import Pipeline
from mbcli.placing.camera_motion import CameraPath
from mbcli.placing.steady import Steady
from mbcli.refinement.options import RefineOptions
from mbcli.refinement.refine import refine
from mbcli.types import FloatArray, Keypoints2D
from mbcli.video import VideoReader

WINDOW = (640, 480)
FIRST, FRAMES = 55, 60


@pytest.fixture(scope="module")
def people(walk_keypoints: Keypoints2D) -> Keypoints2D:
    return walk_keypoints.part(slice(FIRST, FIRST + FRAMES), [1])


@pytest.fixture(scope="module")
def focal(people: Keypoints2D) -> float:
    return focal_length(people.size, None, None)


@pytest.fixture(scope="module")
def pipeline(focal: float) -> Pipeline:
    return Pipeline(InferOptions(focal=focal))


@pytest.fixture(scope="module")
def still(pipeline: Pipeline, people: Keypoints2D) -> Motion3D:
    return pipeline.lift(detection(people, None))


def pictures(walk: Path) -> Iterator[Picture]:
    with VideoReader(walk) as reader:
        yield from (frame.image for frame in islice(reader, FIRST, FIRST + FRAMES))


def filmed(
    walk: Path, people: Keypoints2D, name: str, focal: float
) -> tuple[Keypoints2D, FloatArray, Mover]:
    mover = MOVERS[name](FRAMES, WINDOW, focal)
    seen = moved_keypoints(people, mover, focal)
    ties = ties_in(mover.filmed(pictures(walk), focal), seen)
    return seen, ties, mover


@pytest.fixture(scope="module")
def shaken(
    walk: Path, people: Keypoints2D, focal: float, pipeline: Pipeline
) -> tuple[Motion3D, Mover]:
    seen, ties, mover = filmed(walk, people, "shake", focal)
    return pipeline.lift(detection(seen, ties)), mover


@pytest.mark.parametrize("name", ["shake", "roll"])
def test_turns_show_the_focal_length(
    name: str, walk: Path, people: Keypoints2D, focal: float
) -> None:
    seen, ties, _ = filmed(walk, people, name, focal)
    lens = Pipeline().lift(detection(seen, ties)).meta["assumptions"]["focal"]
    assumed = focal_length(WINDOW, None, None)
    assert assumed / focal < 0.6
    if name == "shake":
        assert (lens["source"], lens["words"]) == ("clip", "estimated from the turns of the camera")
        assert lens["pixels"] == pytest.approx(focal, rel=0.03)
        assert lens["doubt"] < 0.1
    else:
        assert (lens["source"], lens["pixels"]) == ("assumed", assumed)


def test_a_shaken_camera_changes_neither_path_nor_pose(
    shaken: tuple[Motion3D, Mover], still: Motion3D
) -> None:
    motion, mover = shaken
    off = apart(motion, still, mover.turns[0])
    assert off.way > 1.0
    assert off.path < 0.05
    assert off.pose < 0.005
    assert motion.camera.motion == "turning"
    assert motion.meta["camera"]["degrees"] > 3


def test_a_rolling_shutter_is_taken_out_of_people(
    walk: Path, people: Keypoints2D, focal: float, still: Motion3D
) -> None:
    seen, ties, mover = filmed(walk, people, "pan 10, rolling", focal)
    motion = Pipeline().lift(detection(seen, ties))
    assert motion.meta["camera"]["readout"] == pytest.approx(mover.readout / 30, rel=0.35)
    assert "with a rolling shutter of" in motion.meta["camera"]["found"]
    lens = motion.meta["assumptions"]["focal"]
    assert (lens["source"], lens["pixels"]) == ("clip", pytest.approx(focal, rel=0.03))
    plain, straight, _ = filmed(walk, people, "pan 10", focal)
    assert Pipeline().lift(detection(plain, straight)).meta["camera"]["readout"] == 0
    off = apart(
        Pipeline(InferOptions(focal=focal)).lift(detection(seen, ties)), still, mover.turns[0]
    )
    assert off.path < 0.05
    assert off.pose < 0.003  # 0.0037 if it is left in


def test_without_following_it_people_would_be_elsewhere(
    walk: Path, people: Keypoints2D, focal: float, still: Motion3D
) -> None:
    seen, ties, mover = filmed(walk, people, "pan 10", focal)
    pipeline = Pipeline(InferOptions(focal=focal))
    followed = pipeline.lift(detection(seen, ties))
    assert apart(followed, still, mover.turns[0]).path < 0.05
    pipeline.options = InferOptions(focal=focal, camera_motion="still")
    left = pipeline.lift(detection(seen, None))
    assert apart(left, still, mover.turns[0]).path > 0.5
    assert left.camera.motion == "still"
    assert left.meta["camera"]["given"] is True


def test_people_lie_on_their_keypoints_in_the_picture(
    shaken: tuple[Motion3D, Mover], still: Motion3D
) -> None:
    off = []
    for motion in (shaken[0], still):
        pixels = motion.camera.project(motion.in_camera)
        off.append(np.nanmedian(np.linalg.norm(pixels - motion.keypoints.data[..., :2], axis=-1)))
    assert off[0] < off[1] + 1.0


def test_a_still_camera_changes_no_bit(
    walk: Path, people: Keypoints2D, pipeline: Pipeline, still: Motion3D
) -> None:
    motion = pipeline.lift(detection(people, ties_in(pictures(walk), people)))
    assert (motion.camera.motion, still.camera.motion) == ("still", "unknown")
    for name in ("positions", "root", "confidence", "expected_error", "positions_normalized"):
        np.testing.assert_array_equal(getattr(motion, name), getattr(still, name))
    assert replace(motion.camera, motion="unknown") == still.camera


def test_smoothing_works_in_the_world_where_the_camera_turns(
    shaken: tuple[Motion3D, Mover], still: Motion3D
) -> None:
    motion, mover = shaken
    options = RefineOptions(filter="butterworth", cutoff=1.0)
    smooth, truth = refine(motion, options), refine(still, options)
    assert apart(smooth, truth, mover.turns[0]).path < 0.05
    # In the camera's axes the filter would take the shaking from the person's path.
    unaware = refine(replace(motion, camera=still.camera), options)
    smeared = replace(unaware, camera=motion.camera)
    assert apart(smeared, truth, mover.turns[0]).path > 0.1


def lens() -> Camera:
    return camera_from((1280, 720), fov=60.0)


def path_of(angles: FloatArray) -> CameraPath:
    vectors = np.stack([0 * angles, angles, 0 * angles], axis=1)
    turns = Rotation.from_rotvec(vectors).as_matrix()
    return CameraPath("turning", turns, np.ones(len(turns)), np.zeros((len(turns), 2, 3)), {})


@pytest.mark.parametrize("degrees", [50.0, 300.0])
def test_the_steady_camera_stays_near_and_moves_as_little_as_it_can(degrees: float) -> None:
    angles = np.radians(degrees) * np.linspace(0, 1, 120) - 0.3
    steady = Steady.of(path_of(angles), lens(), (1280, 720), [slice(0, 120)], 30.0)
    away = Rotation.from_matrix(steady.turns).as_rotvec()[:, 1]
    assert np.abs(np.degrees(away)).max() < 40
    looks = angles - away
    if degrees == 50:
        np.testing.assert_allclose(looks, looks[0], atol=1e-9)
    else:
        assert np.ptp(looks) > np.radians(200)
        assert np.abs(np.diff(looks, 2)).max() < np.radians(0.3)


def test_a_zoom_is_kept_in_the_camera_of_the_result(
    walk: Path, people: Keypoints2D, focal: float, pipeline: Pipeline, still: Motion3D
) -> None:
    seen, ties, mover = filmed(walk, people, "zoom", focal)
    motion = pipeline.lift(detection(seen, ties))
    np.testing.assert_allclose(motion.camera.zooms, mover.zooms / mover.zooms[0], atol=0.01)

    def off(motion: Motion3D, keypoints: Keypoints2D) -> float:
        onto = motion.camera.project(motion.in_camera)[:, 0]
        apart = np.linalg.norm(onto - keypoints.data[:, 0, :, :2], axis=-1)
        return float(np.median(apart))

    assert off(motion, motion.keypoints) < 1.5 * off(still, still.keypoints)
    constant = replace(motion, camera=motion.camera.unzoomed)
    assert off(constant, motion.keypoints) > 10  # pixels


def test_the_steady_view_and_back_are_inverse(people: Keypoints2D) -> None:
    angles = np.radians(20) * np.sin(np.arange(FRAMES) / 5)
    camera = camera_from(people.size)
    path = replace(path_of(angles), zooms=1 + 0.2 * np.cos(np.arange(FRAMES)))
    steady = Steady.of(path, camera, people.size, [slice(0, FRAMES)], 30.0)
    there = steady.keypoints(people)
    turns = np.swapaxes(steady.turns, 1, 2)
    back = Steady(camera, turns, np.ones(FRAMES), steady.during).keypoints(there)
    centre, zooms = camera.centre, steady.zooms[:, None, None, None]
    pixels = (back.data[..., :2] - centre) * zooms + centre
    np.testing.assert_allclose(pixels, people.data[..., :2], atol=0.05)
    np.testing.assert_array_equal(there.data[..., 2], people.data[..., 2])
    points = np.ones((FRAMES, 3, 3))
    turned = np.einsum("tij,tkj->tki", steady.turns, points)
    np.testing.assert_allclose(steady.back(turned, slice(0, FRAMES)), points)
