"""Turns of head and hands from keypoints, of people whose turns are known."""

from __future__ import annotations

import numpy as np
import pytest
from motions import walking
from scipy.spatial.transform import Rotation

from mbcli.camera import Camera
from mbcli.kinematics.rig import JOINTS
from mbcli.kinematics.solving import solve
from mbcli.kinematics.templates import FACE, HAND
from mbcli.motion import Motion3D
from mbcli.placing.orientation import FACING, oriented
from mbcli.skeleton import BLAZEPOSE33, COCO17, ORIENTED, WHOLEBODY27, Skeleton
from mbcli.types import FloatArray

FRAMES, HEIGHT = 40, 1.7
HEAD, LEFT, RIGHT = range(3)


@pytest.fixture(scope="module")
def motion() -> Motion3D:
    """A person who walks from left to right."""
    return walking(FRAMES)


def turned(motion: Motion3D, part: int, degrees: FloatArray) -> FloatArray:
    """(T, 3, 3) from the T-pose to the camera: a part turned relative to chest or forearm."""
    joint = ("thorax", "left_wrist", "right_wrist")[part]
    above = solve(motion.in_camera[:, 0] @ FACING, motion.fps).chain[0][:, JOINTS.index(joint)]
    axes = "YXZ" if part == HEAD else "XZY"
    return FACING @ above @ Rotation.from_euler(axes, degrees, degrees=True).as_matrix()


def keypoints(
    motion: Motion3D, skeleton: Skeleton, turns: dict[int, FloatArray], noise: float = 0.0
) -> FloatArray:
    """(T, K, 3) what the camera sees of turned parts, and of wrists; the rest is missing."""
    out = np.full((FRAMES, len(skeleton), 3), (np.nan, np.nan, 0.0))
    seen = {f"{side}_wrist": motion.in_camera[:, 0, [joint]] for side, joint in wrists(motion)}
    for part, turn in turns.items():
        if part == HEAD:
            points = {name: (left, up, ahead) for name, (ahead, up, left) in FACE.items()}
            at = motion.in_camera[:, 0, motion.skeleton.index("nose")]
            middle = np.mean(list(points.values()), axis=0)
        else:
            side, out_x = (("left", 1.0), ("right", -1.0))[part - 1]
            points = {f"{side}_{n}": (out_x * x, y, z) for n, (x, y, z) in HAND.items()}
            at, middle = seen[f"{side}_wrist"][:, 0], np.zeros(3)
        for name, point in points.items():
            seen[name] = (at + turn @ (np.array(point) - middle))[:, None]
    rng = np.random.default_rng(0)
    for name, place in seen.items():
        if name in skeleton.joints:
            pixels = motion.camera.project(place)[:, 0]
            out[:, skeleton.index(name), :2] = pixels + rng.normal(0, noise, pixels.shape)
            out[:, skeleton.index(name), 2] = 0.9
    return out


def wrists(motion: Motion3D) -> list[tuple[str, int]]:
    return [(side, motion.skeleton.index(f"{side}_wrist")) for side in ("left", "right")]


def found(
    motion: Motion3D, seen: FloatArray, skeleton: Skeleton, camera: Camera | None = None
) -> FloatArray:
    return oriented(
        motion.in_camera[:, 0],
        motion.skeleton,
        seen,
        skeleton,
        camera or motion.camera,
        motion.fps,
        HEIGHT,
    )


def apart(result: FloatArray, part: int, truth: FloatArray) -> FloatArray:
    """(T,) degrees between a result and a turn from the T-pose to the camera."""
    here = Rotation.from_rotvec(result[:, part, :3]).as_matrix() @ FACING
    between = Rotation.from_matrix(np.swapaxes(here, 1, 2) @ truth)
    return np.degrees(between.magnitude())


