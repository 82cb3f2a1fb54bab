"""Rotations of bodies: back to positions, without flips, with knees and elbows as hinges."""

from __future__ import annotations

import numpy as np
import pytest
from motions import walking, with_feet
from scipy.spatial.transform import Rotation

from mbcli.errors import InputError, NobodyFoundError
from mbcli.geometry import unit
from mbcli.kinematics.bones import usual_lengths, with_lengths
from mbcli.kinematics.rig import (
    JOINTS,
    PARENTS,
    children,
    rig_of,
)
from mbcli.kinematics.rotations import euler_zxy, swing
from mbcli.kinematics.soles import above_floor
from mbcli.kinematics.solving import FASTEST_TWIST, solve
from mbcli.skeleton import BODY23, H36M17

FPS = 30.0
LENGTHS = dict(
    zip(
        H36M17.joints,
        (0, *(0.13, 0.44, 0.45) * 2, 0.25, 0.25, 0.2, 0.13, *(0.17, 0.31, 0.25) * 2),
        strict=True,
    )
)


def walk(frames: int = 60) -> np.ndarray:
    """(T, 17, 3) metres, y up."""
    return walking(frames).in_camera[:, 0].astype(float) * [1, -1, -1]


def posed(**degrees: np.ndarray | tuple[float, float, float]) -> np.ndarray:
    """(T, 17, 3) places of a body whose joints are at (T, 3) or (3,) angles z, x, y."""
    rig = rig_of(list(LENGTHS.values()))
    frames = max(np.atleast_2d(angles).shape[0] for angles in degrees.values())
    turned, places = {}, {}
    for joint, name in enumerate(JOINTS):
        angles = np.broadcast_to(degrees.get(name, (0.0, 0.0, 0.0)), (frames, 3))
        own = Rotation.from_euler("ZXY", angles, degrees=True).as_matrix()
        parent = PARENTS[joint]
        if parent < 0:
            turned[joint], places[joint] = own, np.zeros((frames, 3))
        else:
            turned[joint] = turned[parent] @ own
            places[joint] = places[parent] + turned[parent] @ rig.offsets[joint]
    return np.stack([places[JOINTS.index(name)] for name in H36M17.joints], axis=1)


def steps(rotations: np.ndarray) -> np.ndarray:
    """(T - 1, J) degrees from frame to frame."""
    change = np.swapaxes(rotations[:-1], -1, -2) @ rotations[1:]
    return np.degrees(Rotation.from_matrix(change.reshape(-1, 3, 3)).magnitude()).reshape(
        change.shape[:2]
    )


def noisy(seed: int = 3, frames: int = 150) -> np.ndarray:
    """Somebody whose joints shake by 3 cm, so that straight limbs bend any way."""
    return walk(frames) + np.random.default_rng(seed).normal(0, 0.03, (frames, 17, 3))


def bone_lengths(points: np.ndarray) -> np.ndarray:
    return usual_lengths(points, H36M17, symmetric=True)


@pytest.mark.parametrize("points", [walk(), noisy()], ids=["walking", "noisy"])
def test_forward_kinematics_give_the_positions_with_constant_lengths(points: np.ndarray) -> None:
    pose = solve(points, FPS)
    wanted = with_lengths(points, bone_lengths(points), H36M17)
    assert np.abs(pose.tracked() - wanted).max() < 1e-9
    assert np.allclose(pose.rotations @ np.swapaxes(pose.rotations, -1, -2), np.eye(3), atol=1e-9)
    assert np.allclose(np.linalg.det(pose.rotations), 1)


def test_lengths_are_medians_of_both_sides() -> None:
    points = walk()
    points[3, H36M17.index("left_wrist")] += 5.0
    for joint in ("left_knee", "right_knee"):
        assert bone_lengths(points)[H36M17.index(joint)] == pytest.approx(0.43, abs=1e-6)
    lengths = bone_lengths(noisy())
    assert np.array_equal(lengths, lengths[list(H36M17.mirror)])
    assert np.allclose(bone_lengths(with_lengths(noisy(), lengths, H36M17)), lengths)


