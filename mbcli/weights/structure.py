"""Check of a file's contents against its entry in the table, used if no digest is known.

The file is opened in its expected format, without running anything in it, and its tensors, or its
inputs and outputs, are compared with ``holds`` of the entry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mbcli.errors import WeightsError
from mbcli.weights.entry import PictureGraph, Shape, TorchFile, WeightsEntry


def check_structure(entry: WeightsEntry, path: Path) -> None:
    """Compare size and contents of a file with its entry.

    Raises:
        WeightsError: the size is far from the expected one, the file cannot be opened, or it has
            other contents.
    """
    least, most = entry.sizes
    size = path.stat().st_size
    if not least <= size <= most:
        raise WeightsError(f"the file must have {least} to {most} bytes, got {size}")
    if isinstance(entry.holds, TorchFile):
        _check_tensors(entry.holds, path)
    elif isinstance(entry.holds, PictureGraph):
        _check_graph(entry.holds, path)


def _check_tensors(holds: TorchFile, path: Path) -> None:
    from mbcli.storage.torch_file import load_torch

    content = load_torch(path, "a weights file")
    state = content.get(holds.key) if isinstance(content, Mapping) else None
    if not isinstance(state, Mapping):
        raise WeightsError(f"the file must hold tensors under {holds.key!r}, got none")
    found = {str(name).removeprefix("module."): tensor for name, tensor in state.items()}
    for name, shape in holds.shapes.items():
        got: Any = getattr(found.get(name), "shape", None)
        if got is None or not _fits(tuple(got), shape):
            raise WeightsError(
                f"the tensor {name} must be {_shown(shape)}, got "
                f"{'none' if got is None else _shown(got)}"
            )


def _check_graph(holds: PictureGraph, path: Path) -> None:
    # Imported on use: importing the table must stay cheap.
    from mbcli.storage.onnx_file import open_onnx

    session = open_onnx(path, optimised=False)
    inputs = [node.shape for node in session.get_inputs()]
    wanted = (None, 3, *holds.size[::-1])
    if len(inputs) != 1 or not _fits(inputs[0], wanted):
        shown = ", ".join(map(_shown, inputs))
        raise WeightsError(f"the network must take pictures {_shown(wanted)}, got {shown}")
    outputs = [node.shape for node in session.get_outputs()]
    for shape in holds.outputs:
        if not any(_fits(output, shape) for output in outputs):
            shown = ", ".join(map(_shown, outputs))
            raise WeightsError(f"the network must give {_shown(shape)}, got {shown}")


def _fits(shape: Sequence[Any], wanted: Shape) -> bool:
    """Whether a shape matches; in a graph, dimensions may be open or symbolic."""
    return len(shape) == len(wanted) and all(
        length == must or must is None or not isinstance(length, int)
        for length, must in zip(shape, wanted, strict=True)
    )


def _shown(shape: Sequence[Any]) -> str:
    return f"[{', '.join('?' if not isinstance(n, int) else str(n) for n in shape)}]"
