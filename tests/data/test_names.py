"""Skeletons by the names of many programs, by their shape alone, and by the user's word."""

from __future__ import annotations

import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from walkers import LIMBS, bvh_of, rebound, renamed, walker

from mbcli.data.recordings.body import figure_of
from mbcli.data.recordings.bvh import read_bvh
from mbcli.data.recordings.importing import import_folder
from mbcli.data.recordings.known import mended
from mbcli.data.recordings.names import NEEDED, Tree, match_names
from mbcli.data.stores.check import check_store
from mbcli.data.stores.quality import trunk_axes
from mbcli.data.stores.store import ClipStore
from mbcli.errors import DataError
from mbcli.skeleton import BODY21

J = BODY21.index

# The hips, spine, chest, neck and head; collar, upper arm, forearm and hand; thigh, shin, foot and
# toe of one side, as each program writes them. {Left} {left} {L} {l} stand for the side.
STYLES = {
    "mixamo": "mixamorig:Hips mixamorig:Spine mixamorig:Spine2 mixamorig:Neck mixamorig:Head "
    "mixamorig:{Left}Shoulder mixamorig:{Left}Arm mixamorig:{Left}ForeArm mixamorig:{Left}Hand "
    "mixamorig:{Left}UpLeg mixamorig:{Left}Leg mixamorig:{Left}Foot mixamorig:{Left}ToeBase",
    "mixamo-underscore": "mixamorig1_Hips mixamorig1_Spine mixamorig1_Spine2 mixamorig1_Neck "
    "mixamorig1_Head mixamorig1_{Left}Shoulder mixamorig1_{Left}Arm mixamorig1_{Left}ForeArm "
    "mixamorig1_{Left}Hand mixamorig1_{Left}UpLeg mixamorig1_{Left}Leg mixamorig1_{Left}Foot "
    "mixamorig1_{Left}ToeBase",
    "blender": "Armature|hips Armature|spine Armature|chest Armature|neck Armature|head "
    "Armature|shoulder.{L} Armature|upper_arm.{L} Armature|forearm.{L} Armature|hand.{L} "
    "Armature|thigh.{L} Armature|shin.{L} Armature|foot.{L} Armature|toe.{L}",
    "rigify": "DEF-spine DEF-spine.001 DEF-spine.003 DEF-spine.004 DEF-spine.006 "
    "DEF-shoulder.{L} DEF-upper_arm.{L} DEF-forearm.{L} DEF-hand.{L} "
    "DEF-thigh.{L} DEF-shin.{L} DEF-foot.{L} DEF-toe.{L}",
    "reallusion": "CC_Base_Hip CC_Base_Waist CC_Base_Spine02 CC_Base_NeckTwist01 CC_Base_Head "
    "CC_Base_{L}_Clavicle CC_Base_{L}_Upperarm CC_Base_{L}_Forearm CC_Base_{L}_Hand "
    "CC_Base_{L}_Thigh CC_Base_{L}_Calf CC_Base_{L}_Foot CC_Base_{L}_ToeBase",
    "unreal": "pelvis spine_01 spine_03 neck_01 head clavicle_{l} upperarm_{l} lowerarm_{l} "
    "hand_{l} thigh_{l} calf_{l} foot_{l} ball_{l}",
    "rokoko": "Hips Spine1 Spine3 Neck Head {Left}Shoulder {Left}Arm {Left}ForeArm {Left}Hand "
    "{Left}Thigh {Left}Shin {Left}Foot {Left}Toe",
    "lafan1": "Hips Spine Spine2 Neck Head {Left}Shoulder {Left}Arm {Left}ForeArm {Left}Hand "
    "{Left}UpLeg {Left}Leg {Left}Foot {Left}Toe",
    "makehuman": "root spine05 spine01 neck01 head shoulder01.{L} upperarm01.{L} lowerarm01.{L} "
    "wrist.{L} upperleg01.{L} lowerleg01.{L} foot.{L} toe1-1.{L}",
    "bandai-namco": "Hips Spine Chest Neck Head Shoulder_{L} UpperArm_{L} LowerArm_{L} Hand_{L} "
    "UpperLeg_{L} LowerLeg_{L} Foot_{L} Toes_{L}",
    "xsens": "Hips Chest Chest4 Neck Head {Left}Collar {Left}Shoulder {Left}Elbow {Left}Wrist "
    "{Left}Hip {Left}Knee {Left}Ankle {Left}Toe",
    "xsens-segments": "Pelvis L5 T8 Neck Head {Left}_Shoulder {Left}_UpperArm {Left}_Forearm "
    "{Left}_Hand {Left}_UpperLeg {Left}_LowerLeg {Left}_Foot {Left}_Toe",
    "perception-neuron": "Robot_Hips Robot_Spine Robot_Spine3 Robot_Neck Robot_Head "
    "Robot_{Left}Shoulder Robot_{Left}Arm Robot_{Left}ForeArm Robot_{Left}Hand "
    "Robot_{Left}UpLeg Robot_{Left}Leg Robot_{Left}Foot Robot_{Left}Foot_toe",
    "smpl": "Pelvis Spine1 Spine3 Neck Head {L}_Collar {L}_Shoulder {L}_Elbow {L}_Wrist "
    "{L}_Hip {L}_Knee {L}_Ankle {L}_Foot",
    "smpl-fbx": "m_avg_Pelvis m_avg_Spine1 m_avg_Spine3 m_avg_Neck m_avg_Head m_avg_{L}_Collar "
    "m_avg_{L}_Shoulder m_avg_{L}_Elbow m_avg_{L}_Wrist m_avg_{L}_Hip m_avg_{L}_Knee "
    "m_avg_{L}_Ankle m_avg_{L}_Foot",
    "biped": "Bip01 Bip01_Spine Bip01_Spine2 Bip01_Neck Bip01_Head Bip01_{L}_Clavicle "
    "Bip01_{L}_UpperArm Bip01_{L}_Forearm Bip01_{L}_Hand Bip01_{L}_Thigh Bip01_{L}_Calf "
    "Bip01_{L}_Foot Bip01_{L}_Toe0",
    "optitrack": "Hip Ab Chest Neck Head {L}Shoulder {L}UArm {L}FArm {L}Hand "
    "{L}Thigh {L}Shin {L}Foot {L}Toe",
    "daz": "hip abdomen chest neck head {l}Collar {l}Shldr {l}ForeArm {l}Hand "
    "{l}Thigh {l}Shin {l}Foot {l}Toe",
    "deepmotion": "hips_JNT spine_JNT spine2_JNT neck_JNT head_JNT {l}_shoulder_JNT {l}_arm_JNT "
    "{l}_forearm_JNT {l}_hand_JNT {l}_upleg_JNT {l}_leg_JNT {l}_foot_JNT {l}_toebase_JNT",
    "vroid": "J_Bip_C_Hips J_Bip_C_Spine J_Bip_C_Chest J_Bip_C_Neck J_Bip_C_Head "
    "J_Bip_{L}_Shoulder J_Bip_{L}_UpperArm J_Bip_{L}_LowerArm J_Bip_{L}_Hand "
    "J_Bip_{L}_UpperLeg J_Bip_{L}_LowerLeg J_Bip_{L}_Foot J_Bip_{L}_ToeBase",
    "kinect": "SPINE_BASE SPINE_NAVAL SPINE_CHEST NECK HEAD CLAVICLE_{LEFT} SHOULDER_{LEFT} "
    "ELBOW_{LEFT} WRIST_{LEFT} HIP_{LEFT} KNEE_{LEFT} ANKLE_{LEFT} FOOT_{LEFT}",
    "acclaim": "root lowerback thorax lowerneck head {l}clavicle {l}humerus {l}radius {l}wrist "
    "{l}femur {l}tibia {l}foot {l}toes",
    "namespaces": "Anna:Rig:Hips Anna:Rig:Spine Anna:Rig:Spine2 Anna:Rig:Neck Anna:Rig:Head "
    "Anna:Rig:{Left}Shoulder Anna:Rig:{Left}Arm Anna:Rig:{Left}ForeArm Anna:Rig:{Left}Hand "
    "Anna:Rig:{Left}UpLeg Anna:Rig:{Left}Leg Anna:Rig:{Left}Foot Anna:Rig:{Left}ToeBase",
}
_CENTRE = ("hips", "spine", "chest", "neck", "head")
_SIDED = ("clavicle", "shoulder", "elbow", "wrist", "hip", "knee", "ankle", "toe")


