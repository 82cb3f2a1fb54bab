"""The operators of an ONNX file that read its input; onnxruntime exposes shapes, not operators.

An ONNX file is one Protocol Buffers message. Only the fields that lead to the nodes are read; the
weights between them are skipped, so a large file costs no more than a small one.
The numbers are those of onnx.proto3 (onnx.ai): ModelProto.graph = 7, GraphProto.node = 1,
NodeProto.input = 1, NodeProto.op_type = 4.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path

from mbcli.errors import WeightsError

# Numbers of fields, see above.
_MODEL_GRAPH = 7
_GRAPH_NODE = 1
_NODE_INPUT = 1
_NODE_OPERATOR = 4

# Wire types (protobuf.dev, "Encoding").
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def readers_of(path: Path, tensor: str) -> set[str]:
    """Names of the operators that read ``tensor`` directly, such as ``{"Conv"}``.

    Raises:
        WeightsError: the file is not an ONNX file.
    """
    found: set[str] = set()
    try:
        with (
            path.open("rb") as stream,
            mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content,
        ):
            for start, end in _fields(content, 0, len(content), _MODEL_GRAPH):
                for node in _fields(content, start, end, _GRAPH_NODE):
                    inputs = [content[a:b] for a, b in _fields(content, *node, _NODE_INPUT)]
                    if tensor.encode() in inputs:
                        found.update(
                            content[a:b].decode()
                            for a, b in _fields(content, *node, _NODE_OPERATOR)
                        )
    except (OSError, ValueError, IndexError) as error:
        raise WeightsError(f"{path} is not an ONNX file: {error}") from error
    return found


def _fields(content: mmap.mmap, start: int, end: int, wanted: int) -> Iterator[tuple[int, int]]:
    """(start, end) of each length-delimited field of that number within a message."""
    while start < end:
        key, start = _varint(content, start)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            _, start = _varint(content, start)
        elif wire == _FIXED64:
            start += 8
        elif wire == _FIXED32:
            start += 4
        elif wire == _BYTES:
            length, start = _varint(content, start)
            if start + length > end:
                raise ValueError("it is truncated")
            if number == wanted:
                yield start, start + length
            start += length
        else:
            raise ValueError(f"wire type {wire}")


def _varint(content: mmap.mmap, start: int) -> tuple[int, int]:
    """A number of seven bits per byte, lowest first, and where it ends."""
    value = shift = 0
    while True:
        byte = content[start]
        start += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, start
        shift += 7
