"""Angles of bodies that were posed by known angles, each about its own axis."""

from __future__ import annotations

import numpy as np
import pytest
from motions import hidden, panned, walking

from mbcli.geometry import flip
from mbcli.kinematics.angles import (
    ANGLES,
    LEVEL,
    angle_confidence,
    angle_names,
    joint_angles,
    motion_angles,
    opensim_pelvis,
    without_jumps,
)
from mbcli.skeleton import H36M17

NEAR = 0.1  # degrees
PLAIN = angle_names(H36M17)


def about(axis: str, degrees: float) -> np.ndarray:
    """Right-handed rotation about x (forward), y (up) or z (to the right)."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array(
        {
            "x": [[1, 0, 0], [0, c, -s], [0, s, c]],
            "y": [[c, 0, s], [0, 1, 0], [-s, 0, c]],
            "z": [[c, -s, 0], [s, c, 0], [0, 0, 1]],
        }[axis]
    )


def posed(**set_to: float) -> np.ndarray:
    """(17, 3) a body in camera axes, posed by chains of rotations; angles not named are 0.

    Built as OpenSim builds its models: each segment turns in that before it about z, x, y.
    """
    at = dict.fromkeys(PLAIN, 0.0) | set_to
    unknown = set(at) - set(PLAIN)
    assert not unknown, unknown
    pelvis = (
        about("y", at["pelvis_heading"])
        @ about("x", -at["pelvis_obliquity"])
        @ about("z", -at["pelvis_forward_tilt"])
    )
    trunk = (
        pelvis
        @ about("z", at["lumbar_extension"])
        @ about("x", at["lumbar_bending"])
        @ about("y", at["lumbar_rotation"])
    )
    down, right = np.array([0.0, -1.0, 0.0]), np.array([0.0, 0.0, 1.0])
    place = {"pelvis": np.array([0.3, 1.0, -0.2])}
    place["spine"] = place["pelvis"] - 0.24 * pelvis @ down
    place["thorax"] = place["spine"] - 0.25 * trunk @ down
    place["nose"] = place["thorax"] + trunk @ [0.09, 0.08, 0.0]
    place["head"] = place["thorax"] + trunk @ [0.0, 0.22, 0.0]
    for side, sign in (("right", 1.0), ("left", -1.0)):
        e = side[0]
        place[f"{side}_hip"] = place["pelvis"] + sign * 0.12 * pelvis @ right
        thigh = (
            pelvis
            @ about("z", at[f"hip_flexion_{e}"])
            @ about("x", sign * at[f"hip_adduction_{e}"])
            @ about("y", sign * at[f"hip_rotation_{e}"])
        )
        shank = thigh @ about("z", -at[f"knee_angle_{e}"])
        place[f"{side}_knee"] = place[f"{side}_hip"] + 0.43 * thigh @ down
        place[f"{side}_ankle"] = place[f"{side}_knee"] + 0.41 * shank @ down
        place[f"{side}_shoulder"] = place["thorax"] + trunk @ [0.0, -0.03, sign * 0.19]
        arm = (
            trunk
            @ about("z", at[f"arm_flex_{e}"])
            @ about("x", sign * at[f"arm_add_{e}"])
            @ about("y", sign * at[f"arm_rot_{e}"])
        )
        forearm = arm @ about("z", at[f"elbow_flex_{e}"])
        place[f"{side}_elbow"] = place[f"{side}_shoulder"] + 0.3 * arm @ down
        place[f"{side}_wrist"] = place[f"{side}_elbow"] + 0.25 * forearm @ down
    return np.array([place[name] for name in H36M17.joints]) @ LEVEL


def read(body: np.ndarray) -> dict[str, float]:
    found = joint_angles(body, LEVEL)
    return dict(zip(found.names, found.degrees.tolist(), strict=True))


def test_every_angle_reads_back_from_a_body_with_all_of_them_at_once() -> None:
    rng = np.random.default_rng(0)
    low = {"knee_angle": 35, "elbow_flex": 35, "pelvis_heading": -170}
    high = {"knee_angle": 120, "elbow_flex": 140, "pelvis_heading": 170, "arm_flex": 170}
    derived = ("shoulder_elevation", "shoulder_plane", "trunk_")
    names = [name for name in PLAIN if not name.startswith(derived)]
    assert len(names) == 22
    for _ in range(50):
        want = {
            name: float(rng.uniform(low.get(key, -40), high.get(key, 60)))
            for name in names
            for key in [name[:-2] if ANGLES[name].side else name]
        }
        found = read(posed(**want))
        assert {name: found[name] for name in names} == pytest.approx(want, abs=NEAR)


@pytest.mark.parametrize("side", ["r", "l"])
@pytest.mark.parametrize(
    ("angle", "joint", "axis", "sign"),
    [
        ("hip_flexion", "knee", 0, 1),  # forward
        ("knee_angle", "ankle", 0, -1),  # backward
        ("arm_flex", "elbow", 0, 1),
        ("elbow_flex", "wrist", 0, 1),
        ("hip_adduction", "knee", 2, -1),  # away from its own side
        ("arm_add", "elbow", 2, -1),
    ],
)
def test_signs_by_which_way_a_limb_goes(
    side: str, angle: str, joint: str, axis: int, sign: int
) -> None:
    name = ("right_" if side == "r" else "left_") + joint
    moved, rest = (posed(**{f"{angle}_{side}": degrees}) @ LEVEL for degrees in (25.0, 0.0))
    step = (moved - rest)[H36M17.index(name)]
    outward = (1 if side == "r" else -1) if axis == 2 else 1
    assert step[axis] * outward * sign > 0.05


def test_signs_of_the_trunk_and_the_pelvis() -> None:
    def head(**angles: float) -> np.ndarray:
        return (posed(**angles) @ LEVEL)[H36M17.index("head")] - (posed() @ LEVEL)[10]

    assert head(lumbar_extension=20)[0] < -0.05
    assert head(lumbar_bending=20)[2] > 0.05
    assert head(pelvis_forward_tilt=20)[0] > 0.05
    hips = posed(pelvis_obliquity=20) @ LEVEL
    assert hips[H36M17.index("right_hip"), 1] > hips[H36M17.index("left_hip"), 1] + 0.05
    # To the left: from facing along x towards the person's left, which is -z.
    facing = posed(pelvis_heading=90) @ LEVEL
    nose, thorax = facing[H36M17.index("nose")], facing[H36M17.index("thorax")]
    assert nose - thorax == pytest.approx([0, 0.08, -0.09], abs=1e-9)
    assert read(posed(pelvis_forward_tilt=12))["trunk_forward_lean"] == pytest.approx(12, abs=NEAR)
    assert read(posed(lumbar_bending=12))["trunk_side_lean"] == pytest.approx(12, abs=NEAR)
    assert read(posed(lumbar_rotation=12))["trunk_heading"] == pytest.approx(12, abs=NEAR)


@pytest.mark.parametrize("side", ["r", "l"])
@pytest.mark.parametrize(
    ("flexion", "adduction", "elevation", "plane"),
    [
        (0, -60, 60, 0),  # to the side
        (60, 0, 60, 90),  # forward
        (-30, 0, 30, -90),  # backward
        (0, -90, 90, 0),
        (150, 0, 150, 90),
    ],
)
def test_elevation_of_the_arm_and_its_plane(
    side: str, flexion: float, adduction: float, elevation: float, plane: float
) -> None:
    found = read(posed(**{f"arm_flex_{side}": flexion, f"arm_add_{side}": adduction}))
    assert found[f"shoulder_elevation_{side}"] == pytest.approx(elevation, abs=NEAR)
    assert found[f"shoulder_plane_{side}"] == pytest.approx(plane, abs=NEAR)


def test_nothing_depends_on_where_and_how_the_body_stands_but_angles_to_the_ground() -> None:
    rng = np.random.default_rng(1)
    body = posed(hip_flexion_r=30, knee_angle_r=50, arm_add_l=-40, elbow_flex_l=80)
    plain = joint_angles(body)
    assert not [name for name in plain.names if ANGLES[name].grounded]
    for _ in range(10):
        turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        turn *= np.sign(np.linalg.det(turn))
        moved = joint_angles(1000 * (body @ turn.T) + rng.normal(size=3))  # millimetres
        np.testing.assert_allclose(moved.degrees, plain.degrees, atol=1e-6)


def test_heading_alone_changes_when_somebody_turns_on_the_spot() -> None:
    pose = {"pelvis_forward_tilt": 15, "pelvis_obliquity": 8, "lumbar_bending": 10}
    first, second = read(posed(**pose)), read(posed(pelvis_heading=140, **pose))
    for name in first:
        turned = 140 if name.endswith("_heading") else 0
        assert second[name] == pytest.approx(first[name] + turned, abs=NEAR, nan_ok=True), name


def test_a_mirrored_person_exchanges_left_and_right() -> None:
    rng = np.random.default_rng(2)
    body = posed(
        **{name: float(rng.uniform(31, 39)) for name in PLAIN if ANGLES[name].side},
        lumbar_bending=9,
        lumbar_rotation=-14,
        pelvis_heading=33,
        pelvis_obliquity=4,
    )
    # A mirror in the plane of x: who faced the camera's right faces its left.
    plain, mirrored = read(body), read(flip(body))
    for name, value in plain.items():
        other = name[:-1] + {"r": "l", "l": "r"}[name[-1]] if ANGLES[name].side else name
        sideways = name in (
            "lumbar_bending",
            "lumbar_rotation",
            "pelvis_obliquity",
            "trunk_side_lean",
        )
        if name.endswith("_heading"):
            assert mirrored[name] == pytest.approx(180 - value, abs=NEAR)
        else:
            assert mirrored[other] == pytest.approx(-value if sideways else value, abs=NEAR), name


def test_straight_limbs_have_no_rotation_and_no_jump() -> None:
    for bend, there in ((0.0, False), (29.0, False), (31.0, True), (149.0, True), (151.0, False)):
        found = read(posed(knee_angle_r=bend, hip_rotation_r=20, elbow_flex_l=bend, arm_rot_l=-30))
        assert np.isfinite(found["hip_rotation_r"]) == there
        assert np.isfinite(found["arm_rot_l"]) == there
        assert found["knee_angle_r"] == pytest.approx(bend, abs=NEAR)
        assert found["elbow_flex_l"] == pytest.approx(bend, abs=NEAR)


def test_a_limb_along_its_flexion_axis_has_no_flexion() -> None:
    found = read(posed(arm_add_r=-85, elbow_flex_r=60, arm_add_l=-78, elbow_flex_l=60))
    assert np.isnan([found["arm_flex_r"], found["arm_rot_r"]]).all()
    assert found["arm_add_r"] == pytest.approx(-85, abs=NEAR)
    assert found["arm_flex_l"] == pytest.approx(0, abs=NEAR)
    # And an arm that hangs is raised in no plane.
    assert np.isnan(read(posed(arm_flex_r=8))["shoulder_plane_r"])
    assert np.isfinite(read(posed(arm_flex_r=12))["shoulder_plane_r"])


def test_a_body_in_one_point_or_line_and_missing_joints_give_nan_without_warnings() -> None:
    assert np.isnan(joint_angles(np.zeros((17, 3)), LEVEL).degrees).all()
    line = np.arange(17.0)[:, None] * [0.0, 1.0, 0.0]
    assert np.isnan(joint_angles(line).of("lumbar_rotation"))
    body = posed(knee_angle_l=40, hip_rotation_l=10)
    body[H36M17.index("right_ankle")] = np.nan
    found = read(body)
    missing = {name for name, value in found.items() if np.isnan(value)}
    straight = {"hip_rotation_r", "arm_rot_r", "arm_rot_l", "shoulder_plane_r", "shoulder_plane_l"}
    assert missing == {"knee_angle_r"} | straight
    with pytest.raises(ValueError, match=r"\(\.\.\., 17, 3\), got \(5, 16, 3\)"):
        joint_angles(np.zeros((5, 16, 3)))


def test_shapes_follow_the_bodies() -> None:
    bodies = np.stack([[posed(knee_angle_r=k), posed(knee_angle_l=k)] for k in (10, 20, 30)])
    found = joint_angles(bodies, LEVEL)
    assert found.names == PLAIN
    assert found.degrees.shape == (3, 2, len(PLAIN))
    assert found.of("knee_angle_r")[:, 0] == pytest.approx([10, 20, 30], abs=NEAR)
    assert joint_angles(np.zeros((0, 2, 17, 3))).degrees.shape == (0, 2, len(PLAIN) - 6)


def test_the_pelvis_of_opensim_is_tilted_first() -> None:
    turn = about("z", -11) @ about("x", 7) @ about("y", 130)
    body = (posed() @ LEVEL - [0.3, 1.0, -0.2]) @ turn.T @ LEVEL
    assert opensim_pelvis(body, LEVEL) == pytest.approx([-11, 7, 130], abs=NEAR)


def test_a_walking_person_walks() -> None:
    motion = walking(frames=132, people=2, fps=60.0)
    angles = motion_angles(motion)
    assert angles.degrees.shape == (132, 2, len(PLAIN))
    # The first walks along x, 15 degrees away from the camera, which is to their left.
    assert angles.of("pelvis_heading")[:, 0] == pytest.approx(15, abs=NEAR)
    assert angles.of("pelvis_heading")[:, 1] == pytest.approx(-100, abs=NEAR)
    assert angles.of("trunk_forward_lean") == pytest.approx(np.degrees(0.05), abs=NEAR)
    for side in "rl":
        assert np.ptp(angles.of(f"hip_flexion_{side}")) > 20
        assert np.all(angles.of(f"knee_angle_{side}") < 90)
    # Two steps later everything is the same, half of it later with the sides exchanged.
    right, left = (angles.of(f"hip_flexion_{side}")[:, 0] for side in "rl")
    assert right[66:] == pytest.approx(right[:66], abs=1e-3)
    assert left[33:99] == pytest.approx(right[:66], abs=1e-3)


def test_headings_do_not_jump_over_gaps() -> None:
    values = np.array([170.0, np.nan, -175.0, -160.0])
    assert without_jumps(values) == pytest.approx([170, np.nan, 185, 200], nan_ok=True)
    motion = hidden(walking(frames=20), slice(5, 9))
    assert np.isnan(motion_angles(motion).degrees[5:9]).all()


def test_an_angle_is_as_sure_as_its_least_certain_joint() -> None:
    confidence = np.ones((4, 17))
    confidence[:, H36M17.index("left_ankle")] = 0.2
    sure = angle_confidence(confidence, ("knee_angle_l", "hip_rotation_l", "hip_flexion_l"))
    assert sure == pytest.approx(np.tile([0.2, 0.2, 1.0], (4, 1)))


def test_a_camera_that_turns_does_not_turn_the_person() -> None:
    still, turning = walking(30), panned(walking(30), 90)
    for name in ("pelvis_heading", "trunk_forward_lean", "pelvis_obliquity", "knee_angle_l"):
        expected = motion_angles(still).of(name)
        np.testing.assert_allclose(motion_angles(turning).of(name), expected, atol=1e-3)
