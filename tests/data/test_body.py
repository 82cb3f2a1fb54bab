from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mbcli.data.recordings.body import body_positions, figure_of
from mbcli.data.recordings.bvh import read_bvh
from mbcli.data.recordings.hierarchy import Hierarchy, Recording, moving_axes_rotation
from mbcli.data.recordings.known import KNOWN, mended
from mbcli.data.recordings.units import height_of
from mbcli.skeleton import BODY21, COCO17, H36M17

J = BODY21.index
LEFT, UP, FORWARD = np.eye(3)


# Names of hip, knee, ankle, shoulder, elbow and wrist, and of what else the known skeletons have.
NAMES = {
    "acclaim": ("{l}femur {l}tibia {l}foot {l}humerus {l}radius {l}wrist", "head head_end"),
    "cmu-bvh": (
        "{Left}UpLeg {Left}Leg {Left}Foot {Left}Arm {Left}ForeArm {Left}Hand",
        "Head LHipJoint",
    ),
    "cmu-bvh-anatomical": (
        "{Left}Hip {Left}Knee {Left}Ankle {Left}Shoulder {Left}Elbow {Left}Wrist",
        "Head Head_end LHipJoint",
    ),
    "smpl": (
        "{left}_hip {left}_knee {left}_ankle {left}_shoulder {left}_elbow {left}_wrist",
        "head head_end left_collar spine1",
    ),
    "mbcli": (
        "{left}_hip {left}_knee {left}_ankle {left}_shoulder {left}_elbow {left}_wrist",
        "nose nose_end pelvis spine thorax",
    ),
    "daz": (
        "{l}Thigh {l}Shin {l}Foot {l}Shldr {l}ForeArm {l}Hand",
        "head leftEye rightEye lButtock",
    ),
    "mixamo": (
        "m:{Left}UpLeg m:{Left}Leg m:{Left}Foot m:{Left}Arm m:{Left}ForeArm m:{Left}Hand",
        "m:Head",
    ),
}


def figure(name: str, head: tuple[float, float, float] = (0, 0.1, 0)) -> Hierarchy:
    """A skeleton by the names of a program, standing with the arms spread."""
    places = {
        "hip": (0.09, 0.9, 0),
        "knee": (0.09, 0.48, 0),
        "ankle": (0.09, 0.08, 0),
        "shoulder": (0.18, 1.4, 0),
        "elbow": (0.46, 1.4, 0),
        "wrist": (0.7, 1.4, 0),
    }
    middle = {"pelvis": 0.9, "spine": 1.15, "thorax": 1.4, "spine1": 1.1}
    sided, (skull, *others) = NAMES[name][0].split(), NAMES[name][1].split()
    world = {"root": (0.0, 0.9, 0.0), "chest": (0.0, 1.4, 0.0), skull: (0.0, 1.55, 0.0)}
    above: dict[str, str] = {}
    for side, s in (("left", 1), ("right", -1)):
        forms = {"left": side, "Left": side.title(), "l": side[0]}
        limb = [word.format(**forms) for word in sided]
        for word, (x, y, z) in zip(limb, places.values(), strict=True):
            world[word] = (s * x, y, z)
        above |= {limb[1]: limb[0], limb[2]: limb[1], limb[3]: "chest"}
        above |= {limb[4]: limb[3], limb[5]: limb[4]}
    for other in others:
        world[other] = (0.0, middle.get(other, 0.9), 0.0)
        if other.endswith("_end"):
            world[other] = (head[0], 1.55 + head[1], head[2])
        elif other.endswith("Eye"):
            world[other] = (0.03 if other == "leftEye" else -0.03, 1.63, 0.08)
        if other.endswith(("_end", "Eye")):
            above[other] = skull
    names = tuple(world)
    parents = [-1, *(names.index(above.get(n, "root")) for n in names[1:])]
    # Parents come before their children, and every joint after its limb's beginning.
    order = sorted(range(len(names)), key=lambda i: _depth(parents, i))
    offsets = np.array([world[n] for n in names])
    offsets[1:] -= offsets[parents[1:]].copy()
    return Hierarchy(
        tuple(names[i] for i in order),
        tuple(-1 if parents[i] < 0 else order.index(parents[i]) for i in order),
        offsets[order],
    )


def _depth(parents: list[int], joint: int) -> int:
    return 0 if joint < 0 else 1 + _depth(parents, parents[joint])


def still(hierarchy: Hierarchy) -> Recording:
    rotations = np.tile(np.eye(3), (1, len(hierarchy), 1, 1))
    return Recording(hierarchy, rotations, {}, 60.0, Path("still"))


