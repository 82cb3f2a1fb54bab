from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mbcli.conversion import convert, underivable
from mbcli.errors import ConfigError, InputError
from mbcli.keypoints.joint_names import (
    OUR_JOINTS,
    check_joint_map,
    match_joints,
    read_joint_map,
    recognised,
    skeleton_of,
)
from mbcli.skeleton import H36M17, SKELETONS


@pytest.mark.parametrize(
    ("joint", "names"),
    [
        ("left_hip", "left_hip LHip hip_l HipLeft Left-Hip LEFT_HIP lefthip hip.left L.Hip lhip"),
        ("right_ankle", "R_ankle RAnkle ankle_R AnkleRight rightAnkle RIGHTANKLE r-ankle"),
        ("left_knee", "LeftKnee kneeL knee_left l_knee"),
        ("right_ear", "REar ear_r right_ear EarRight"),
        ("left_ear", "LEar earL"),
        ("left_eye_inner", "left_eye_inner LeftEyeInner left_inner_eye"),
        ("left_mouth", "mouth_left MOUTH_LEFT left_mouth"),
        ("right_big_toe", "RBigToe right_big_toe big_toe_r"),
        ("left_foot_index", "LEFT_FOOT_INDEX left_foot_index"),
        ("pelvis", "Pelvis mid_hip MidHip hip_center hips"),
        ("thorax", "Thorax mid_shoulder shoulder_center"),
        ("head_top", "head_top HeadTop top_of_head vertex"),
        ("neck", "Neck NECK"),
        ("nose", "nose Nose"),
    ],
)
def test_names_that_are_recognised(joint: str, names: str) -> None:
    assert {name: recognised(name) for name in names.split()} == dict.fromkeys(names.split(), joint)
    assert recognised("Left Hip") == "left_hip"


@pytest.mark.parametrize(
    "name",
    ["rear", "Rear", "kneel", "hip", "hip1", "tail", "l", "left", "", "foot_l", "LHand", "lleg"],
)
def test_names_that_are_left_to_the_map(name: str) -> None:
    assert recognised(name) is None


def test_our_own_names_are_themselves() -> None:
    assert {joint: recognised(joint) for joint in OUR_JOINTS} == {j: j for j in OUR_JOINTS}


BODY = [
    f"{part}{side}"
    for part in ("Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Ankle")
    for side in "LR"
]


def test_matched_in_the_order_of_the_file() -> None:
    matched, warnings = match_joints([*BODY, "TailBase"], None, "a.csv")
    assert list(matched)[:3] == ["ShoulderL", "ShoulderR", "ElbowL"]
    assert matched["AnkleR"] == "right_ankle"
    assert "TailBase" not in matched
    assert len(warnings) == 1
    assert "TailBase" in warnings[0]


def test_what_h36m_needs() -> None:
    with pytest.raises(InputError) as caught:
        match_joints(["tail", "snout", "LHip", "RHip"], None, "a.csv")
    said = str(caught.value)
    assert "must have the shoulders, a neck or a thorax, got the joints tail, snout, LHip" in said
    assert "tail, snout could not be matched: --joint-map maps them" in said
    assert "\n" not in said
    with pytest.raises(InputError, match="must have the hips or a pelvis, got"):
        match_joints(["Neck", "LHip"], None, "a.csv")
    assert match_joints(["pelvis", "neck"], None, "a.csv") == (
        {"pelvis": "pelvis", "neck": "neck"},
        (),
    )


def test_two_names_for_one_joint() -> None:
    with pytest.raises(InputError, match=r"a\.csv has LHip and left_hip for one joint"):
        match_joints(["LHip", "left_hip", "RHip", "Neck"], None, "a.csv")


def test_a_map_decides_alone() -> None:
    joint_map = {"a": "pelvis", "b": "neck", "c": "nose"}
    matched, warnings = match_joints(["b", "a", "left_hip"], joint_map, "a.csv")
    assert matched == {"b": "neck", "a": "pelvis"}
    assert [w for w in warnings if "left_hip" in w]
    assert [w for w in warnings if "not there: c" in w]


