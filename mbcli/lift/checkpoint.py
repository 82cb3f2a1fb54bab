"""Lifter weights: our own format here, published ones through ``foreign``.

Ours are safetensors. Their metadata holds ``format``, and as JSON ``dimensions`` (the fields of
``DSTformerConfig``) and ``facts`` (what the training tells about itself).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from mbcli.errors import OutputError, WeightsError
from mbcli.lift.foreign import StateDict, one_line, read_foreign, some
from mbcli.lift.model import DSTformer, DSTformerConfig

FORMAT = "mbcli.lifter/1"


@dataclass(frozen=True)
class CheckpointInfo:
    """Where a lifter's weights come from.

    Attributes:
        path: the file.
        sha256: of the whole file, hexadecimal.
        origin: whose format it is.
        facts: what the training wrote about itself; empty for foreign files.
    """

    path: Path
    sha256: str
    origin: Literal["mbcli", "motionbert", "mmpose"]
    facts: Mapping[str, Any] = field(default_factory=dict)


def load_lifter(
    path: Path, *, device: str | torch.device = "cpu", num_heads: int | None = None
) -> tuple[DSTformer, CheckpointInfo]:
    """Load a DSTformer from any of the three formats, strictly.

    Dimensions come from the metadata (ours) or from the tensors' shapes (foreign files). Weights
    stored in half precision become float32. A file saved on a GPU loads anywhere.

    Args:
        path: the weights file; its content decides on the format, not its suffix.
        device: where the model goes.
        num_heads: attention heads of a foreign file, which its tensors do not tell; 8, as in all
            published models, if None.

    Returns:
        The model in evaluation mode, and where it came from.

    Raises:
        WeightsError: no such file; damaged, unsafe, or of another architecture.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"weights file {path} cannot be read: {error.strerror}") from error
    facts: Mapping[str, Any] = {}
    # A safetensors file begins with the length of its JSON header, eight bytes, then the header.
    if path.suffix == ".safetensors" or content[8:9] == b"{":
        config, state, facts = _read_safetensors(path)
        origin: Literal["mbcli", "motionbert", "mmpose"] = "mbcli"
    else:
        origin, config, state = read_foreign(path, num_heads)
    model = DSTformer(config)
    _fill(path, model, state)
    info = CheckpointInfo(path, hashlib.sha256(content).hexdigest(), origin, facts)
    return model.to(device).eval(), info


def save_lifter(path: Path, model: DSTformer, facts: Mapping[str, Any], *, half: bool) -> None:
    """Write a lifter as safetensors that describe themselves.

    The file appears under its name only when it is complete.

    Args:
        path: where to; an existing file is replaced.
        model: the model; its dimensions go into the metadata.
        facts: JSON-ready training facts (data, command, errors ...).
        half: store float16 instead of float32.

    Raises:
        OutputError: the file cannot be written there.
        TypeError: ``facts`` cannot be expressed as JSON.
    """
    path = Path(path)
    dtype = torch.float16 if half else torch.float32
    state = {n: t.detach().to("cpu", dtype).contiguous() for n, t in model.state_dict().items()}
    metadata = {
        "format": FORMAT,
        "dimensions": json.dumps(asdict(model.config)),
        "facts": json.dumps(dict(facts)),
    }
    content = save(state, metadata)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as error:
        raise OutputError(f"weights cannot be written to {path}: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)


def _read_safetensors(path: Path) -> tuple[DSTformerConfig, StateDict, Mapping[str, Any]]:
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            metadata = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise WeightsError(
            f"{path} is not a complete safetensors file: {one_line(error)}"
        ) from error
    if metadata.get("format") != FORMAT:
        raise WeightsError(
            f"{path} is not a lifter of mbcli: its metadata must say format {FORMAT!r}, "
            f"got {metadata.get('format')!r}"
        )
    try:
        dimensions = json.loads(metadata["dimensions"])
        known = {f.name for f in fields(DSTformerConfig)}
        if set(dimensions) != known or not all(type(v) is int for v in dimensions.values()):
            raise ValueError(f"dimensions must be whole numbers for {', '.join(sorted(known))}")
        return DSTformerConfig(**dimensions), state, json.loads(metadata["facts"])
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path} describes no lifter: {one_line(error)}") from error


def _fill(path: Path, model: DSTformer, state: StateDict) -> None:
    """Copy the tensors into the model; all of them, and no others."""
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
        raise WeightsError(f"{path} does not fit the DSTformer it describes; {'; '.join(parts)}")
    broken = [n for n, t in state.items() if not (t.is_floating_point() and t.isfinite().all())]
    if broken:
        raise WeightsError(f"{path} holds weights that are no finite numbers: {some(broken)}")
    model.load_state_dict({name: tensor.float() for name, tensor in state.items()})
