from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mbcli.skeleton import COCO17, H36M17, SKELETONS, Skeleton, conversion_table, convert

FIXTURES = Path(__file__).parent / "fixtures"


def test_joint_order_is_the_one_of_pose_npz():
    assert H36M17.joints == (
        "pelvis", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
        "spine", "thorax", "nose", "head", "left_shoulder", "left_elbow", "left_wrist",
        "right_shoulder", "right_elbow", "right_wrist",
    )  # fmt: skip


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=SKELETONS)
def test_every_skeleton_is_a_tree_with_two_sides(skeleton):
    assert sum(parent < 0 for parent in skeleton.parents) == 1
    assert all(parent < child for child, parent in enumerate(skeleton.parents))
    assert len(skeleton.bones) == len(skeleton) - 1
    mirror = np.array(skeleton.mirror)
    assert np.array_equal(mirror[mirror], np.arange(len(skeleton)))
    for joint, other in zip(skeleton.joints, mirror, strict=True):
        sided = joint.startswith(("left_", "right_"))
        assert (skeleton.joints[other] != joint) == sided
    mirrored_bones = {(mirror[a], mirror[b]) for a, b in skeleton.bones}
    if skeleton is H36M17:
        assert mirrored_bones == set(skeleton.bones)


def test_coco_conversion_is_the_published_one_in_place():
    with np.load(FIXTURES / "geometry.npz") as file:
        source, want = file["coco17"], file["coco17_as_h36m"]
    got = convert(source, COCO17, H36M17)
    assert got.shape == (6, 17, 3)
    assert np.allclose(got[..., :2], want[..., :2])
    measured = [j for j, name in enumerate(H36M17.joints) if name in COCO17.joints]
    assert len(measured) == 13
    assert np.allclose(got[:, measured], want[:, measured])


def test_derived_joints_are_no_better_known_than_their_sources():
    source = np.random.default_rng(0).uniform(0.1, 1, (17, 3))
    got = convert(source, COCO17, H36M17)
    hips = source[[COCO17.index("left_hip"), COCO17.index("right_hip")]]
    assert np.allclose(got[0], [*hips[:, :2].mean(0), hips[:, 2].min()])


def test_missing_sources_make_missing_joints():
    source = np.ones((17, 3), dtype=np.float32)
    source[COCO17.index("left_hip")] = np.nan, np.nan, 0
    got = convert(source, COCO17, H36M17)
    assert got.dtype == np.float32
    gone = [H36M17.index(name) for name in ("pelvis", "left_hip", "spine")]
    assert np.isnan(got[gone, :2]).all()
    assert not got[gone, 2].any()
    assert np.isfinite(np.delete(got, gone, axis=0)).all()


def test_conversion_to_itself_changes_nothing():
    source = np.random.default_rng(0).normal(size=(2, 17, 3))
    assert np.array_equal(convert(source, H36M17, H36M17), source)


def test_unknown_conversion_and_wrong_shapes_are_named():
    with pytest.raises(ValueError, match="no conversion from h36m17 to coco17"):
        conversion_table(H36M17, COCO17)
    with pytest.raises(ValueError, match=r"\(\.\.\., 17, 3\) for coco17, got \(26, 3\)"):
        convert(np.zeros((26, 3)), COCO17, H36M17)


def test_bad_skeletons_are_refused():
    with pytest.raises(ValueError, match="one parent per joint"):
        Skeleton("bad", ("a", "b"), (-1,))
    with pytest.raises(ValueError, match="unique"):
        Skeleton("bad", ("a", "a"), (-1, 0))