def test_the_body_holds_both_joint_lists() -> None:
    assert BODY21.joints[:17] == H36M17.joints
    assert set(COCO17.joints) <= set(BODY21.joints)
    assert BODY21.parents[J("left_ear")] == J("left_eye")
    assert BODY21.mirror[J("left_eye")] == J("right_eye")


@pytest.mark.parametrize("name", NAMES)
def test_every_skeleton_gives_an_upright_person_who_faces_forward(name: str) -> None:
    # The head of our own export leans back from the nose.
    leaning = {"head": (0, 0.1, -0.1)} if name == "mbcli" else {}
    body = body_positions(still(figure(name, **leaning)))
    assert body.dtype == np.float32
    assert body.shape == (1, 21, 3)
    place = dict(zip(BODY21.joints, body[0].astype(float), strict=True))
    np.testing.assert_allclose(place["pelvis"], [0, 0.9, 0], atol=1e-6)
    np.testing.assert_allclose(place["thorax"], [0, 1.4, 0], atol=1e-6)
    np.testing.assert_allclose(place["spine"], [0, 1.15, 0], atol=1e-6)
    # Sizes of an adult's head, which a pitch of a few degrees does not undo.
    ears = (place["left_ear"] + place["right_ear"]) / 2
    eyes = (place["left_eye"] + place["right_eye"]) / 2
    assert np.linalg.norm(place["left_ear"] - place["right_ear"]) == pytest.approx(0.145, rel=0.05)
    assert np.linalg.norm(place["left_eye"] - place["right_eye"]) == pytest.approx(0.063, rel=0.05)
    assert 0.09 < (place["nose"] - ears) @ FORWARD < 0.12
    assert 0.02 < (eyes - place["nose"]) @ UP < 0.05
    assert (place["nose"] - eyes) @ FORWARD > 0.01
    assert place["left_ear"] @ LEFT > 0.05 > -0.05 > place["right_ear"] @ LEFT
    assert place["head"][1] > eyes[1] > place["nose"][1] > place["thorax"][1] + 0.1


def test_all_that_is_known_is_tried() -> None:
    assert {*KNOWN} == {*NAMES} - {"mixamo"}
    for name, one in KNOWN.items():
        assert one.signature <= {*figure(name).names}


def test_the_face_turns_with_the_head() -> None:
    hierarchy = figure("acclaim")
    turned = still(hierarchy)
    rotations = np.array(turned.rotations)
    rotations[:, hierarchy.index("head")] = moving_axes_rotation("y", [[np.pi / 2]])
    body = body_positions(replace(turned, rotations=rotations))[0]
    ears = (body[J("left_ear")] + body[J("right_ear")]) / 2
    # Turned to its left, the face looks along +x, and the left ear is behind, at -z.
    assert (body[J("nose")] - ears) @ LEFT > 0.09
    assert body[J("left_ear")] @ FORWARD < -0.05
    np.testing.assert_allclose(body[J("left_wrist")], [0.7, 1.4, 0], atol=1e-6)


def test_shoulders_that_are_too_narrow_are_moved_out() -> None:
    body = body_positions(still(figure("daz")))[0]
    np.testing.assert_allclose(body[J("left_shoulder")], [1.6 * 0.18, 1.4, 0], atol=1e-6)
    np.testing.assert_allclose(body[J("right_shoulder")], [-1.6 * 0.18, 1.4, 0], atol=1e-6)


def test_the_head_scales_with_the_person() -> None:
    adult = figure("acclaim")
    child = replace(adult, offsets=adult.offsets * 0.85)
    breadths = [
        np.linalg.norm(body[0, J("left_ear")] - body[0, J("right_ear")])
        for body in (body_positions(still(adult)), body_positions(still(child)))
    ]
    assert breadths[1] == pytest.approx(0.85 * breadths[0], rel=1e-4)


def test_a_lost_thorax_bone_is_restored(write_bvh: Callable[..., Path]) -> None:
    path = write_bvh("a.bvh", 1, {})
    hierarchy = read_bvh(path, scale=0.01).hierarchy
    for name in ("Neck", "LeftShoulder", "RightShoulder"):
        assert not hierarchy.offsets[hierarchy.index(name)].any()
        np.testing.assert_allclose(mended(hierarchy).offsets[hierarchy.index(name)], [0, 0.12, 0])
    joints = dict(figure_of(read_bvh(path)).joints)
    assert 0.01 * height_of(joints) == pytest.approx((0.83 + 0.51 + 0.12) / 0.88, abs=0.02)