def test_the_rest_pose_needs_no_rotations() -> None:
    points = posed(pelvis=(0.0, 0.0, 0.0))
    pose = solve(points, FPS)
    assert np.allclose(pose.rotations, np.eye(3), atol=1e-9)
    place = dict(zip(H36M17.joints, points[0], strict=True))
    assert place["left_wrist"][0] > place["left_elbow"][0] > 0 > place["right_wrist"][0]
    assert place["nose"][2] > 0.1
    ends = pose.forward()[0]
    toes, hand = ends[JOINTS.index("right_toes")], ends[JOINTS.index("right_hand")]
    assert toes[2] > 0.15
    assert toes[1] < place["right_ankle"][1]
    assert hand[0] < place["right_wrist"][0] - 0.1
    assert {JOINTS[j] for j in range(len(JOINTS)) if not children(j)} == {
        *("head", "right_hand", "left_hand", "right_toes", "left_toes")
    }


def test_the_root_turns_with_the_person_and_nothing_else_does() -> None:
    points = walk()
    heading = np.radians(np.linspace(0, 900, len(points)))
    turn = Rotation.from_rotvec(heading[:, None] * [0, 1, 0]).as_matrix()
    spun = np.einsum("tij,tnj->tni", turn, points - points[:, :1])
    pose, still = solve(spun, FPS), solve(points - points[:, :1], FPS)
    assert np.allclose(pose.rotations[:, 1:], still.rotations[:, 1:], atol=1e-6)
    assert np.allclose(pose.rotations[:, 0], turn @ still.rotations[:, 0], atol=1e-6)


def test_a_pose_may_be_turned_into_other_axes_and_units() -> None:
    pose = solve(walk(), FPS)
    turn = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    other = pose.turned(turn, 100)
    assert np.allclose(other.forward(), pose.forward() @ turn.T * 100)
    assert np.allclose(other.rig.standing @ (0, 0, 1) / 100, pose.rig.standing @ (0, 1, 0))
    assert other.rig.standing[:, 2].min() == pytest.approx(0)


def test_knees_and_elbows_that_bend_give_the_turn_of_thighs_and_upper_arms() -> None:
    angles = {
        "right_hip": (5.0, -40.0, 25.0),
        "right_knee": (0.0, 70.0, 0.0),
        "left_hip": (-10.0, -60.0, -30.0),
        "left_knee": (0.0, 90.0, 0.0),
        "right_shoulder": (60.0, 40.0, 10.0),
        "right_elbow": (0.0, 0.0, 80.0),
        "left_shoulder": (-60.0, -50.0, 0.0),
        "left_elbow": (0.0, 0.0, -100.0),
        "neck": (0.0, 5.0, 50.0),
    }
    pose = solve(posed(**{name: np.array(value) for name, value in angles.items()}), FPS)
    found = euler_zxy(pose.rotations)[0]
    for name, value in angles.items():
        assert found[JOINTS.index(name)] == pytest.approx(value, abs=1e-4), name


def test_knees_of_somebody_who_walks_bend_backwards_as_hinges() -> None:
    angles = euler_zxy(solve(walk(), FPS).rotations)
    for side in ("right", "left"):
        knee = angles[:, JOINTS.index(f"{side}_knee")]
        assert knee[:, 1].min() > -1
        assert knee[:, 1].max() > 30
        assert np.abs(knee[:, [0, 2]]).max() < 5


