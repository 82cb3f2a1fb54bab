from __future__ import annotations

import numpy as np
import pytest

from mbcli.skeleton import BODY23, COCO17, H36M17, SKELETONS, Skeleton, check_body, skeleton_of


def test_joint_order_is_the_one_of_pose_npz():
    assert H36M17.joints == (
        "pelvis", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
        "spine", "thorax", "nose", "head", "left_shoulder", "left_elbow", "left_wrist",
        "right_shoulder", "right_elbow", "right_wrist",
    )  # fmt: skip


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=SKELETONS)
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
    if skeleton is H36M17:
        assert mirrored_bones == set(skeleton.bones)


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
    with pytest.raises(ValueError, match="hang on a root, got b, c adrift"):
        Skeleton("bad", ("a", "b", "c"), (-1, 2, 1))
    with pytest.raises(ValueError, match="one parent per joint"):
        Skeleton("bad", ("a", "b"), (-1,))
    with pytest.raises(ValueError, match="unique"):
        Skeleton("bad", ("a", "a"), (-1, 0))
