"""Self-describing safetensors: tensors, the name of a format, and JSON metadata."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from mbcli.errors import OutputError, WeightsError, first_line
from mbcli.lift.foreign import StateDict, some
from mbcli.lift.model import DSTformerConfig


def is_safetensors(path: Path) -> bool:
    """Whether a file is a safetensors file, by its suffix or its first bytes.

    Raises:
        WeightsError: the file cannot be read.
    """
    try:
        with path.open("rb") as stream:
            start = stream.read(9)
    except OSError as error:
        raise WeightsError(f"weights file {path} cannot be read: {error.strerror}") from error
    # A safetensors file begins with the length of its JSON header, eight bytes, then the header.
    return path.suffix == ".safetensors" or start[8:] == b"{"


def write_described(
    path: Path, state: Mapping[str, Tensor], format: str, about: Mapping[str, Any]
) -> None:
    """Write tensors with metadata; the file appears only once it is complete.

    Args:
        path: the output file; an existing file is replaced.
        state: the tensors.
        format: name of the format.
        about: JSON-ready values by name.

    Raises:
        OutputError: the file cannot be written there.
        TypeError: a value cannot be expressed as JSON.
    """
    metadata = {"format": format, **{key: json.dumps(value) for key, value in about.items()}}
    content = save(dict(state), metadata)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as error:
        raise OutputError(f"weights cannot be written to {path}: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)


def read_described(
    path: Path, format: str, what: str, parse: Callable[[Mapping[str, Any]], Any]
) -> tuple[StateDict, Any]:
    """Read a file written by :func:`write_described`.

    Args:
        path: the file.
        format: name of the format that it must have.
        what: what such a file holds, for messages.
        parse: converts the values; if it raises a KeyError, TypeError or ValueError, the file is
            rejected as not describing a ``what``.

    Returns:
        The tensors, and the result of ``parse``.

    Raises:
        WeightsError: the file is damaged, of another format, or wrongly described.
    """
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            metadata = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise WeightsError(
            f"{path} is not a complete safetensors file: {first_line(error)}"
        ) from error
    if metadata.get("format") != format:
        article = "an" if what[0] in "aeiou" else "a"
        raise WeightsError(
            f"{path} is not {article} {what} of mbcli: its metadata must say format {format!r}, "
            f"got {metadata.get('format')!r}"
        )
    try:
        about = {k: json.loads(v) for k, v in metadata.items() if k != "format"}
        return state, parse(about)
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path} describes no {what}: {first_line(error)}") from error


def parse_dimensions(dimensions: Any) -> DSTformerConfig:
    """The dimensions of a backbone from their JSON form.

    Raises:
        ValueError: they are not whole numbers for all fields of ``DSTformerConfig``.
    """
    known = {f.name for f in fields(DSTformerConfig)}
    if set(dimensions) != known or not all(type(v) is int for v in dimensions.values()):
        raise ValueError(f"dimensions must be whole numbers for {', '.join(sorted(known))}")
    return DSTformerConfig(**dimensions)


def fill(path: Path, model: nn.Module, state: StateDict, name: str) -> None:
    """Copy tensors into a model, whose tensors they must match exactly.

    Args:
        path: the file, for messages.
        model: the model to fill.
        state: the tensors; half precision becomes float32.
        name: name of the architecture, for messages.

    Raises:
        WeightsError: a tensor is missing, unexpected, of another shape or not finite.
    """
    wanted = model.state_dict()
    missing = [n for n in wanted if n not in state]
    unexpected = [n for n in state if n not in wanted]
    shapes = [
        f"{n} {tuple(state[n].shape)} instead of {tuple(t.shape)}"
        for n, t in wanted.items()
        if n in state and state[n].shape != t.shape
    ]
    parts = [
        f"{what}: {some(names)}"
        for what, names in (("missing", missing), ("unexpected", unexpected), ("shape", shapes))
        if names
    ]
    if parts:
        raise WeightsError(f"{path} does not fit the {name} it describes; {'; '.join(parts)}")
    broken = [
        n
        for n, t in wanted.items()
        if state[n].is_floating_point() != t.is_floating_point() or not state[n].isfinite().all()
    ]
    if broken:
        raise WeightsError(f"{path} holds weights that are not finite numbers: {some(broken)}")
    model.load_state_dict({n: state[n].to(t.dtype) for n, t in wanted.items()})


def stored(model: nn.Module, *, half: bool) -> StateDict:
    """A model's tensors as they are stored.

    Args:
        model: the model.
        half: store matrices and embeddings in float16; vectors, which are small, stay float32.
    """
    narrow = torch.float16 if half else torch.float32
    return {
        name: tensor.detach().to("cpu", _dtype(tensor, narrow)).contiguous()
        for name, tensor in model.state_dict().items()
    }


def _dtype(tensor: Tensor, narrow: torch.dtype) -> torch.dtype:
    if not tensor.is_floating_point():
        return tensor.dtype
    return narrow if tensor.ndim > 1 else torch.float32
