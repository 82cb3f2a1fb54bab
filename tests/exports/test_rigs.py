"""Rigs of other programs, read back by other libraries: names, rest pose, and where joints are."""

from __future__ import annotations

import warnings
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gltf import animated, array, at_rest
from motions import hidden, walking
from scipy.spatial.transform import Rotation

from mbcli.errors import ConfigError
from mbcli.exports.axes import turn
from mbcli.exports.export import export, exported
from mbcli.exports.options import ExportOptions
from mbcli.kinematics.bones import usual_lengths, with_lengths
from mbcli.kinematics.named_rigs import own
from mbcli.kinematics.rig_table import ALONG_X, ALONG_Y, RIGS, UNREAL, WORLD, RigName
from mbcli.kinematics.solving import solve
from mbcli.motion import Motion3D
from mbcli.skeleton import H36M17

# The parent of some bones, as each program has it.
HIERARCHY: dict[RigName, dict[str, str]] = {
    "mixamo": {
        "mixamorig:Spine2": "mixamorig:Spine1",
        "mixamorig:LeftShoulder": "mixamorig:Spine2",
        "mixamorig:LeftForeArm": "mixamorig:LeftArm",
        "mixamorig:RightUpLeg": "mixamorig:Hips",
        "mixamorig:RightToe_End": "mixamorig:RightToeBase",
        "mixamorig:HeadTop_End": "mixamorig:Head",
    },
    "ue5": {
        "pelvis": "root",
        "spine_05": "spine_04",
        "neck_02": "neck_01",
        "clavicle_l": "spine_05",
        "lowerarm_r": "upperarm_r",
        "thigh_l": "pelvis",
        "ball_r": "foot_r",
    },
    "vrm": {
        "upperChest": "chest",
        "leftShoulder": "upperChest",
        "rightLowerArm": "rightUpperArm",
        "rightToes": "rightFoot",
        "neck": "upperChest",
    },
    "rigify": {
        "spine.003": "spine.002",
        "shoulder.L": "spine.003",
        "spine.006": "spine.005",
        "thigh.R": "spine",
        "toe.R": "foot.R",
    },
    "lafan1": {"LeftShoulder": "Spine2", "Neck": "Spine2", "LeftToe": "LeftFoot", "Spine": "Hips"},
    "smplh": {"left_collar": "spine3", "left_wrist": "left_elbow", "right_foot": "right_ankle"},
    "unity": {"UpperChest": "Chest", "LeftShoulder": "UpperChest", "RightToes": "RightFoot"},
}
ALL = pytest.mark.parametrize("rig", RIGS)


def limbs(rig: RigName) -> dict[str, str]:
    """The joint of H36M-17 at which each bone of arms and legs begins, by its name in a rig."""
    row = RIGS[rig]
    return {
        name.format(side=word): f"{side}_{joint}"
        for side, word in zip(("left", "right"), row.sides, strict=True)
        for names, joints in (
            (row.arm[1:], ("shoulder", "elbow", "wrist")),
            (row.leg[:3], ("hip", "knee", "ankle")),
        )
        for name, joint in zip(names, joints, strict=True)
    }


def wanted(motion: Motion3D, up: str = "y") -> np.ndarray:
    """(T, 17, 3) metres with constant lengths in the axes of a file."""
    points = motion.in_world[:, 0] @ turn("z" if up == "z" else "y").T
    return with_lengths(points, usual_lengths(points, H36M17, symmetric=True), H36M17)


def check_places(rig: RigName, found: dict[str, np.ndarray], points: np.ndarray) -> None:
    """Hold that bones are where the person's joints are, to 2 mm."""
    for bone, joint in limbs(rig).items():
        away = np.linalg.norm(found[bone] - points[:, H36M17.index(joint)], axis=-1)
        assert away.max() < 2e-3, (bone, float(away.max()))


def skinned(path: Path) -> Any:
    pygltflib = pytest.importorskip("pygltflib", reason="reads back what was written")
    return pygltflib.GLTF2().load_binary(str(path))


@ALL
def test_a_glb_has_the_rig(tmp_path: Path, rig: RigName) -> None:
    motion = walking(frames=30)
    export(motion, tmp_path / "walk.glb", ExportOptions(rig=rig, feet=False))
    document = skinned(tmp_path / "walk.glb")
    _, nodes = animated(document)
    names = {node.name: number for number, node in enumerate(document.nodes)}
    for bone, parent in HIERARCHY[rig].items():
        assert names[bone] in document.nodes[names[parent]].children
    check_places(rig, {n: nodes[i][:, :3, 3] for n, i in names.items()}, wanted(motion))
    rest = at_rest(document)
    binds = array(document, document.skins[0].inverseBindMatrices).reshape(-1, 4, 4)
    for node, bind in zip(rest.values(), binds.swapaxes(1, 2), strict=True):
        assert np.allclose(bind @ node, np.eye(4), atol=1e-5)


