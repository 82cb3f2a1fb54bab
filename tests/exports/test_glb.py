"""GLB read back by pygltflib and trimesh, with kinematics and skinning written out here."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from motions import hidden, walking
from scipy.spatial.transform import Rotation

from mbcli.errors import NobodyFoundError
from mbcli.exports.axes import turn
from mbcli.exports.glb import write_glb
from mbcli.exports.options import ExportOptions
from mbcli.kinematics.bones import usual_lengths, with_lengths
from mbcli.skeleton import H36M17

KINDS = {5126: "<f4", 5123: "<u2", 5125: "<u4"}
WIDTHS = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}


def array(document: Any, number: int) -> np.ndarray:
    accessor = document.accessors[number]
    view = document.bufferViews[accessor.bufferView]
    kind = np.dtype(KINDS[accessor.componentType])
    size = accessor.count * WIDTHS[accessor.type]
    assert view.byteOffset % 4 == 0
    blob = document.binary_blob()
    return np.frombuffer(blob, kind, size, view.byteOffset).reshape(accessor.count, -1)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Two people, of whom the second comes late; the file, and its document by pygltflib."""
    pygltflib = pytest.importorskip("pygltflib", reason="reads back what was written")
    motion = hidden(walking(frames=24, people=2, fps=25.0), slice(0, 4), person=1)
    path = tmp_path_factory.mktemp("glb") / "walk.glb"
    write_glb(motion, path, ExportOptions())
    return SimpleNamespace(motion=motion, path=path, document=pygltflib.GLTF2().load(str(path)))


def animated(document: Any) -> tuple[np.ndarray, dict[int, np.ndarray]]:
    """Times, and (T, 4, 4) of every node in the world, by the document's own animation."""
    moved: dict[tuple[int, str], np.ndarray] = {}
    (animation,) = document.animations
    for channel in animation.channels:
        sampler = animation.samplers[channel.sampler]
        assert sampler.interpolation == "LINEAR"
        times = array(document, sampler.input)[:, 0]
        moved[channel.target.node, channel.target.path] = array(document, sampler.output)
    found: dict[int, np.ndarray] = {}

    def visit(number: int, above: np.ndarray) -> None:
        node = document.nodes[number]
        local = np.tile(np.eye(4), (len(times), 1, 1))
        turns = moved.get((number, "rotation"), node.rotation or [0, 0, 0, 1])
        local[:, :3, :3] = Rotation.from_quat(np.atleast_2d(turns)).as_matrix()
        local[:, :3, 3] = moved.get((number, "translation"), node.translation or [0, 0, 0])
        found[number] = above @ local
        for child in node.children:
            visit(child, found[number])

    for root in document.scenes[document.scene].nodes:
        visit(root, np.eye(4))
    return times, found


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
    skin = document.skins[0]
    places: dict[int, np.ndarray] = {}
    for joint in skin.joints:
        node = document.nodes[joint]
        assert node.rotation in (None, [0, 0, 0, 1])
        places.setdefault(joint, np.zeros(3))
        places[joint] = places[joint] + node.translation
        for child in node.children:
            places[child] = places[joint]
    binds = array(document, skin.inverseBindMatrices).reshape(-1, 4, 4).swapaxes(1, 2)
    for joint, bind in zip(skin.joints, binds, strict=True):
        assert np.allclose(bind[:3, :3], np.eye(3))
        assert np.allclose(bind[:3, 3], -places[joint], atol=1e-6)
    named = {document.nodes[joint].name: place for joint, place in places.items()}
    assert min(place[1] for place in named.values()) == pytest.approx(0, abs=1e-6)
    assert named["head"][1] > 1.4
    assert named["left_hand"][0] > 0.5
    assert named["right_toes"][2] > 0.1


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
