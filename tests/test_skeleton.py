from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from mbcli.skeleton import (
    BODY21,
    BODY23,
    COCO17,
    H36M17,
    SKELETONS,
    SMPL24,
    Skeleton,
    check_body,
    skeleton_of,
)

EVERY = {**SKELETONS, BODY21.name: BODY21, SMPL24.name: SMPL24}


def test_joint_order_is_the_one_of_pose_npz():
    assert H36M17.joints == (
        "pelvis", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
        "spine", "thorax", "nose", "head", "left_shoulder", "left_elbow", "left_wrist",
        "right_shoulder", "right_elbow", "right_wrist",
    )  # fmt: skip


@pytest.mark.parametrize("skeleton", EVERY.values(), ids=EVERY)
def test_every_skeleton_is_a_tree_with_two_sides(skeleton):
    assert sum(parent < 0 for parent in skeleton.parents) == 1
    for joint in range(len(skeleton)):
        for _ in range(len(skeleton)):
            joint = skeleton.parents[joint] if joint >= 0 else -1
        assert joint == -1, "every joint hangs on the root"
    assert len(skeleton.bones) == len(skeleton) - 1
    mirror = np.array(skeleton.mirror)
    assert np.array_equal(mirror[mirror], np.arange(len(skeleton)))
    for joint, other in zip(skeleton.joints, mirror, strict=True):
        sided = joint.startswith(("left_", "right_"))
        assert (skeleton.joints[other] != joint) == sided
    mirrored_bones = {(mirror[a], mirror[b]) for a, b in skeleton.bones}
    assert mirrored_bones == set(skeleton.bones)


@pytest.mark.parametrize("skeleton", EVERY.values(), ids=EVERY)
def test_limbs_hang_on_their_own_joints(skeleton):
    parents = {
        joint: skeleton.joints[parent] if parent >= 0 else None
        for joint, parent in zip(skeleton.joints, skeleton.parents, strict=True)
    }
    for side in ("left", "right"):
        for upper, lower in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow")):
            assert parents[f"{side}_{lower}"] == f"{side}_{upper}"
        assert parents[f"{side}_wrist"] == f"{side}_elbow"
        assert parents.get(f"{side}_hand", f"{side}_wrist") == f"{side}_wrist"


def test_trunks_and_heads_hang_together():
    def bones(skeleton):
        return {(skeleton.joints[a], skeleton.joints[b]) for a, b in skeleton.bones}

    middle = {("pelvis", "spine"), ("spine", "thorax"), ("thorax", "nose"), ("nose", "head")}
    girdles = {("pelvis", "left_hip"), ("thorax", "left_shoulder")}
    assert middle | girdles <= bones(H36M17) <= bones(BODY21)
    assert {("nose", "left_eye"), ("left_eye", "left_ear")} <= bones(BODY21)
    coco = bones(SKELETONS["coco17"])
    assert {("nose", "left_eye"), ("left_eye", "left_ear"), ("nose", "left_shoulder")} <= coco
    assert ("left_shoulder", "left_hip") in coco
    spine = ["pelvis", "spine1", "spine2", "spine3", "neck", "head"]
    assert set(pairwise(spine)) <= bones(SMPL24)
    assert {
        ("pelvis", "left_hip"),
        ("left_ankle", "left_foot"),
        ("spine3", "left_collar"),
        ("left_collar", "left_shoulder"),
    } <= bones(SMPL24)


def test_body23_is_h36m17_and_its_feet():
    assert BODY23.joints[:17] == H36M17.joints
    assert BODY23.parents[:17] == H36M17.parents
    assert BODY23.joints[17:] == (
        "left_big_toe", "left_small_toe", "left_heel",
        "right_big_toe", "right_small_toe", "right_heel",
    )  # fmt: skip
    at = BODY23.index
    assert BODY23.parents[17:] == (*[at("left_ankle")] * 3, *[at("right_ankle")] * 3)
    assert BODY23.below("left_ankle") == (17, 18, 19)
    assert BODY23.below("right_knee") == (at("right_ankle"), 20, 21, 22)
    assert H36M17.below("left_ankle") == ()
    assert BODY23.root == 0


def test_bones_go_outwards_whatever_the_order_of_the_joints():
    skeleton = Skeleton("backwards", ("toe", "ankle", "knee", "hip", "head"), (1, 2, 3, -1, 3))
    assert skeleton.root == 3
    assert skeleton.bones == ((3, 2), (3, 4), (2, 1), (1, 0))
    assert H36M17.bones == tuple((p, c) for c, p in enumerate(H36M17.parents) if p >= 0)


def test_skeleton_from_a_file():
    assert skeleton_of("body23", list(BODY23.joints), list(BODY23.parents)) == BODY23
    mine = skeleton_of("mine", ["a", "b"], [-1, 0])
    assert (mine.name, mine.bones) == ("mine", ((0, 1),))
    with pytest.raises(ValueError, match="joints are not those of body23"):
        skeleton_of("body23", H36M17.joints, H36M17.parents)


def test_bodies_have_what_is_looked_for():
    assert check_body(BODY23) is BODY23
    with pytest.raises(ValueError, match="got coco17 without pelvis, spine, thorax, head"):
        check_body(COCO17)
    with pytest.raises(ValueError, match="skeleton coco17 has no joint pelvis, only nose"):
        COCO17.index("pelvis")


def test_bad_skeletons_are_refused():
    with pytest.raises(ValueError, match="be connected to a root, got b, c"):
        Skeleton("bad", ("a", "b", "c"), (-1, 2, 1))
    with pytest.raises(ValueError, match="one parent per joint"):
        Skeleton("bad", ("a", "b"), (-1,))
    with pytest.raises(ValueError, match="unique"):
        Skeleton("bad", ("a", "a"), (-1, 0))


def test_a_skeleton_cannot_be_changed():
    with pytest.raises(AttributeError):
        H36M17.name = "other"  # type: ignore[misc]