@ALL
def test_the_rest_pose_is_that_of_the_rig(tmp_path: Path, rig: RigName) -> None:
    export(walking(frames=3), tmp_path / "walk.glb", ExportOptions(rig=rig))
    rest = {n: m[:3, 3] for n, m in at_rest(skinned(tmp_path / "walk.glb")).items()}
    row = RIGS[rig]
    for word, outwards in zip(row.sides, (1, -1), strict=True):
        upper, hand = (rest[row.arm[i].format(side=word)] for i in (1, 3))
        down = np.degrees(np.arctan2(upper[1] - hand[1], outwards * (hand[0] - upper[0])))
        assert down == pytest.approx(row.arms_down, abs=0.1)
        thigh, foot, toes = (rest[row.leg[i].format(side=word)] for i in (0, 2, 3))
        assert np.allclose((thigh - foot)[[0, 2]], 0, atol=1e-5)
        assert toes[2] - foot[2] > 0.05
    assert min(place[1] for place in rest.values()) > -1e-6
    assert rest[row.head][1] > 1.3


@pytest.mark.parametrize("axes", [WORLD, ALONG_X, ALONG_Y, UNREAL])
def test_axes_are_right_handed(axes: dict[str, str]) -> None:
    vectors = dict(zip("LUFRDB", np.vstack([np.eye(3), -np.eye(3)]), strict=True))
    for letters in axes.values():
        assert np.linalg.det([vectors[letter] for letter in letters]) == pytest.approx(1)


@pytest.mark.parametrize(("rig", "axis"), [("mixamo", 1), ("rigify", 1), ("lafan1", 0)])
def test_an_axis_of_each_bone_points_to_its_child(tmp_path: Path, rig: RigName, axis: int) -> None:
    export(walking(frames=3), tmp_path / "walk.glb", ExportOptions(rig=rig))
    rest = at_rest(skinned(tmp_path / "walk.glb"))
    row = RIGS[rig]
    for chain in (row.trunk, row.arm, row.leg):
        for word in row.sides:
            bones = [rest[name.format(side=word)] for name in chain]
            for bone, child in pairwise(bones):
                along = child[:3, 3] - bone[:3, 3]
                assert np.allclose(bone[:3, axis], along / np.linalg.norm(along), atol=1e-4)


@ALL
def test_a_bvh_has_the_rig(tmp_path: Path, rig: RigName) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # bvhio imports PyGLM by a name that is going
        bvhio = pytest.importorskip("bvhio", reason="reads back what was written")
    motion = walking(frames=12)
    done = exported(motion, tmp_path / "walk.bvh", ExportOptions(rig=rig, feet=False))
    row = RIGS[rig]
    root = bvhio.readAsHierarchy(str(tmp_path / "walk.bvh"))
    joints = {joint.Name: joint for joint, _, _ in root.layout()}
    found: dict[str, list[Any]] = {name: [] for name in limbs(rig)}
    for frame in range(12):
        root.loadPose(frame)
        for name, places in found.items():
            places.append(tuple(joints[name].PositionWorld))
    arrays = {name: np.array(places) / row.scale for name, places in found.items()}
    check_places(rig, arrays, wanted(motion, row.up))
    unit = "centimetres" if row.scale == 100 else "metres"
    assert done.notes[0] == f"units: {unit}"
    assert f"{row.up} up" in done.notes[1]


@ALL
def test_a_usd_has_the_rig(tmp_path: Path, rig: RigName) -> None:
    pytest.importorskip("pxr", reason="reads back what was written")
    from pxr import Usd, UsdSkel

    motion = walking(frames=6)
    export(motion, tmp_path / "walk.usda", ExportOptions(rig=rig, feet=False))
    stage = Usd.Stage.Open(str(tmp_path / "walk.usda"))
    cache = UsdSkel.Cache()
    cache.Populate(UsdSkel.Root.Get(stage, "/people/person_1"), Usd.PrimDefaultPredicate)
    skeleton = UsdSkel.Skeleton.Get(stage, "/people/person_1/skeleton")
    query = cache.GetSkelQuery(skeleton)
    names = list(skeleton.GetJointNamesAttr().Get())
    frames = np.array([query.ComputeJointSkelTransforms(Usd.TimeCode(f)) for f in range(6)])
    places = {name: frames[:, i, 3, :3] for i, name in enumerate(names)}
    check_places(rig, places, wanted(motion))
    assert UsdSkel.Topology(query.GetJointOrder()).Validate()