def names_of(style: str) -> dict[str, str]:
    """The joints of `walker` to the names of a style."""
    words = style.split()
    found = dict(zip(_CENTRE, words, strict=False))
    for side in ("left", "right"):
        forms = {"Left": side.title(), "left": side, "LEFT": side.upper()}
        forms |= {"L": side[0].upper(), "l": side[0]}
        for joint, word in zip(_SIDED, words[len(_CENTRE) :], strict=True):
            found[f"{side}_{joint}"] = word.format(**forms)
    return found


@pytest.mark.parametrize("style", STYLES)
def test_a_skeleton_is_known_by_its_names(style: str, tmp_path: Path) -> None:
    person = walker(frames=40)
    names = names_of(STYLES[style])
    path = tmp_path / "walk.bvh"
    path.write_text(bvh_of(renamed(person, names)))
    figure = figure_of(read_bvh(path))
    positions, _ = person.forward()
    for ours in (*LIMBS, "skull"):
        joint = person.hierarchy.index("head" if ours == "skull" else ours)
        np.testing.assert_allclose(figure.joints[ours], positions[:, joint], atol=1e-5)
    # Only the names of Rigify's spine say nothing of a head.
    assert ("head is DEF-spine.006" in figure.note) == (style == "rigify")


def test_helper_joints_are_left_aside() -> None:
    names = ["pelvis", "thigh_l", "thigh_twist_01_l", "calf_l", "calf_twist_01_l", "foot_l"]
    names += ["thigh_r", "calf_r", "foot_r", "spine_01", "head"]
    names += ["upperarm_l", "lowerarm_l", "hand_l", "upperarm_r", "lowerarm_r", "hand_r"]
    above = [-1, 0, 1, 1, 3, 3, 0, 6, 7, 0, 9, 9, 11, 12, 9, 14, 15]
    helpers = ["ik_foot_root", "ik_foot_l", "ik_foot_r", "ik_hand_l", "foot_l_ik", "hand_l.001"]
    found = match_names([*names, *helpers], Tree((*above, -1, 17, 17, 17, 17, 13)))
    assert {ours: found[ours] for ours in NEEDED} == {
        "left_hip": 1,
        "left_knee": 3,
        "left_ankle": 5,
        "left_shoulder": 11,
        "left_elbow": 12,
        "left_wrist": 13,
        "right_hip": 6,
        "right_knee": 7,
        "right_ankle": 8,
        "right_shoulder": 14,
        "right_elbow": 15,
        "right_wrist": 16,
        "head": 10,
    }


