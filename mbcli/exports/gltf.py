"""The container of a glTF 2.0 binary (Khronos, ISO/IEC 12113): a document and its arrays.

A GLB file is a header of 12 bytes, the JSON document, and one buffer, each padded to 4 bytes. The
document refers to arrays by the indices of accessors, which refer to views of the buffer.
"""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from mbcli.errors import OutputError
from mbcli.types import FloatArray

# glTF's codes for component types and buffer targets.
FLOAT, UINT32, UINT16 = 5126, 5125, 5123
VERTICES, INDICES = 34962, 34963

# The headers of a GLB file and of its two chunks, and the largest length they can hold.
MAGIC, _VERSION, JSON, BIN = 0x46546C67, 2, 0x4E4F534A, 0x004E4942
_LARGEST = 2**32 - 1


class GlbBuffer:
    """The arrays of a document, one after the other, and the file they are written to.

    Args:
        stream: buffer of the arrays; a file if they are large.
        document: of a file whose arrays the buffer already holds, and which they are added to.
    """

    def __init__(self, stream: IO[bytes], document: Mapping[str, Any] | None = None) -> None:
        self._stream = stream
        known = document or {}
        self._views: list[dict[str, Any]] = list(known.get("bufferViews", ()))
        self._accessors: list[dict[str, Any]] = list(known.get("accessors", ()))

    def array(
        self, array: npt.NDArray[Any], kind: str, numbers: int = FLOAT, target: int | None = None
    ) -> int:
        """Append an array and return the index of its accessor.

        Args:
            array: (N, ...) little-endian numbers of the type ``numbers``.
            kind: ``SCALAR``, ``VEC3`` ..., type of the N elements.
            numbers: `FLOAT`, `UINT16` or `UINT32`.
            target: `VERTICES` or `INDICES` for the arrays of a mesh.
        """
        view: dict[str, Any] = {
            "buffer": 0,
            "byteOffset": self._stream.tell(),
            "byteLength": array.nbytes,
        }
        if target is not None:
            view["target"] = target
        self._stream.write(np.ascontiguousarray(array).tobytes())
        self._stream.write(b"\0" * (-self._stream.tell() % 4))
        self._views.append(view)
        rows = array.reshape(len(array), -1)
        self._accessors.append(
            {
                "bufferView": len(self._views) - 1,
                "componentType": numbers,
                "count": len(array),
                "type": kind,
                "min": rows.min(axis=0).tolist(),
                "max": rows.max(axis=0).tolist(),
            }
        )
        return len(self._accessors) - 1

    def write(self, path: Path, temporary: Path, document: Mapping[str, Any], less: str) -> None:
        """Create a file of a document and the arrays.

        Args:
            path: the file's name in errors.
            temporary: the file to create.
            document: glTF without ``asset.version``, accessors, views and buffers.
            less: advice in the error if the file would be too large.

        Raises:
            OutputError: the file would exceed the 4 GiB of the format.
        """
        size = self._stream.tell()
        whole = {
            **document,
            "asset": {"version": "2.0", "generator": "mbcli", **document.get("asset", {})},
            "accessors": self._accessors,
            "bufferViews": self._views,
            "buffers": [{"byteLength": size}],
        }
        text = json.dumps(whole, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 4)
        total = 12 + 8 + len(text) + 8 + size
        if total > _LARGEST:
            raise OutputError(f"{path} would hold {total / 2**30:.1f} GiB, a GLB at most 4: {less}")
        with temporary.open("xb") as stream:
            stream.write(struct.pack("<III", MAGIC, _VERSION, total))
            stream.write(struct.pack("<II", len(text), JSON) + text)
            stream.write(struct.pack("<II", size, BIN))
            self._stream.seek(0)
            shutil.copyfileobj(self._stream, stream, 1 << 20)


class Animation:
    """The one motion of a document: curves of nodes over time.

    Args:
        buffer: for the arrays.
        times: (T,) seconds of the frames.

    Attributes:
        entry: its entry in the document.
    """

    def __init__(self, buffer: GlbBuffer, times: FloatArray) -> None:
        self._buffer = buffer
        self._seconds = times.astype("<f4")
        # Accessors of the times of the frames from one to another; people may share them.
        self._times: dict[tuple[int, int], int] = {}
        self._samplers: list[dict[str, int]] = []
        self._channels: list[dict[str, Any]] = []
        self.entry: dict[str, Any] = {
            "name": "motion",
            "channels": self._channels,
            "samplers": self._samplers,
        }

    def move(self, node: int, path: str, values: FloatArray, frames: slice) -> None:
        """Add a curve, linear between frames.

        Args:
            node: the node that it moves.
            path: ``translation`` or ``rotation``.
            values: (t, 3) or (t, 4), by the path.
            frames: the frames that they are for.
        """
        kind = "VEC3" if path == "translation" else "VEC4"
        output = self._buffer.array(values.astype("<f4"), kind)
        span = frames.start, frames.stop
        if span not in self._times:
            self._times[span] = self._buffer.array(self._seconds[frames], "SCALAR")
        self._samplers.append({"input": self._times[span], "output": output})
        target = {"node": node, "path": path}
        self._channels.append({"sampler": len(self._samplers) - 1, "target": target})


def material(red: float, green: float, blue: float) -> dict[str, Any]:
    """A matt material of one colour, components 0..1."""
    return {
        "pbrMetallicRoughness": {
            "baseColorFactor": [red, green, blue, 1.0],
            "metallicFactor": 0.0,
            "roughnessFactor": 0.8,
        }
    }
