from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from mbcli.errors import OutputError
from mbcli.exports.mesh import write_glb, write_obj_folder


class Cube:
    """A cube that wanders to the right, one metre below and four before the camera."""

    faces = np.array(
        [
            *((0, 2, 1), (1, 2, 3), (4, 5, 6), (5, 7, 6), (0, 1, 4), (1, 5, 4)),
            *((2, 6, 3), (3, 6, 7), (0, 4, 2), (2, 4, 6), (1, 3, 5), (3, 7, 5)),
        ]
    )
    corners = np.stack(np.meshgrid([-0.5, 0.5], [-0.5, 0.5], [-0.5, 0.5], indexing="ij"), -1)

    def __init__(self, present: np.ndarray) -> None:
        self.present = present

    def vertices(self, frame: int, person: int) -> np.ndarray | None:
        if not self.present[frame, person]:
            return None
        place = np.array([0.1 * frame + 2 * person, 1.0, 4.0])
        # In the order of the faces above: x fastest.
        return (self.corners.transpose(2, 1, 0, 3).reshape(-1, 3) + place).astype(np.float32)


class Failing(Cube):
    def vertices(self, frame: int, person: int) -> np.ndarray | None:
        if frame == 2:
            raise OSError(28, "No space left on device")
        return super().vertices(frame, person)


@pytest.fixture
def cube() -> Cube:
    present = np.ones((5, 2), dtype=bool)
    present[:2, 1] = False
    return Cube(present)


def test_an_obj_file_a_frame_and_person(tmp_path: Path, cube: Cube) -> None:
    folder = tmp_path / "meshes"
    assert write_obj_folder(folder, cube, [7, 9]) == 8
    assert sorted(p.name for p in folder.iterdir())[:3] == [
        "frame_000000_person_7.obj",
        "frame_000001_person_7.obj",
        "frame_000002_person_7.obj",
    ]
    lines = (folder / "frame_000002_person_9.obj").read_text().splitlines()
    vertices = np.array([line.split()[1:] for line in lines if line[0] == "v"], dtype=float)
    faces = np.array([line.split()[1:] for line in lines if line[0] == "f"], dtype=int)
    # y up, z towards the viewer.
    np.testing.assert_allclose(vertices.mean(axis=0), (2.2, -1.0, -4.0), atol=1e-5)
    np.testing.assert_array_equal(faces - 1, cube.faces)


def test_trimesh_reads_the_obj_files(tmp_path: Path, cube: Cube) -> None:
    trimesh = pytest.importorskip("trimesh", reason="reads back what was written")
    write_obj_folder(tmp_path / "meshes", cube, [7, 9])
    mesh = trimesh.load(tmp_path / "meshes" / "frame_000001_person_7.obj", process=False)
    assert mesh.is_watertight
    np.testing.assert_allclose(mesh.volume, 1.0, atol=1e-5)  # positive: faces look outwards
    np.testing.assert_allclose(mesh.centroid, (0.1, -1.0, -4.0), atol=1e-5)


def document(path: Path) -> tuple[dict, bytes]:
    content = path.read_bytes()
    magic, version, total, length, kind = struct.unpack_from("<IIIII", content)
    assert (magic, version, total, kind) == (0x46546C67, 2, len(content), 0x4E4F534A)
    size, kind = struct.unpack_from("<II", content, 20 + length)
    assert kind == 0x004E4942
    assert len(content) == 28 + length + size
    assert length % 4 == size % 4 == 0
    return json.loads(content[20 : 20 + length]), content[28 + length :]


def array(path: Path, accessor: int) -> np.ndarray:
    parts, content = document(path)
    entry = parts["accessors"][accessor]
    view = parts["bufferViews"][entry["bufferView"]]
    kind = {5126: "<f4", 5125: "<u4"}[entry["componentType"]]
    rows = np.frombuffer(content[view["byteOffset"] :][: view["byteLength"]], kind)
    return rows.reshape(entry["count"], -1)


