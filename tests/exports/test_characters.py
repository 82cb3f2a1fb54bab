"""Characters of users: found, moved, and read back; their own proportions, feet on the floor."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from characters import bones, write_character
from gltf import animated, array
from motions import hidden, walking

from mbcli.data.recordings.bvh import read_bvh
from mbcli.errors import ConfigError, DataError, InputError, OutputError
from mbcli.exports.axes import turn
from mbcli.exports.character import read_character
from mbcli.exports.export import export
from mbcli.exports.options import ExportOptions
from mbcli.geometry import unit
from mbcli.motion import Motion3D
from mbcli.skeleton import H36M17

pytest.importorskip("pygltflib", reason="writes the character")

LIMBS = {
    f"{side}{bone}": (f"{side}{child}", f"{side.lower()}_{joint}", f"{side.lower()}_{beyond}")
    for side in ("Left", "Right")
    for bone, child, joint, beyond in (
        ("Arm", "ForeArm", "shoulder", "elbow"),
        ("ForeArm", "Hand", "elbow", "wrist"),
        ("UpLeg", "Leg", "hip", "knee"),
        ("Leg", "Foot", "knee", "ankle"),
    )
}
KINDS = pytest.mark.parametrize(
    "kind",
    [
        {},
        {"arms_down": 40.0},
        {"scale": 100.0, "saved": 30.0},
        {"prefix": "Armature|", "turn": 180.0},
        {"turn": 90.0, "arms_down": 20.0, "scale": 100.0},
    ],
    ids=["T-pose", "A-pose", "centimetres, saved bent", "turned round", "turned aside"],
)


def load(path: Path) -> Any:
    import pygltflib

    return pygltflib.GLTF2().load_binary(str(path))


def places(document: Any, prefix: str = "mixamorig:") -> dict[str, np.ndarray]:
    """(T, 3) metres of each bone over time, by the document's own animation."""
    _, nodes = animated(document)
    return {
        node.name.removeprefix(prefix): nodes[number][:, :3, 3]
        for number, node in enumerate(document.nodes)
    }


def check_wears(found: dict[str, np.ndarray], motion: Motion3D, tall: float = 1.0) -> None:
    """Hold that limbs point as the person's do, and have the character's lengths."""
    points = motion.in_world[:, 0] @ turn("y").T
    rest = bones()
    for bone, (child, joint, beyond) in LIMBS.items():
        along = found[child] - found[bone]
        person = points[:, H36M17.index(beyond)] - points[:, H36M17.index(joint)]
        angle = np.degrees(np.arccos(np.clip((unit(along) * unit(person)).sum(-1), -1, 1)))
        # Legs are bent so that ankles are where they should be.
        assert angle.max() < (3 if "Leg" in bone else 0.5), (bone, float(angle.max()))
        own = np.linalg.norm(rest[child][1] - rest[bone][1])
        assert np.allclose(np.linalg.norm(along, axis=-1), own * tall, rtol=1e-4)


@KINDS
def test_a_glb_moves_with_its_own_proportions(tmp_path: Path, kind: dict[str, Any]) -> None:
    write_character(tmp_path / "me.glb", **kind)
    motion = walking(frames=40)
    export(motion, tmp_path / "walk.glb", ExportOptions(character=tmp_path / "me.glb", feet=False))
    found = places(load(tmp_path / "walk.glb"), kind.get("prefix", "mixamorig:"))
    check_wears(found, motion)


@KINDS
def test_its_feet_stand_on_the_floor(tmp_path: Path, kind: dict[str, Any]) -> None:
    write_character(tmp_path / "me.glb", **kind)
    motion = walking(frames=60)
    export(motion, tmp_path / "walk.glb", ExportOptions(character=tmp_path / "me.glb", feet=False))
    found = places(load(tmp_path / "walk.glb"), kind.get("prefix", "mixamorig:"))
    points = motion.in_world[:, 0] @ turn("y").T
    rest = bones()
    for side in ("Left", "Right"):
        foot, person = found[f"{side}Foot"], points[:, H36M17.index(f"{side.lower()}_ankle")]
        stands = person[:, 1] < person[:, 1].min() + 1e-3
        assert stands.sum() > 20
        assert np.allclose(foot[stands, 1], rest[f"{side}Foot"][1][1], atol=2e-3)
        # What does not move in the person does not move in the character.
        still = stands[1:] & (np.linalg.norm(np.diff(person, axis=0), axis=-1) < 1e-5)
        assert still.sum() > 15
        assert np.linalg.norm(np.diff(foot, axis=0), axis=-1)[still].max() < 1e-4
        for toe in ("ToeBase", "Toe_End"):
            assert found[f"{side}{toe}"][:, 1].min() > rest["LeftToe_End"][1][1] - 5e-3


