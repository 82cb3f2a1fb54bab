from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mbcli.conversion import convert, underivable
from mbcli.skeleton import COCO17, H36M17, HALPE26, POSETRACK17, SKELETONS

FIXTURES = Path(__file__).parent / "fixtures"
PUBLISHED = ("coco17", "halpe26", "posetrack17")


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_rule_gives_the_published_figures(name):
    with np.load(FIXTURES / "geometry.npz") as file:
        source, want = file[name], file[f"{name}_as_h36m"]
    got = convert(source, SKELETONS[name], H36M17, confidence="published")
    assert got.shape == (6, 17, 3)
    np.testing.assert_allclose(got, want, atol=1e-9)


@pytest.mark.parametrize("name", PUBLISHED)
def test_our_rule_differs_in_the_confidence_of_derived_joints_only(name):
    with np.load(FIXTURES / "geometry.npz") as file:
        source, want = file[name], file[f"{name}_as_h36m"]
    got = convert(source, SKELETONS[name], H36M17)
    np.testing.assert_allclose(got[..., :2], want[..., :2], atol=1e-9)
    other = {H36M17.joints[j] for j in range(17) if not np.allclose(got[:, j, 2], want[:, j, 2])}
    derived = {
        "coco17": {"pelvis", "spine", "thorax", "head"},
        "halpe26": {"spine"},
        "posetrack17": set(),
    }
    assert other == derived[name]
    assert (got[..., 2] <= want[..., 2] + 1e-9).all()


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=SKELETONS)
def test_every_skeleton_reaches_the_one_that_is_lifted(skeleton):
    """A body drawn with the joints of the list stays upright, with its sides where they were."""
    place = {"left": 60.0, "right": 40.0}
    heights = {"head": 0, "ear": 10, "eye": 8, "nose": 12, "mouth": 14, "shoulder": 25}
    heights |= {"neck": 22, "elbow": 40, "wrist": 55, "hip": 55, "knee": 75, "ankle": 95}
    heights |= {"thorax": 25, "pelvis": 55, "spine": 40, "bottom": 22, "top": 0}
    points = np.full((len(skeleton), 3), 0.9)
    for joint, name in enumerate(skeleton.joints):
        points[joint, 0] = place.get(name.partition("_")[0], 50.0)
        known = [height for part, height in heights.items() if name.endswith(part)]
        points[joint, 1] = known[-1] if known else 98.0
    got = convert(points, skeleton, H36M17)
    assert np.isfinite(got).all()
    for joint, name in enumerate(H36M17.joints):
        assert got[joint, 0] == pytest.approx(place.get(name.partition("_")[0], 50.0)), name
    down = [H36M17.index(name) for name in ("head", "nose", "thorax", "spine", "pelvis")]
    down += [H36M17.index("left_knee"), H36M17.index("left_ankle")]
    assert (np.diff(got[down, 1]) > 0).all()


def test_derived_joints_are_no_better_known_than_their_sources():
    source = np.random.default_rng(0).uniform(0.1, 1, (17, 3))
    got = convert(source, COCO17, H36M17)
    hips = source[[COCO17.index("left_hip"), COCO17.index("right_hip")]]
    assert np.allclose(got[0], [*hips[:, :2].mean(0), hips[:, 2].min()])


def test_a_derived_joint_prefers_what_was_measured():
    source = np.random.default_rng(0).uniform(0.1, 1, (26, 3))
    got = convert(source, HALPE26, H36M17)
    assert np.array_equal(got[H36M17.index("pelvis")], source[HALPE26.index("pelvis")])
    assert np.array_equal(got[H36M17.index("thorax")], source[HALPE26.index("neck")])
    posetrack = np.random.default_rng(1).uniform(0.1, 1, (17, 3))
    thorax = convert(posetrack, POSETRACK17, H36M17)[H36M17.index("thorax")]
    assert np.array_equal(thorax, posetrack[POSETRACK17.index("head_bottom")])


@pytest.mark.parametrize("rule", ["minimum", "published"])
def test_missing_sources_make_missing_joints(rule):
    source = np.ones((17, 3), dtype=np.float32)
    source[COCO17.index("left_hip")] = np.nan, np.nan, 0
    got = convert(source, COCO17, H36M17, confidence=rule)
    assert got.dtype == np.float32
    gone = [H36M17.index(name) for name in ("pelvis", "left_hip", "spine")]
    assert np.isnan(got[gone, :2]).all()
    assert not got[gone, 2].any()
    assert np.isfinite(np.delete(got, gone, axis=0)).all()
    source[:] = 1.0
    source[COCO17.index("left_knee"), 1] = np.nan  # half a place is none
    assert np.array_equal(
        convert(source, COCO17, H36M17, confidence=rule)[H36M17.index("left_knee")],
        [np.nan, np.nan, 0],
        equal_nan=True,
    )


def test_conversion_to_itself_changes_nothing():
    source = np.random.default_rng(0).normal(size=(2, 17, 3))
    assert np.array_equal(convert(source, H36M17, H36M17), source)


def test_what_cannot_be_derived_is_named_or_left_missing():
    assert underivable(H36M17, COCO17) == ("left_eye", "right_eye", "left_ear", "right_ear")
    source = np.random.default_rng(0).uniform(size=(17, 3))
    with pytest.raises(ValueError, match="h36m17 cannot be converted to coco17: it gives no left_"):
        convert(source, H36M17, COCO17)
    partial = convert(source, H36M17, COCO17, partial=True)
    assert np.isnan(partial[1:5, :2]).all()
    assert not partial[1:5, 2].any()
    assert np.isfinite(np.delete(partial, [1, 2, 3, 4], axis=0)).all()


def test_wrong_shapes_are_named():
    with pytest.raises(ValueError, match=r"\(\.\.\., 17, 3\) for coco17, got \(26, 3\)"):
        convert(np.zeros((26, 3)), COCO17, H36M17)
