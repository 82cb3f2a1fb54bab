"""The world that `mbcli infer` finds: gravity and the floor with their doubt, or a reason."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from motions import ANKLE_HEIGHT, CAMERA_HEIGHT, hidden, panned, walking

from mbcli.motion import Motion3D
from mbcli.refinement.ground import with_world
from mbcli.refinement.options import RefineOptions
from mbcli.refinement.refine import refine
from mbcli.skeleton import H36M17

ANKLES = [H36M17.index("right_ankle"), H36M17.index("left_ankle")]


def tilted(motion: Motion3D, degrees: float) -> Motion3D:
    """What a camera in the same place sees that looks up by some degrees."""
    angle = np.radians(degrees)
    turn = np.array(
        [[1, 0, 0], [0, np.cos(angle), np.sin(angle)], [0, -np.sin(angle), np.cos(angle)]]
    )
    camera = motion.camera
    if not camera.fixed:  # it turns about the true vertical
        poses = camera.world_from_camera.copy()
        poses[:, :3, :3] = turn @ poses[:, :3, :3] @ turn.T
        camera = camera.posed(poses, motion=camera.motion)
    return replace(
        motion,
        positions=motion.positions @ turn.T,
        root=motion.root @ turn.T,
        camera=camera,
    )


def lean(motion: Motion3D, degrees: float) -> float:
    """Degrees between the world's vertical and the true one of a `tilted` camera."""
    down = motion.camera.first_pose[1, :3]
    angle = np.radians(degrees)
    return float(np.degrees(np.arccos(down @ [0, np.cos(angle), -np.sin(angle)])))


@pytest.mark.parametrize("degrees", [-20.0, 0.0, 15.0])
def test_a_tilted_camera_gets_an_upright_world_and_its_own_axes_stay(degrees: float) -> None:
    seen = tilted(walking(150, people=2), degrees)
    found = with_world(seen)
    assert lean(found, degrees) < 2
    assert found.camera.grounded
    assert found.meta["world"]["sure"]
    assert 1 < found.meta["world"]["spread_degrees"] < 8
    assert "gravity within" in found.meta["world"]["found"]
    for name in ("positions", "root", "confidence", "positions_normalized"):
        assert getattr(found, name).tobytes() == getattr(seen, name).tobytes()
    assert found.keypoints == seen.keypoints
    assert found.camera.ungrounded == seen.camera
    world = found.in_world
    np.testing.assert_allclose(world[0, 0, 0, [0, 2]], 0, atol=1e-6)
    # A foot that stands is as high as ankles are; the camera is above the floor.
    assert np.percentile(world[:, :, ANKLES, 1].max(axis=2), 50) == pytest.approx(
        -ANKLE_HEIGHT, abs=0.02
    )
    assert found.camera.first_pose[1, 3] == pytest.approx(-CAMERA_HEIGHT, abs=0.1)


@pytest.mark.parametrize("frames", [slice(40, 60), slice(None)])
def test_a_hand_that_is_missing_changes_neither_the_world_nor_feet(frames: slice) -> None:
    whole, hand = walking(90), H36M17.index("left_wrist")
    positions = whole.positions.copy()
    positions[frames, :, hand] = np.nan
    options = RefineOptions(feet=True, world=True)
    expected, found = (refine(m, options) for m in (whole, replace(whole, positions=positions)))
    assert found.meta["refinement"]["feet"] == expected.meta["refinement"]["feet"]
    assert found.camera == expected.camera
    rest = [joint for joint in range(17) if joint != hand]
    np.testing.assert_allclose(found.in_world[:, :, rest], expected.in_world[:, :, rest], atol=1e-5)
    assert np.isnan(found.positions[frames, :, hand]).all()


def test_a_camera_that_turns() -> None:
    seen, turning = (tilted(motion, 10.0) for motion in (walking(150), panned(walking(150), 40.0)))
    still, found = with_world(seen), with_world(turning)
    assert (found.camera.motion, found.camera.grounded) == ("turning", True)
    assert lean(found, 10.0) < 2
    np.testing.assert_allclose(found.in_world, still.in_world, atol=0.05)
    np.testing.assert_allclose(
        found.camera.ungrounded.world_from_camera, turning.camera.world_from_camera, atol=1e-12
    )