def test_lafan1_has_bones_along_x_in_its_pose_without_rotations(tmp_path: Path) -> None:
    export(walking(frames=2), tmp_path / "walk.bvh", ExportOptions(rig="lafan1"))
    text = (tmp_path / "walk.bvh").read_text()
    for bone in ("LeftLeg", "RightFoot", "LeftForeArm", "RightHand", "Spine1", "Neck"):
        offset = np.array(text.split(f"JOINT {bone}\n")[1].split("OFFSET ")[1].split()[:3], float)
        assert offset[0] > 5
        assert np.abs(offset[1:]).max() < 0.01


def test_the_root_of_unreal_stays_on_the_floor(tmp_path: Path) -> None:
    export(walking(frames=5), tmp_path / "walk.glb", ExportOptions(rig="ue5"))
    document = skinned(tmp_path / "walk.glb")
    _, nodes = animated(document)
    root = next(i for i, node in enumerate(document.nodes) if node.name == "root")
    assert np.allclose(nodes[root][:, :3, 3], 0)


# The bones that VRM 1.0 requires of a humanoid, and the ones that it knows besides.
_REQUIRED = {"hips", "spine", "head"} | {
    f"{side}{bone}"
    for side in ("left", "right")
    for bone in ("UpperLeg", "LowerLeg", "Foot", "UpperArm", "LowerArm", "Hand")
}
_KNOWN = _REQUIRED | {
    *("chest", "upperChest", "neck"),
    *(f"{side}{bone}" for side in ("left", "right") for bone in ("Toes", "Shoulder")),
}


def test_vrma_holds_what_the_extension_asks_for(tmp_path: Path) -> None:
    motion = hidden(walking(frames=20, people=2), slice(0, 3), person=1)
    paths = export(motion, tmp_path / "walk.vrma", ExportOptions(feet=False))
    assert [path.name for path in paths] == ["walk_1.vrma", "walk_2.vrma"]
    document = skinned(paths[0])
    assert document.extensionsUsed == ["VRMC_vrm_animation"]
    extension = document.extensions["VRMC_vrm_animation"]
    assert set(extension) == {"specVersion", "humanoid"}
    assert extension["specVersion"] == "1.0"
    bones = extension["humanoid"]["humanBones"]
    assert _REQUIRED <= set(bones) <= _KNOWN
    assert all(set(bone) == {"node"} for bone in bones.values())
    numbers = [bone["node"] for bone in bones.values()]
    assert len(set(numbers)) == len(numbers)
    assert all(document.nodes[bone["node"]].name == name for name, bone in bones.items())
    (animation,) = document.animations
    moved = {(c.target.node, c.target.path) for c in animation.channels}
    assert {path for node, path in moved if node != bones["hips"]["node"]} == {"rotation"}
    assert (bones["hips"]["node"], "translation") in moved
    assert {node for node, _ in moved} == set(numbers)
    assert not document.meshes
    _, nodes = animated(document)
    places = {name: nodes[bone["node"]][:, :3, 3] for name, bone in bones.items()}
    check_places("vrm", places, wanted(motion))


def test_a_format_without_bones_has_no_rig(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--rig mixamo applies to bvh, glb, fbx, usd files"):
        export(walking(3), tmp_path / "walk.trc", ExportOptions(rig="mixamo"))
    with pytest.raises(
        ConfigError, match="--rig ue5 applies to bvh, glb, fbx, usd files, got vrma"
    ):
        export(walking(3), tmp_path / "walk.vrma", ExportOptions(rig="ue5"))
    export(walking(3), tmp_path / "walk.vrma", ExportOptions(rig="vrm"))
    with pytest.raises(ConfigError, match="mixamo, ue5, vrm"):
        ExportOptions(rig="maya")  # type: ignore[arg-type]


def test_twist_between_hips_and_shoulders_is_shared_by_the_spine() -> None:
    points = walking(2).in_world[:, 0] @ turn("y").T
    points = points - points[:, :1]
    twist = Rotation.from_euler("y", 60, degrees=True).as_matrix()
    above = [
        i for i, name in enumerate(H36M17.joints) if name.endswith(("shoulder", "elbow", "wrist"))
    ]
    thorax = H36M17.index("thorax")
    points[:, above] = (points[:, above] - points[:, [thorax]]) @ twist.T + points[:, [thorax]]
    pose = solve(points, 30.0)
    turned = dict(
        zip(own(pose).armature.names, np.moveaxis(own(pose).since_rest, 1, 0), strict=True)
    )
    found = []
    for below, joint in (("pelvis", "lower_back"), ("lower_back", "spine"), ("spine", "thorax")):
        relative = np.swapaxes(turned[below], -1, -2) @ turned[joint]
        found.append(Rotation.from_matrix(relative).as_euler("yxz", degrees=True)[0, 0])
    assert sum(found) == pytest.approx(60, abs=3)
    assert found == pytest.approx([20, 20, 20], abs=4)