def test_mesh_and_skin_are_kept_and_the_motion_comes_first(tmp_path: Path) -> None:
    write_character(tmp_path / "me.glb")
    motion = walking(frames=12)
    first = ExportOptions(character=tmp_path / "me.glb")
    export(motion, tmp_path / "walk.glb", first)
    export(motion, tmp_path / "again.glb", ExportOptions(character=tmp_path / "walk.glb"))
    before, after = load(tmp_path / "me.glb"), load(tmp_path / "again.glb")
    assert [one.name for one in after.animations] == ["motion", "motion"]
    assert [node.name for node in after.nodes] == [node.name for node in before.nodes]
    assert after.skins == before.skins
    assert str(after.meshes) == str(before.meshes)
    for number in range(len(before.accessors)):
        kind = before.accessors[number].componentType
        if kind in (5123, 5125, 5126):
            assert np.array_equal(array(before, number), array(after, number))
    hands = [n for n in after.nodes if "Middle" in n.name]
    assert [n.translation for n in hands] == [n.translation for n in before.nodes if n in hands]
    trimesh = pytest.importorskip("trimesh", reason="reads back what was written")
    scene = trimesh.load(tmp_path / "walk.glb")
    assert sum(len(mesh.faces) for mesh in scene.geometry.values()) > 500


def test_a_vrm_says_which_bones_it_has(tmp_path: Path) -> None:
    write_character(tmp_path / "me.glb", prefix="")
    document = load(tmp_path / "me.glb")
    theirs = {"hips": "Hips", "head": "Head"}
    for side in ("Left", "Right"):
        for vrm, own in (
            ("UpperLeg", "UpLeg"),
            ("LowerLeg", "Leg"),
            ("Foot", "Foot"),
            ("UpperArm", "Arm"),
            ("LowerArm", "ForeArm"),
            ("Hand", "Hand"),
        ):
            theirs[side.lower() + vrm] = side + own
    numbers = {node.name: number for number, node in enumerate(document.nodes)}
    for number, node in enumerate(document.nodes):
        node.name = f"bone {number}"  # says nothing
    new = {name: {"node": numbers[own]} for name, own in theirs.items()}
    document.extensions = {"VRMC_vrm": {"humanoid": {"humanBones": new}}}
    document.save_binary(str(tmp_path / "new.vrm"))
    old = [{"bone": name, "node": numbers[own]} for name, own in theirs.items()]
    document.extensions = {"VRM": {"humanoid": {"humanBones": old}}}
    document.save_binary(str(tmp_path / "old.vrm"))
    motion = walking(frames=8)
    for name in ("new", "old"):
        out = tmp_path / f"{name}.glb"
        export(motion, out, ExportOptions(character=tmp_path / f"{name}.vrm", feet=False))
        moved = load(out)
        _, nodes = animated(moved)
        check_wears({own: nodes[i][:, :3, 3] for own, i in numbers.items()}, motion)