@pytest.mark.parametrize("along", [None, (1.0, 0, 0)])
def test_names_that_say_nothing_are_no_obstacle(along: tuple[float, ...] | None) -> None:
    person = walker()
    tree = person.hierarchy
    numbered = renamed(person, {name: f"bone{i}" for i, name in enumerate(tree.names)})
    if along is not None:
        numbered = rebound(numbered, np.array(along))
    figure = figure_of(numbered)
    positions, _ = person.forward()
    for ours in (*LIMBS, "skull"):
        joint = tree.index("head" if ours == "skull" else ours)
        np.testing.assert_allclose(figure.joints[ours], positions[:, joint], atol=1e-9)
    assert "found by the tree of bones, not by name: left_hip is bone" in figure.note


def test_twist_bones_divide_no_limb() -> None:
    person = walker()
    tree = person.hierarchy
    names, parents, offsets = list(tree.names), list(tree.parents), list(tree.offsets)
    rotations = [person.rotations[:, i] for i in range(len(tree))]
    for name in ("left_knee", "right_knee", "left_elbow", "right_elbow"):
        at = names.index(name)
        names.insert(at, f"{name}_twist")
        parents = [p + (p >= at) for p in parents]
        parents.insert(at, parents[at])
        parents[at + 1] = at
        offsets[at] = offsets[at] / 2
        offsets.insert(at, offsets[at])
        rotations.insert(at, np.tile(np.eye(3), (len(person), 1, 1)))
    divided = replace(
        person,
        hierarchy=type(tree)(
            tuple(f"b{i}" for i in range(len(names))), tuple(parents), np.array(offsets)
        ),
        rotations=np.stack(rotations, axis=1),
    )
    figure = figure_of(divided)
    positions, _ = person.forward()
    for ours in LIMBS:
        np.testing.assert_allclose(
            figure.joints[ours], positions[:, tree.index(ours)], atol=1e-9, err_msg=ours
        )


