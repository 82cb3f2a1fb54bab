"""GLB read back by pygltflib and trimesh, with skinning written out here."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from gltf import animated, array, at_rest
from motions import hidden, walking

from mbcli.errors import NobodyFoundError
from mbcli.exports.axes import turn
from mbcli.exports.glb import write_glb
from mbcli.exports.options import ExportOptions
from mbcli.kinematics.bones import usual_lengths, with_lengths
from mbcli.skeleton import H36M17


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Two people, of whom the second comes late; the file, and its document by pygltflib."""
    pygltflib = pytest.importorskip("pygltflib", reason="reads back what was written")
    motion = hidden(walking(frames=24, people=2, fps=25.0), slice(0, 4), person=1)
    path = tmp_path_factory.mktemp("glb") / "walk.glb"
    write_glb(motion, path, ExportOptions())
    return SimpleNamespace(motion=motion, path=path, document=pygltflib.GLTF2().load(str(path)))


def test_its_kinematics_give_the_positions_with_constant_lengths(two: SimpleNamespace) -> None:
    times, nodes = animated(two.document)
    assert times == pytest.approx(np.arange(24) / 25)
    points = two.motion.in_world @ turn("y").T
    for person, skin in enumerate(two.document.skins):
        names = {two.document.nodes[joint].name: joint for joint in skin.joints}
        found = np.stack([nodes[names[j]][:, :3, 3] for j in H36M17.joints], axis=1)
        wanted = with_lengths(
            points[:, person], usual_lengths(points[:, person], H36M17, symmetric=True), H36M17
        )
        there = two.motion.present[:, person]
        assert np.linalg.norm(found - wanted, axis=-1)[there].max() < 1e-4
        assert np.isfinite(found).all()
    assert [skin.name for skin in two.document.skins] == ["person_1", "person_2"]


def test_quaternions_take_the_short_way_between_frames(two: SimpleNamespace) -> None:
    (animation,) = two.document.animations
    turns = [
        array(two.document, animation.samplers[channel.sampler].output)
        for channel in animation.channels
        if channel.target.path == "rotation"
    ]
    assert len(turns) == 2 * 22
    for turn_of_joint in turns:
        assert np.allclose(np.linalg.norm(turn_of_joint, axis=-1), 1, atol=1e-6)
        assert (turn_of_joint[1:] * turn_of_joint[:-1]).sum(-1).min() > 0


def test_the_rest_pose_is_the_bind_pose_and_stands_on_the_ground(two: SimpleNamespace) -> None:
    document = two.document
    rest = at_rest(document)
    binds = array(document, document.skins[0].inverseBindMatrices).reshape(-1, 4, 4)
    for node, bind in zip(rest.values(), binds.swapaxes(1, 2), strict=True):
        assert np.allclose(bind @ node, np.eye(4), atol=1e-5)
    places = {name: node[:3, 3] for name, node in rest.items()}
    assert min(place[1] for place in places.values()) == pytest.approx(0, abs=1e-6)
    assert places["head"][1] > 1.4
    assert places["left_hand"][0] > 0.5
    assert places["right_toes"][2] > 0.1


def test_the_y_axis_of_a_bone_points_to_its_child(two: SimpleNamespace) -> None:
    rest = at_rest(two.document)
    for bone, child in (
        ("pelvis", "spine"),
        ("lower_back", "spine"),
        ("nose", "head"),
        *[
            (f"{side}_{bone}", f"{side}_{child}")
            for side in ("left", "right")
            for bone, child in (
                ("hip", "knee"),
                ("knee", "ankle"),
                ("ankle", "toes"),
                ("collar", "shoulder"),
                ("shoulder", "elbow"),
                ("wrist", "hand"),
            )
        ],
    ):
        along = rest[child][:3, 3] - rest[bone][:3, 3]
        assert np.allclose(rest[bone][:3, 1], along / np.linalg.norm(along), atol=1e-5), bone
        ahead = 1 if bone.endswith("ankle") else 2
        assert (
            ahead == 1 or bone.endswith(("collar", "shoulder", "wrist")) or (rest[bone][2, 2] > 0.7)
        ), bone


def test_the_skin_follows_the_joints(two: SimpleNamespace) -> None:
    document = two.document
    _, nodes = animated(document)
    skin = document.skins[0]
    binds = array(document, skin.inverseBindMatrices).reshape(-1, 4, 4).swapaxes(1, 2)
    mesh = next(node for node in document.nodes if node.skin == 0)
    reached = set()
    for primitive in document.meshes[mesh.mesh].primitives:
        points = array(document, primitive.attributes.POSITION)
        normals = array(document, primitive.attributes.NORMAL)
        assert np.allclose(np.linalg.norm(normals, axis=-1), 1, atol=1e-5)
        weights = array(document, primitive.attributes.WEIGHTS_0)
        assert np.allclose(weights, [1, 0, 0, 0])
        followed = array(document, primitive.attributes.JOINTS_0)[:, 0]
        for point, joint in zip(points, followed, strict=True):
            node = nodes[skin.joints[joint]][10]
            moved = node @ binds[joint] @ np.append(point, 1)
            # No bone of this body is longer than half a metre.
            assert np.linalg.norm(moved[:3] - node[:3, 3]) < 0.5
            reached.add(document.nodes[skin.joints[joint]].name)
    assert {"pelvis", "nose", "right_ankle", "left_wrist", "lower_back"} - reached == {"pelvis"}


def test_it_says_what_it_is(two: SimpleNamespace) -> None:
    said = " ".join(two.document.asset.extras["notes"])
    for part in ("metres", "y up", "camera", "T-pose", "not measured"):
        assert part in said
    assert two.document.asset.version == "2.0"


def test_trimesh_reads_it(two: SimpleNamespace) -> None:
    trimesh = pytest.importorskip("trimesh", reason="reads back what was written")
    scene = trimesh.load(two.path)
    assert sum(len(mesh.faces) for mesh in scene.geometry.values()) == 2 * 20 * 8


def test_what_cannot_be_written(tmp_path: Path) -> None:
    nobody = hidden(walking(3, people=2), slice(None), person=1)
    with pytest.raises(NobodyFoundError, match="got none in 3 frames"):
        write_glb(nobody, tmp_path / "none.glb", ExportOptions())
    with pytest.raises(NobodyFoundError, match="needs a person, got none"):
        write_glb(walking(3, people=0), tmp_path / "none.glb", ExportOptions())
