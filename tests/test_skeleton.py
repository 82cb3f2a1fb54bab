from __future__ import annotations

import numpy as np
import pytest

from mbcli.skeleton import H36M17, SKELETONS, Skeleton


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


def test_bad_skeletons_are_refused():
    with pytest.raises(ValueError, match="one parent per joint"):
        Skeleton("bad", ("a", "b"), (-1,))
    with pytest.raises(ValueError, match="unique"):
        Skeleton("bad", ("a", "a"), (-1, 0))