def test_a_straight_limb_does_not_turn_about_itself() -> None:
    raised = np.linspace([80.0, 0.0, 0.0], [-70.0, 0.0, 0.0], 60)
    pose = solve(posed(right_shoulder=raised), FPS)
    found = pose.rotations[:, JOINTS.index("right_shoulder")]
    bone = np.array([-1.0, 0, 0])
    assert np.allclose(found, swing(bone, unit(found @ bone)), atol=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_no_bone_turns_about_itself_faster_than_said(seed: int) -> None:
    pose = solve(noisy(seed), FPS)
    for name in ("right_hip", "left_hip", "right_shoulder", "left_shoulder", "neck"):
        joint = JOINTS.index(name)
        found = pose.rotations[:, joint]
        bone = unit(pose.rig.offsets[children(joint)[0]])
        along = found @ bone
        carried = swing(along[:-1], along[1:]) @ found[:-1]
        turned = steps(np.stack([carried, found[1:]]))[0]
        assert turned.max() <= FASTEST_TWIST / FPS + 1e-6


def test_an_arm_that_passes_the_direction_opposite_to_rest_makes_no_flip() -> None:
    # The right arm across the chest: over, at and under the left shoulder's direction.
    over = np.column_stack([np.linspace(-1.0, 1.0, 41), np.zeros(41), np.full(41, 180.0)])
    points = posed(right_shoulder=over, right_elbow=(0.0, 0.0, 60.0))
    assert steps(solve(points, FPS).rotations).max() < 10


def test_a_knee_that_overstretches_does_not_turn_the_leg_round() -> None:
    bend = np.zeros((60, 3))
    bend[:, 1] = 12 * np.sin(np.arange(60) / 3)  # 12 degrees beyond straight, again and again
    pose = solve(posed(right_knee=bend), FPS)
    assert steps(pose.rotations)[:, JOINTS.index("right_hip")].max() < 5


def test_gaps_are_bridged_and_the_ends_held() -> None:
    points = walk()
    whole = solve(points, FPS)
    points[:5] = np.nan
    points[20:26, 3] = np.nan
    points[-4:] = np.inf
    pose = solve(points, FPS)
    assert pose.root.shape == (60, 3)
    assert np.isfinite(pose.forward()).all()
    assert np.allclose(pose.forward()[:5], pose.forward()[5])
    assert np.allclose(pose.forward()[-4:], pose.forward()[-5])
    assert np.abs(pose.tracked()[20:26] - whole.tracked()[20:26]).max() < 0.2
    np.testing.assert_allclose(pose.root[20:26], points[20:26, 0])
    assert np.abs(pose.tracked()[6:19] - whole.tracked()[6:19]).max() < 1e-4


def test_a_missing_joint_leaves_the_others_where_they_are() -> None:
    points = walk()
    whole = solve(points, FPS)
    wrist, joints = H36M17.index("left_wrist"), len(H36M17)
    points[20:40, wrist] = np.nan
    tracked = solve(points, FPS).tracked()
    others = [joint for joint in range(joints) if joint != wrist]
    assert np.abs(tracked[:, others] - whole.tracked()[:, others]).max() < 0.02
    assert np.isfinite(tracked).all()


def test_a_joint_that_is_nowhere_is_named() -> None:
    points = walk()
    points[:, H36M17.index("left_wrist")] = np.nan
    with pytest.raises(InputError, match="got no left_wrist in any frame"):
        solve(points, FPS)


def test_toes_stay_above_the_floor() -> None:
    points = walk()
    up = points - [0, points[..., 1].min() - 0.02, 0]  # ankles come down to 2 cm
    pose = solve(up, FPS)
    toes = [JOINTS.index("right_toes"), JOINTS.index("left_toes")]
    assert pose.forward()[:, toes, 1].min() < -0.02
    kept = above_floor(pose, FPS)
    assert kept.forward()[:, toes, 1].min() > -0.005
    np.testing.assert_allclose(kept.tracked(), pose.tracked(), atol=1e-9)
    high = solve(up + np.array([0, 1, 0]), FPS)
    assert above_floor(high, FPS) is high or np.allclose(
        above_floor(high, FPS).rotations, high.rotations
    )


def test_one_frame_is_enough() -> None:
    points = walk(1)
    pose = solve(points, FPS)
    assert np.abs(pose.tracked() - points).max() < 0.01


@pytest.mark.parametrize("shape", [(0, 17, 3), (9, 17, 3)])
def test_somebody_who_is_never_there_is_refused(shape: tuple[int, int, int]) -> None:
    with pytest.raises(NobodyFoundError, match=f"got none in {shape[0]} frames"):
        solve(np.full(shape, np.nan), FPS)


def test_joints_that_fall_together_give_no_nan() -> None:
    assert np.isfinite(solve(np.zeros((4, 17, 3)), FPS).forward()).all()


def test_another_skeleton_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(T, 17, 3\), got \(4, 16, 3\)"):
        solve(np.zeros((4, 16, 3)), FPS)


def feet(turned: float, frames: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """(T, 23, 3) y up, feet flat and turned outwards by some degrees; (T, 2, 3) their toes."""
    points = with_feet(walking(frames)).in_world[:, 0].astype(float) * [1, -1, -1]
    toes = np.empty((frames, 2, 3))
    for number, (side, sign) in enumerate((("right", 1.0), ("left", -1.0))):
        ankle = points[:, BODY23.index(f"{side}_ankle")]
        # The walker goes almost along x.
        ahead = Rotation.from_euler("y", 15 - sign * turned, degrees=True).as_matrix()
        for part, place in (
            ("big_toe", (0.19, -0.07, 0.0)),
            ("small_toe", (0.15, -0.07, sign * 0.06)),
            ("heel", (-0.05, -0.07, 0.0)),
        ):
            points[:, BODY23.index(f"{side}_{part}")] = ankle + ahead @ np.array(place)
        ends = [points[:, BODY23.index(f"{side}_{part}")] for part in ("big_toe", "small_toe")]
        toes[:, number] = np.mean(ends, axis=0)
    return points, toes


@pytest.mark.parametrize("turned", [0.0, 25.0])
def test_feet_turn_with_toes_and_heels(turned: float) -> None:
    points, toes = feet(turned)
    pose = solve(points, FPS, BODY23)
    found = pose.forward()[:, [JOINTS.index("right_toes"), JOINTS.index("left_toes")]]
    assert np.linalg.norm(found - toes, axis=-1).max() < 0.03
    soles = pose.chain[0][:, [JOINTS.index("right_ankle"), JOINTS.index("left_ankle")], :, 1]
    assert np.allclose(soles, [0, 1, 0], atol=1e-6)
    ankles = pose.forward()[:, [JOINTS.index("right_ankle"), JOINTS.index("left_ankle")]]
    ahead = unit((found - ankles) * [1, 0, 1])
    angle = np.degrees(np.arccos((ahead[:, 0] * ahead[:, 1]).sum(-1)))
    # The middle between the toes lies 8 degrees outwards of the big toe, seen from the heel.
    assert angle.mean() == pytest.approx(2 * (turned + 8), abs=6)
    np.testing.assert_allclose(pose.tracked(), solve(points[:, :17], FPS).tracked(), atol=1e-9)


def test_feet_that_are_not_seen_are_bridged_or_keep_to_the_shank() -> None:
    points, _ = feet(10.0)
    whole = solve(points, FPS, BODY23)
    gap = points.copy()
    gap[10:14, BODY23.index("left_heel")] = np.nan
    bridged = solve(gap, FPS, BODY23)
    assert np.isfinite(bridged.rotations).all()
    ankle = JOINTS.index("left_ankle")
    change = np.swapaxes(whole.rotations[:, ankle], -1, -2) @ bridged.rotations[:, ankle]
    angles = np.degrees(Rotation.from_matrix(change).magnitude())
    assert angles[10:14].max() < 25
    assert angles[:8].max() < 2
    never = points.copy()
    never[:, 17:] = np.nan
    np.testing.assert_array_equal(
        solve(never, FPS, BODY23).rotations, solve(points[:, :17], FPS).rotations
    )
