"""Animated meshes for other programs: a folder of Wavefront OBJ files, or one glTF binary.

Both are in metres with y up and z towards the viewer, as required by glTF 2.0 (Khronos, ISO/IEC
12113): camera axes rotated by 180 degrees about x. Meshes are requested one by one and not kept, so
that a long video needs no more memory than a short one.

The GLB holds a node for every frame and person, whose scale is switched between 0 and 1 by a
stepwise animation. Morph targets would need fewer nodes, but one weight for each pair of frames,
and viewers limit their number.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
import numpy.typing as npt

from mbcli.errors import OutputError
from mbcli.exports.gltf import INDICES, UINT32, VERTICES, GlbBuffer, material
from mbcli.motion import Motion3D
from mbcli.storage.output import (
    Input,
    check_folder,
    check_output,
    check_replaceable,
    check_separate,
    move_folder,
    written_whole,
)
from mbcli.storage.workspace import workspace

_FROM_CAMERA = np.array([1.0, -1.0, -1.0], dtype=np.float32)  # y and z negated: glTF has y up

Vertices = npt.NDArray[np.float32]


class MeshSource(Protocol):
    """A source of meshes, such as `mbcli.lift.body.recovery.MeshMotion`.

    Attributes:
        faces: (F, 3) vertices of each triangle, counter-clockwise from outside.
        present: (T, P) whether a person is present in a frame.
    """

    @property
    def faces(self) -> npt.NDArray[np.int64]: ...  # noqa: D102
    @property
    def present(self) -> npt.NDArray[np.bool_]: ...  # noqa: D102

    def vertices(self, frame: int, person: int) -> Vertices | None:
        """(V, 3) metres in camera axes; None where the person is absent."""
        ...


def check_bodies(path: Path, *, overwrite: bool, inputs: Iterable[Input]) -> None:
    """Check, before any work is done, whether bodies can be written to a path.

    Args:
        path: a ``.glb`` file, or a folder.
        overwrite: whether a file, or a folder of such files, may be replaced.
        inputs: all files read to make them.

    Raises:
        OutputError: it cannot be written, exists, holds other files, or is one of the inputs.
    """
    if path.suffix.lower() == ".glb":
        check_output(path, overwrite=overwrite, inputs=inputs)
        return
    check_separate([path], inputs)
    check_replaceable(path, _is_ours, overwrite=overwrite)
    check_folder(path.parent)


def _is_ours(name: str) -> bool:
    return re.fullmatch(r"frame_\d{6,}_person_-?\d+\.obj", name) is not None


def save_bodies(
    path: Path, source: MeshSource, motion: Motion3D, *, overwrite: bool = False
) -> int:
    """Write the bodies of a motion: one ``.glb``, or a folder of ``.obj`` files otherwise.

    Raises:
        OutputError: see :func:`write_glb` and :func:`write_obj_folder`.
    """
    ids = motion.track_ids.tolist()
    if path.suffix.lower() == ".glb":
        times = motion.timestamps
        return write_glb(path, source, times, ids, fps=motion.fps, overwrite=overwrite)
    return write_obj_folder(path, source, ids, overwrite=overwrite)


def write_obj_folder(
    folder: Path | str, source: MeshSource, track_ids: Sequence[int], *, overwrite: bool = False
) -> int:
    """Write ``frame_000000_person_1.obj`` and so on; the folder appears once it is complete.

    Args:
        folder: the output folder.
        source: the meshes.
        track_ids: (P,) track ids for the file names.
        overwrite: replace an existing folder.

    Returns:
        The number of files written.

    Raises:
        OutputError: the folder exists and ``overwrite`` is off, it holds files of other kinds, or
            it cannot be written.
    """
    folder = Path(folder)
    check_bodies(folder, overwrite=overwrite, inputs=())
    faces = "".join(f"f {a} {b} {c}\n" for a, b, c in (source.faces + 1).tolist())
    count = 0
    try:
        with workspace(folder.parent) as place:
            temporary = place / folder.name
            temporary.mkdir()
            for frame, person in np.argwhere(source.present).tolist():
                vertices = source.vertices(frame, person)
                if vertices is None:
                    continue
                name = f"frame_{frame:06d}_person_{track_ids[person]}.obj"
                rows = (vertices * _FROM_CAMERA).tolist()
                text = "".join(f"v {x:.5f} {y:.5f} {z:.5f}\n" for x, y, z in rows)
                (temporary / name).write_text(text + faces, encoding="ascii")
                count += 1
            move_folder(temporary, folder, _is_ours)
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {error.strerror or error}") from error
    return count


def write_glb(
    path: Path | str,
    source: MeshSource,
    timestamps: npt.ArrayLike,
    track_ids: Sequence[int],
    *,
    fps: float,
    overwrite: bool = False,
) -> int:
    """Write one animated glTF binary; the file appears once it is complete.

    Args:
        path: the ``.glb`` file.
        source: the meshes.
        timestamps: (T,) seconds; the animation begins at the first.
        track_ids: (P,) track ids for the nodes' names.
        fps: frames per second, which sets the duration of the last frame.
        overwrite: replace an existing file.

    Returns:
        The number of meshes in the file.

    Raises:
        OutputError: the file exists and ``overwrite`` is off, it cannot be written, or it would
            exceed the 4 GiB of the format.
    """
    path = Path(path)
    times = np.asarray(timestamps, dtype=np.float64)
    starts = np.append(times - times[:1], (times[-1:] - times[:1]) + 1 / fps)
    with written_whole(path, overwrite=overwrite) as temporary:
        with tempfile.TemporaryFile(dir=path.parent) as buffer:
            scene = _Scene(buffer, source.faces)
            for frame, person in np.argwhere(source.present).tolist():
                vertices = source.vertices(frame, person)
                if vertices is not None:
                    name = f"person {track_ids[person]} frame {frame}"
                    scene.add(name, vertices * _FROM_CAMERA, starts[frame], starts[frame + 1])
            scene.write(path, temporary)
        return len(scene.nodes)


class _Scene:
    """The parts of a glTF document, and its buffer on disk.

    Args:
        buffer: file for the arrays, one after the other.
        faces: (F, 3), shared by all meshes.
    """

    def __init__(self, buffer: IO[bytes], faces: npt.NDArray[np.int64]) -> None:
        self._buffer = GlbBuffer(buffer)
        self._meshes: list[dict[str, Any]] = []
        self._samplers: list[dict[str, Any]] = []
        self._channels: list[dict[str, Any]] = []
        self.nodes: list[dict[str, Any]] = []
        array = self._buffer.array
        self._faces = array(faces.astype("<u4").ravel(), "SCALAR", UINT32, INDICES)
        self._on_off = array(np.repeat([1.0, 0.0], 3).reshape(2, 3).astype("<f4"), "VEC3")
        self._off_on_off = array(np.repeat([0.0, 1.0, 0.0], 3).reshape(3, 3).astype("<f4"), "VEC3")

    def add(self, name: str, vertices: Vertices, start: float, stop: float) -> None:
        """Add a mesh that is visible from ``start`` to ``stop``, in seconds."""
        places = self._buffer.array(vertices.astype("<f4"), "VEC3", target=VERTICES)
        part = {"attributes": {"POSITION": places}, "indices": self._faces, "material": 0}
        self._meshes.append({"primitives": [part]})
        # A viewer without animation shows the first frame only.
        seen = [1.0, 1.0, 1.0] if start == 0 else [0.0, 0.0, 0.0]
        self.nodes.append({"name": name, "mesh": len(self._meshes) - 1, "scale": seen})
        keys, values = ([start, stop], self._on_off)
        if start > 0:
            keys, values = [0.0, start, stop], self._off_on_off
        times = self._buffer.array(np.array(keys, dtype="<f4"), "SCALAR")
        self._samplers.append({"input": times, "output": values, "interpolation": "STEP"})
        target = {"node": len(self.nodes) - 1, "path": "scale"}
        self._channels.append({"sampler": len(self._samplers) - 1, "target": target})

    def write(self, path: Path, temporary: Path) -> None:
        """Create the file."""
        document: dict[str, Any] = {
            "scene": 0,
            "scenes": [{"nodes": list(range(len(self.nodes)))}],
            "nodes": self.nodes,
            "meshes": self._meshes,
            "materials": [material(0.65, 0.71, 0.78)],
        }
        if self._channels:
            motion = {"name": "motion", "channels": self._channels, "samplers": self._samplers}
            document["animations"] = [motion]
        else:
            del document["scenes"][0]["nodes"], document["nodes"], document["meshes"]
        self._buffer.write(path, temporary, document, "write a shorter part or an OBJ folder")