def test_a_camera_that_goes_along_keeps_its_floor() -> None:
    """It follows its people sideways, at its height, and looks down by as much throughout."""
    still = walking(150, people=2)
    gone = np.linspace(0, 1.5, 150)[:, None, None] * [1, 0, 0]
    camera = still.camera.posed(still.camera.world_from_camera, motion="moving")
    seen = tilted(replace(still, root=still.root - gone), -12.0)
    found = with_world(replace(seen, camera=camera))
    assert (found.camera.motion, found.camera.grounded) == ("moving", True)
    assert lean(found, -12.0) < 3
    standing = with_world(tilted(still, -12.0)).meta["world"]["spread_degrees"]
    assert found.meta["world"]["spread_degrees"] > np.hypot(standing, 2.5)
    heights = -found.in_world[:, :, ANKLES, 1].max(axis=2)
    assert np.percentile(heights, 50) == pytest.approx(ANKLE_HEIGHT, abs=0.05)


def lying(motion: Motion3D) -> Motion3D:
    """Everybody turned on their side."""
    turn = np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]])
    return replace(motion, positions=motion.positions @ turn)


def cut(motion: Motion3D) -> Motion3D:
    return replace(motion, keypoints=replace(motion.keypoints, cuts=np.array([10, 40])))


def unsure_of_ankles(motion: Motion3D) -> Motion3D:
    confidence = motion.confidence.copy()
    confidence[..., ANKLES] = 0.1
    return replace(motion, confidence=confidence)


def swaying(motion: Motion3D) -> Motion3D:
    """Everybody on one spot, nobody knows how upright: they lean by 25 degrees in turn."""
    angle = np.radians(25) * np.sign(np.sin(motion.timestamps * 40))
    turns = np.tile(np.eye(3), (len(angle), 1, 1))
    turns[:, 1, 1] = turns[:, 2, 2] = np.cos(angle)
    turns[:, 1, 2], turns[:, 2, 1] = np.sin(angle), -np.sin(angle)
    ankles = motion.positions[:, :, ANKLES].mean(axis=2, keepdims=True)
    body = np.einsum("tij,tpkj->tpki", turns, motion.positions - ankles)
    root = np.broadcast_to([0.0, 0.3, 4.0], motion.root.shape) - 0.0
    return replace(motion, positions=body - body[:, :, :1], root=root + body[:, :, 0])


@pytest.mark.parametrize(
    ("change", "why"),
    [
        pytest.param(cut, "each of the 3 shots has its own camera", id="cuts"),
        pytest.param(lying, "nobody is seen standing upright", id="lying"),
        pytest.param(unsure_of_ankles, "no foot is seen standing on the floor", id="hidden feet"),
        pytest.param(
            lambda motion: hidden(motion, slice(None)),
            "nobody is seen standing upright",
            id="nobody",
        ),
    ],
)
def test_why_there_is_none(change, why) -> None:
    seen = change(walking(60))
    found = with_world(seen)
    assert found.camera == seen.camera
    assert not found.camera.grounded
    assert not found.meta["world"]["sure"]
    assert found.meta["world"]["found"].startswith(f"not found: {why}")
    assert len(found.meta["world"]["found"]) < 100


def test_what_is_known_too_badly_is_taken_only_when_asked() -> None:
    seen = swaying(walking(6))
    found = with_world(seen)
    assert not found.camera.grounded
    assert "gravity is only known to within" in found.meta["world"]["found"]
    assert with_world(seen, anyway=True).camera.grounded


def test_refinement_stands_on_the_floor_that_was_found() -> None:
    found = with_world(tilted(walking(90), 8.0))
    refined = refine(found, RefineOptions(feet=True, world=True))
    assert refined.camera == found.camera
    assert refined.meta["world"] == found.meta["world"]
    assert refined.refinement is not None
    assert refined.refinement.foot_contacts is not None
    places = refined.in_world[:, 0, ANKLES, 1]
    standing = places[refined.refinement.foot_contacts[:, 0]]
    assert standing.std() < 0.003
    asked = refine(tilted(walking(90), 8.0), RefineOptions(world=True))
    np.testing.assert_allclose(
        asked.camera.world_from_camera, found.camera.world_from_camera, atol=1e-6
    )
