"""Turned cameras: what is seen through them is lifted upright and turned back."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from mbcli.lift.upright import turned, upright_turns
from mbcli.pipeline import Pipeline, in_skeleton
from mbcli.skeleton import H36M17
from mbcli.types import FloatArray, Keypoints2D


@pytest.fixture(scope="module")
def walker(walk_keypoints: Keypoints2D) -> Keypoints2D:
    """The walking woman of the example, in Human3.6M's joints."""
    return in_skeleton(walk_keypoints, H36M17, published=False)


def rolled(keypoints: Keypoints2D, degrees: float) -> Keypoints2D:
    """As a camera sees them that is rolled about its axis."""
    middle = np.array([*keypoints.size, 0]) / 2
    data = turned(keypoints.data - middle, math.radians(degrees)) + middle
    return replace(keypoints, data=data.astype(np.float32))


def lying(seconds: float, turn: float) -> Keypoints2D:
    """Somebody who lies across the picture and moves arms and legs."""
    rng = np.random.default_rng(1)
    names = ("head", "thorax", "pelvis", "knee", "ankle")
    height = dict(zip(names, (-80.0, -60.0, 0.0, 45.0, 90.0), strict=True))
    pose = np.array(
        [height[next((n for n in names if n in joint), "thorax")] for joint in H36M17.joints]
    )
    frames = round(30 * seconds)
    data = np.full((frames, 1, 17, 3), 0.9)
    data[..., 0] = rng.normal(0, 6, (frames, 1, 17)).cumsum(axis=0) * 0.1
    data[..., 1] = pose + rng.normal(0, 2, (frames, 1, 17))
    data[..., :2] = turned(data[..., :2], turn) + np.array([640, 360])
    return Keypoints2D(
        data=data,
        skeleton=H36M17,
        fps=30.0,
        timestamps=np.arange(frames) / 30,
        size=(1280, 720),
        track_ids=np.array([1]),
        boxes=np.zeros((frames, 1, 4)),
        frame_index=np.arange(frames),
    )


@pytest.mark.parametrize("degrees", [0, 10, -20])
def test_a_picture_that_is_hardly_turned_stays(walker: Keypoints2D, degrees: float) -> None:
    assert not upright_turns(rolled(walker, degrees)).any()


@pytest.mark.parametrize("degrees", [90, -90, 180, 150, -60])
def test_walkers_show_how_the_camera_is_turned(walker: Keypoints2D, degrees: float) -> None:
    turns = np.degrees(upright_turns(rolled(walker, degrees)))
    off = (turns + degrees + 180) % 360 - 180
    assert np.abs(off).max() < 10


@pytest.mark.parametrize("turn", [math.pi / 2, -math.pi / 2, 1.2])
def test_who_lies_is_not_stood_up(turn: float) -> None:
    assert not upright_turns(lying(5, turn)).any()


def test_a_moment_upside_down_is_a_handstand(walker: Keypoints2D) -> None:
    assert not upright_turns(lying(0.9, math.pi)).any()
    over = rolled(walker, 180)
    data = np.array(walker.data)
    data[40:70] = over.data[40:70]
    assert not upright_turns(replace(walker, data=data)).any()


@pytest.mark.parametrize("degrees", [90, 180])
def test_the_motion_seen_by_a_turned_camera_is_the_turned_motion(
    walker: Keypoints2D, degrees: float
) -> None:
    lifter, _ = Pipeline().lifter
    straight = lifter.lift(walker)
    back: FloatArray = turned(lifter.lift(rolled(walker, degrees)), -math.radians(degrees))
    walks = np.isfinite(straight).all(axis=(-1, -2))
    off = np.linalg.norm(back - straight, axis=-1)[walks]
    body = np.linalg.norm(straight[walks].max(axis=1) - straight[walks].min(axis=1), axis=-1)
    assert off.mean() < 0.02 * body.mean()