def test_skeleton_is_a_tree_of_both_sides() -> None:
    matched, _ = match_joints(BODY, None, "a.csv")
    skeleton = skeleton_of(matched.values(), "deeplabcut")
    assert skeleton.name == "deeplabcut"
    assert skeleton.joints == tuple(matched.values())
    assert skeleton.parents[skeleton.index("left_wrist")] == skeleton.index("left_elbow")
    assert skeleton.parents[skeleton.index("left_ankle")] == skeleton.index("left_knee")
    assert underivable(skeleton, H36M17) == ("nose", "head")


@pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=SKELETONS)
def test_any_joints_make_a_skeleton(skeleton: object) -> None:
    joints = skeleton.joints  # type: ignore[attr-defined]
    for chosen in (joints, joints[::2], joints[:3], joints[-1:]):
        made = skeleton_of(chosen, "sleap")
        assert made.joints[: len(chosen)] == tuple(chosen)
        assert made.parents.count(-1) == 1
        for joint in range(len(made)):
            assert sorted(made.mirror) == list(range(len(made)))
            steps = 0
            while made.parents[joint] >= 0:  # every joint hangs on the one root
                joint = made.parents[joint]
                steps += 1
                assert steps <= len(made)


def test_what_is_added_for_the_mirror_hides_nothing() -> None:
    skeleton = skeleton_of(["pelvis", "neck", "left_hip", "left_shoulder"], "sleap")
    assert skeleton.joints[4:] == ("right_hip", "right_shoulder")
    points = np.full((6, 3), 1.0)
    points[4:] = np.nan, np.nan, 0
    got = convert(points, skeleton, H36M17, partial=True)
    there = {joint for joint, row in zip(H36M17.joints, got, strict=True) if row[2] > 0}
    assert there == {"pelvis", "spine", "thorax", "left_hip", "left_shoulder"}


def test_joint_map_file(tmp_path: Path) -> None:
    path = tmp_path / "map.json"
    path.write_text(json.dumps({"hüfte_l": "left_hip", "x": "neck"}), encoding="utf-8")
    assert read_joint_map(path) == {"hüfte_l": "left_hip", "x": "neck"}
    assert read_joint_map(str(path)) == read_joint_map(path)


@pytest.mark.parametrize("content", ["[]", "{}", '{"a": 3}', '"left_hip"', '{"a": ["neck"]}'])
def test_joint_map_of_another_kind(tmp_path: Path, content: str) -> None:
    path = tmp_path / "map.json"
    path.write_text(content)
    with pytest.raises(ConfigError, match=r"map\.json must be a JSON object of joint names"):
        read_joint_map(path)


def test_joint_map_of_no_joints(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        check_joint_map({"a": "LeftHip"}, "map.json")
    said = str(caught.value)
    assert "got 'a' -> 'LeftHip' (did you mean left_hip?): choose from nose, left_eye" in said
    assert "\n" not in said
    with pytest.raises(ConfigError, match="each joint once, got 'a' and 'b' -> 'neck'"):
        check_joint_map({"a": "neck", "b": "neck"}, "map.json")
    with pytest.raises(ConfigError, match="the joint map given must lead"):
        match_joints(BODY, {"a": "nowhere"}, "a.csv")


def test_joint_map_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_joint_map(tmp_path / "map.json")
    (tmp_path / "map.json").write_text('{"a": "ne')
    with pytest.raises(InputError, match=r"map\.json is no whole JSON file"):
        read_joint_map(tmp_path / "map.json")


@pytest.mark.parametrize("name", ["Hip", "CHip", "root"])
def test_a_hip_between_the_hips_is_the_pelvis(name: str) -> None:
    names = ["LHip", name, "RHip", "Neck"]
    found, warnings = match_joints(names, None, "a.csv")
    assert found == {"LHip": "left_hip", name: "pelvis", "RHip": "right_hip", "Neck": "neck"}
    assert list(found) == names
    assert not warnings
    assert name not in match_joints([name, "LHip", "Neck", "Pelvis"], None, "a.csv")[0]