def test_one_odd_name_is_found_by_the_tree() -> None:
    figure = figure_of(renamed(walker(), {"left_elbow": "tentacle"}))
    assert "not by name: left_elbow is tentacle" in figure.note


def test_the_user_says_which_joint_is_which() -> None:
    person = walker()
    still = renamed(walker(frames=1), {"left_knee": "a", "right_knee": "b", "head": "c"})
    joint_map = {"a": "left_knee", "b": "right_knee", "c": "head"}
    figure = figure_of(still, joint_map)
    positions, _ = person.forward()
    knee = positions[:1, person.hierarchy.index("left_knee")]
    np.testing.assert_allclose(figure.joints["left_knee"], knee)
    with pytest.raises(DataError, match="must name joints of the file, got q; it has hips, spine,"):
        figure_of(still, {"q": "left_knee"})
    with pytest.raises(DataError, match="got a=left_toe"):
        figure_of(still, {"a": "left_toe"})


def test_the_error_says_what_is_missing_what_is_there_and_the_way_out() -> None:
    person = walker()
    odd = {
        f"{side}_{part}": f"{side}_paw{i}"
        for side in ("left", "right")
        for i, part in enumerate(("elbow", "wrist", "wrist_end"))
    }
    tree = person.hierarchy
    snake = renamed(person, odd | {"chest": "left_hump"})
    kept = [i for i, name in enumerate(tree.names) if "wrist" not in name]
    short = snake.hierarchy
    cut = type(snake)(
        type(short)(
            tuple(short.names[i] for i in kept),
            tuple(kept.index(short.parents[i]) if i else -1 for i in kept),
            short.offsets[kept],
        ),
        snake.rotations[:, kept],
        snake.translations,
        snake.fps,
        snake.source,
    )
    with pytest.raises(DataError) as caught:
        figure_of(cut)
    text = str(caught.value)
    assert "must have left_elbow, left_wrist, right_elbow, right_wrist" in text
    assert "--joint-map THEIRS=OURS" in text
    assert "got hips, spine, left_hump, neck, head" in text
    assert "\n" not in text


SEVERAL = Path(__file__).parents[3] / "shared" / "mocap" / "small.tar.xz"


@pytest.mark.skipif(not SEVERAL.exists(), reason="recordings that are not in the repository")
def test_a_real_skeleton_without_names(tmp_path: Path) -> None:
    with tarfile.open(SEVERAL) as archive:
        for member in ("rokoko/jesse_dance", "cmu1/jumping_jacks"):
            archive.extract(f"animated_drawings/{member}.bvh", tmp_path, filter="data")
    for path in sorted(tmp_path.rglob("*.bvh")):
        recording = read_bvh(path)
        tree = recording.hierarchy
        by_name = figure_of(recording)
        assert by_name.note == ""
        mended_first = replace(recording, hierarchy=mended(tree))
        numbered = renamed(mended_first, {name: f"b{i}" for i, name in enumerate(tree.names)})
        by_tree = figure_of(numbered)
        for ours in (*LIMBS, "skull"):
            np.testing.assert_allclose(by_tree.joints[ours], by_name.joints[ours], atol=1e-6)


@pytest.mark.skipif(not SEVERAL.exists(), reason="recordings that are not in the repository")
def test_a_real_rest_pose_along_x(tmp_path: Path) -> None:
    with tarfile.open(SEVERAL) as archive:
        archive.extract("animated_drawings/rokoko/jesse_dance.bvh", tmp_path, filter="data")
    report = import_folder("bvh", tmp_path, tmp_path / "s")
    assert report.refused == ()
    store = ClipStore.open(tmp_path / "s")
    body = store.joints(store.clips[0])
    face = body[:, J("nose")] - (body[:, J("left_ear")] + body[:, J("right_ear")]) / 2
    ahead = (face * trunk_axes(body)[:, 0]).sum(-1) / np.linalg.norm(face, axis=-1)
    assert np.median(ahead) > 0.8
    assert list(check_store(store)) == []