@pytest.mark.parametrize("rig", ["mixamo", "lafan1", "ue5"])
def test_a_bvh_moves_with_its_own_offsets(tmp_path: Path, rig: Any) -> None:
    # Somebody a tenth smaller; lafan1 does not stand without rotations, ue5 has z up.
    other = walking(frames=3)
    export(other, tmp_path / "me.bvh", ExportOptions(rig=rig))
    text = (tmp_path / "me.bvh").read_text()
    head, _, numbers = text.partition("MOTION")
    lines = [
        line.split("OFFSET")[0]
        + "OFFSET "
        + " ".join(f"{float(n) * 0.9:.6f}" for n in line.split()[1:])
        if "OFFSET" in line
        else line
        for line in head.splitlines()
    ]
    (tmp_path / "me.bvh").write_text("\n".join(lines) + "\nMOTION" + numbers)
    motion = hidden(walking(frames=20), slice(5, 9))
    export(motion, tmp_path / "walk.bvh", ExportOptions(character=tmp_path / "me.bvh"))
    before, after = read_bvh(tmp_path / "me.bvh"), read_bvh(tmp_path / "walk.bvh")
    assert after.hierarchy.names == before.hierarchy.names
    moves = {0, after.hierarchy.names.index("pelvis")} if rig == "ue5" else {0}
    kept = [i for i in range(len(after.hierarchy)) if i not in moves]
    assert np.allclose(after.hierarchy.offsets[kept], before.hierarchy.offsets[kept], atol=1e-4)
    assert len(after) == 20
    points, _ = after.forward()
    level = turn("y") @ turn("z" if rig == "ue5" else "y").T
    places = points @ level.T
    body = read_character(tmp_path / "me.bvh").body
    person = motion.in_world[:, 0] @ turn("y").T
    there = motion.present[:, 0]
    for joint, beyond in (
        ("left_shoulder", "left_elbow"),
        ("right_elbow", "right_wrist"),
        ("left_knee", "left_ankle"),
    ):
        along = places[:, body.joints[beyond]] - places[:, body.joints[joint]]
        wanted = person[:, H36M17.index(beyond)] - person[:, H36M17.index(joint)]
        assert (unit(along) * unit(wanted)).sum(-1)[there].min() > 0.998


def test_people_wear_it_each_in_a_file(tmp_path: Path) -> None:
    write_character(tmp_path / "me.glb")
    options = ExportOptions(character=tmp_path / "me.glb")
    paths = export(walking(frames=6, people=2), tmp_path / "two.glb", options)
    assert [path.name for path in paths] == ["two_1.glb", "two_2.glb"]


def test_what_cannot_be_worn(tmp_path: Path) -> None:
    write_character(tmp_path / "me.glb")
    mine = tmp_path / "me.glb"
    for options, out, match in (
        (ExportOptions(character=mine), "a.bvh", r"--character must be \.bvh for bvh files"),
        (ExportOptions(character=mine), "a.csv", "--character must be left out for csv files"),
        (ExportOptions(character=mine, rig="ue5"), "a.glb", "--rig must be left out"),
    ):
        with pytest.raises(ConfigError, match=match):
            export(walking(3), tmp_path / out, options)
    (tmp_path / "no.glb").write_bytes(b"no")
    with pytest.raises(InputError, match="readable glTF binary"):
        export(walking(3), tmp_path / "a.glb", ExportOptions(character=tmp_path / "no.glb"))
    with pytest.raises(InputError, match=r"none\.glb"):
        export(walking(3), tmp_path / "a.glb", ExportOptions(character=tmp_path / "none.glb"))
    with pytest.raises(OutputError, match="input"):
        export(walking(3), mine, ExportOptions(character=mine), overwrite=True)
    content = mine.read_bytes()
    length = struct.unpack_from("<I", content, 12)[0]
    document = json.loads(content[20 : 20 + length])
    for node in document["nodes"]:
        node["name"] = "thing"
    document["nodes"] = [
        {k: v for k, v in n.items() if k != "translation"} for n in document["nodes"]
    ]
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    blob = content[20 + length :]
    whole = struct.pack("<IIIII", 0x46546C67, 2, 20 + len(text) + len(blob), len(text), 0x4E4F534A)
    (tmp_path / "nameless.glb").write_bytes(whole + text + blob)
    # By its shape alone, the character is found all the same.
    shaped = ExportOptions(character=tmp_path / "nameless.glb")
    export(walking(3), tmp_path / "shaped.glb", shaped)
    with pytest.raises(DataError, match="which none of its joints' names means"):
        export(walking(3), tmp_path / "b.bvh", ExportOptions(character=_stick(tmp_path)))


def _stick(folder: Path) -> Path:
    """A BVH of one bone."""
    path = folder / "stick.bvh"
    path.write_text(
        "HIERARCHY\nROOT a\n{\n\tOFFSET 0 0 0\n\tCHANNELS 3 Zrotation Xrotation Yrotation\n"
        "\tEnd Site\n\t{\n\t\tOFFSET 0 1 0\n\t}\n}\nMOTION\nFrames: 1\nFrame Time: 0.03\n0 0 0\n"
    )
    return path
