"""Self-describing safetensors: tensors, the name of a format, and JSON metadata."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from mbcli.boundary import reading, reason
from mbcli.errors import OutputError, WeightsError
from mbcli.lift.foreign import StateDict, some
from mbcli.lift.header import header, read_header

Model = TypeVar("Model", bound=nn.Module)


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
    content = save(dict(state), header(format, about))
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
    # The library's own error for damaged files is an Exception and no more.
    try:
        with (
            reading(path, "a complete safetensors file", WeightsError),
            safe_open(path, framework="pt", device="cpu") as file,
        ):
            metadata = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise WeightsError(f"{path} is not a complete safetensors file: {reason(error)}") from error
    return state, read_header(path, metadata, format, what, parse)


def filled(
    path: Path, build: Callable[[], Model], depth: int, state: StateDict, name: str
) -> Model:
    """Make a model of tensors, which must match its own exactly.

    Args:
        path: the file, for messages.
        build: makes the model. It is first called for the shapes alone, so that nothing is
            allocated for dimensions that the tensors do not have.
        depth: number of its layers, of which each has tensors.
        state: the tensors; half precision becomes float32.
        name: name of the architecture, for messages.

    Raises:
        WeightsError: a tensor is missing, unexpected, of another shape or not finite.
    """
    if depth > len(state):
        raise WeightsError(
            f"{path} does not fit the {name} it describes: {depth} layers must have as many "
            f"tensors or more, got {len(state)}"
        )
    with reading(path, f"the {name} it describes", WeightsError, verdict="does not fit"):
        with torch.device("meta"):
            wanted = build().state_dict()
        _check_state(path, wanted, state, name)
        model = build()
        model.load_state_dict({n: state[n].to(t.dtype) for n, t in wanted.items()})
        return model


def _check_state(path: Path, wanted: StateDict, state: StateDict, name: str) -> None:
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