@pytest.mark.parametrize("yaw", [-50.0, 0.0, 50.0])
@pytest.mark.parametrize("skeleton", [COCO17, BLAZEPOSE33], ids=lambda s: s.name)
def test_a_head_looks_where_it_looks(motion: Motion3D, skeleton: Skeleton, yaw: float) -> None:
    degrees = np.tile([yaw, 10.0, 5.0], (FRAMES, 1))
    truth = turned(motion, HEAD, degrees)
    result = found(motion, keypoints(motion, skeleton, {HEAD: truth}, noise=1.0), skeleton)
    assert result.shape == (FRAMES, len(ORIENTED), 4)
    assert apart(result, HEAD, truth).mean() < 12
    assert (result[:, HEAD, 3] > 0.6).all()
    assert np.isnan(result[:, LEFT:, :3]).all()
    assert not result[:, LEFT:, 3].any()


@pytest.mark.parametrize("part", [LEFT, RIGHT])
@pytest.mark.parametrize("inwards", [0.0, 20.0, 40.0, 60.0])
def test_hands_turn_with_the_knuckles(motion: Motion3D, part: int, inwards: float) -> None:
    """A hand of 9 cm, at 200 pixels a metre, and keypoints that err by a pixel.

    By rule it would be off by as much as it turns and bends. Turned outwards it may as well be
    turned inwards: in a picture from the side, palms that face away and towards look alike.
    """
    sign = {LEFT: -1.0, RIGHT: 1.0}[part]
    truth = turned(motion, part, np.tile([sign * inwards, 15.0, 0.0], (FRAMES, 1)))
    result = found(motion, keypoints(motion, BLAZEPOSE33, {part: truth}, noise=1.0), BLAZEPOSE33)
    assert apart(result, part, truth).mean() < max(18, 0.55 * inwards)
    assert np.isnan(result[:, LEFT + RIGHT - part, :3]).all()


def test_two_knuckles_are_enough(motion: Motion3D) -> None:
    truth = turned(motion, LEFT, np.tile([-40.0, 15.0, 0.0], (FRAMES, 1)))
    seen = keypoints(motion, WHOLEBODY27, {LEFT: truth}, noise=1.0)
    assert apart(found(motion, seen, WHOLEBODY27), LEFT, truth).mean() < 25


def test_a_turning_head_is_followed_without_flips(motion: Motion3D) -> None:
    degrees = np.zeros((FRAMES, 3))
    degrees[:, 0] = 60 * np.sin(np.linspace(0, 2 * np.pi, FRAMES))
    truth = turned(motion, HEAD, degrees)
    result = found(motion, keypoints(motion, COCO17, {HEAD: truth}, noise=1.0), COCO17)
    assert apart(result, HEAD, truth).mean() < 13
    turns = Rotation.from_rotvec(result[:, HEAD, :3])
    assert np.degrees((turns[1:] * turns[:-1].inv()).magnitude()).max() < 30


def test_what_is_not_seen_is_not_told(motion: Motion3D) -> None:
    truth = {HEAD: turned(motion, HEAD, np.zeros((FRAMES, 3)))}
    truth[LEFT] = turned(motion, LEFT, np.zeros((FRAMES, 3)))
    seen = keypoints(motion, BLAZEPOSE33, truth)
    seen[:10, BLAZEPOSE33.index("left_index"), 2] = 0.1
    seen[20:, [BLAZEPOSE33.index(name) for name in FACE]] = np.nan, np.nan, 0
    result = found(motion, seen, BLAZEPOSE33)
    assert not result[:10, LEFT, 3].any()
    assert result[10:, LEFT, 3].all()
    assert result[:20, HEAD, 3].all()
    assert np.isnan(result[20:, HEAD, :3]).all()


def test_nobody_has_no_head(motion: Motion3D) -> None:
    nobody = np.full((3, 17, 3), np.nan)
    seen = np.full((3, 17, 3), (np.nan, np.nan, 0.0))
    result = oriented(nobody, motion.skeleton, seen, COCO17, motion.camera, 30.0, HEIGHT)
    assert np.isnan(result[..., :3]).all()
    assert not result[..., 3].any()