def test_the_glb_shows_each_mesh_in_its_time(tmp_path: Path, cube: Cube) -> None:
    path = tmp_path / "meshes.glb"
    times = 3.0 + np.arange(5) / 25
    assert write_glb(path, cube, times, [7, 9], fps=25.0) == 8
    parts, _ = document(path)
    animation = parts["animations"][0]
    names = [node["name"] for node in parts["nodes"]]
    assert names[:2] == ["person 7 frame 0", "person 7 frame 1"]
    assert [node["scale"][0] for node in parts["nodes"]] == [1, 0, 0, 0, 0, 0, 0, 0]
    for time in (0.0, 0.05, 0.1, 0.19):
        seen = set()
        for channel in animation["channels"]:
            sampler = animation["samplers"][channel["sampler"]]
            assert sampler["interpolation"] == "STEP"
            assert channel["target"]["path"] == "scale"
            keys, values = (array(path, sampler[end]) for end in ("input", "output"))
            last = max(0, int(np.searchsorted(keys[:, 0], time, side="right")) - 1)
            if values[last].all():
                seen.add(names[channel["target"]["node"]])
        frame = int(time * 25 + 1e-6)
        assert seen == {f"person {who} frame {frame}" for who in ([7] if frame < 2 else [7, 9])}


def test_the_glb_holds_the_meshes(tmp_path: Path, cube: Cube) -> None:
    path = tmp_path / "meshes.glb"
    write_glb(path, cube, np.arange(5) / 25, [7, 9], fps=25.0)
    parts, _ = document(path)
    part = parts["meshes"][3]["primitives"][0]  # person 9 in frame 2
    entry = parts["accessors"][part["attributes"]["POSITION"]]
    np.testing.assert_allclose(entry["max"], (2.7, -0.5, -3.5), atol=1e-6)
    vertices = array(path, part["attributes"]["POSITION"])
    wanted = cube.vertices(2, 1)
    assert wanted is not None
    np.testing.assert_allclose(vertices, wanted * [1, -1, -1])
    np.testing.assert_array_equal(array(path, part["indices"]).reshape(-1, 3), cube.faces)


def test_trimesh_and_pygltflib_read_the_glb(tmp_path: Path, cube: Cube) -> None:
    trimesh = pytest.importorskip("trimesh", reason="reads back what was written")
    pygltflib = pytest.importorskip("pygltflib", reason="reads back what was written")
    path = tmp_path / "meshes.glb"
    write_glb(path, cube, np.arange(5) / 25, [7, 9], fps=25.0)
    scene = trimesh.load(path, process=False)
    assert len(scene.geometry) == 8
    mesh = next(iter(scene.geometry.values()))
    np.testing.assert_allclose(mesh.volume, 1.0, atol=1e-5)
    gltf = pygltflib.GLTF2().load(str(path))
    assert len(gltf.nodes) == len(gltf.animations[0].channels) == 8
    assert gltf.asset.version == "2.0"


def test_nobody_makes_a_scene_without_meshes(tmp_path: Path) -> None:
    path = tmp_path / "empty.glb"
    assert write_glb(path, Cube(np.zeros((3, 1), dtype=bool)), np.arange(3), [0], fps=1.0) == 0
    parts, _ = document(path)
    assert "nodes" not in parts
    assert "animations" not in parts


def test_all_or_nothing(tmp_path: Path) -> None:
    source = Failing(np.ones((4, 1), dtype=bool))
    with pytest.raises(OutputError, match="No space left"):
        write_obj_folder(tmp_path / "meshes", source, [0])
    with pytest.raises(OutputError, match="No space left"):
        write_glb(tmp_path / "meshes.glb", source, np.arange(4), [0], fps=1.0)
    assert list(tmp_path.iterdir()) == []


def test_existing_files_are_kept_by_default(tmp_path: Path, cube: Cube) -> None:
    folder, path = tmp_path / "meshes", tmp_path / "meshes.glb"
    for _ in range(2):
        write_obj_folder(folder, cube, [7, 9], overwrite=True)
        write_glb(path, cube, np.arange(5), [7, 9], fps=1.0, overwrite=True)
    assert len(list(folder.iterdir())) == 8
    with pytest.raises(OutputError, match="exists"):
        write_obj_folder(folder, cube, [7, 9])
    with pytest.raises(OutputError, match="exists"):
        write_glb(path, cube, np.arange(5), [7, 9], fps=1.0)
    (folder / "diary.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"only files written by mbcli.*diary\.txt"):
        write_obj_folder(folder, cube, [7, 9], overwrite=True)
    assert (folder / "diary.txt").exists()
    assert write_obj_folder(tmp_path / "new" / "meshes", cube, [7, 9]) == 8
    with pytest.raises(OutputError, match="is not a folder"):
        write_obj_folder(path / "meshes", cube, [7, 9])
