"""Lifter weights: our own format here, published formats through ``foreign``.

Ours are safetensors. Their metadata holds ``format``, and as JSON ``dimensions`` (the fields of
``DSTformerConfig``) and ``facts`` (what the training recorded about itself; here ``metadata``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch

from mbcli.lift.described import (
    filled,
    is_safetensors,
    parse_dimensions,
    read_described,
    write_described,
)
from mbcli.lift.foreign import read_foreign
from mbcli.lift.model import DSTformer, DSTformerConfig
from mbcli.weights import sha256_of

FORMAT = "mbcli.lifter/1"


@dataclass(frozen=True)
class CheckpointInfo:
    """Where a lifter's weights come from.

    Attributes:
        path: the file.
        sha256: of the whole file, hexadecimal.
        origin: the project whose format it is.
        metadata: what the training recorded about itself; empty for foreign files.
    """

    path: Path
    sha256: str
    origin: Literal["mbcli", "motionbert", "mmpose"]
    metadata: Mapping[str, Any] = field(default_factory=dict)


def load_lifter(
    path: Path, *, device: str | torch.device = "cpu", num_heads: int | None = None
) -> tuple[DSTformer, CheckpointInfo]:
    """Load a DSTformer from any of the three formats, strictly.

    Dimensions come from the metadata (ours) or from the tensors' shapes (foreign files). Weights
    stored in half precision become float32. A file saved on a GPU loads anywhere.

    Args:
        path: the weights file; the format is detected from its content, not its suffix.
        device: the device to put the model on.
        num_heads: attention heads of a foreign file, which its tensors do not determine; None
            means 8, as in all published models.

    Returns:
        The model in evaluation mode, and the origin of its weights.

    Raises:
        WeightsError: the file is missing, damaged, unsafe, or of another architecture.
    """
    path = Path(path)
    metadata: Mapping[str, Any] = {}
    if is_safetensors(path):
        state, (config, metadata) = read_described(path, FORMAT, "lifter", _parse)
        origin: Literal["mbcli", "motionbert", "mmpose"] = "mbcli"
    else:
        origin, config, state = read_foreign(path, num_heads)
    model = filled(path, lambda: DSTformer(config), config.depth, state, "DSTformer")
    info = CheckpointInfo(path, sha256_of(path), origin, metadata)
    return model.to(device).eval(), info


def save_lifter(path: Path, model: DSTformer, metadata: Mapping[str, Any], *, half: bool) -> None:
    """Write a lifter as self-describing safetensors.

    The file appears under its name only once it is complete.

    Args:
        path: the output file; an existing file is replaced.
        model: the model; its dimensions are stored as well.
        metadata: JSON-ready training metadata (data, command, errors ...).
        half: store float16 instead of float32.

    Raises:
        OutputError: the file cannot be written there.
        TypeError: ``metadata`` cannot be expressed as JSON.
    """
    path = Path(path)
    dtype = torch.float16 if half else torch.float32
    state = {n: t.detach().to("cpu", dtype).contiguous() for n, t in model.state_dict().items()}
    about = {"dimensions": asdict(model.config), "facts": dict(metadata)}
    write_described(path, state, FORMAT, about)


def with_metadata(source: Path, path: Path, metadata: Mapping[str, Any]) -> None:
    """Rewrite one of our lifters with new metadata; its tensors stay identical bit for bit.

    Args:
        source: safetensors written by :func:`save_lifter`.
        path: the output file; an existing file is replaced, and may be ``source`` itself.
        metadata: JSON-ready; replaces the existing metadata.

    Raises:
        WeightsError: ``source`` is not such a file.
        OutputError: the file cannot be written there.
    """
    state, (config, _) = read_described(Path(source), FORMAT, "lifter", _parse)
    about = {"dimensions": asdict(config), "facts": dict(metadata)}
    write_described(Path(path), state, FORMAT, about)


def _parse(about: Mapping[str, Any]) -> tuple[DSTformerConfig, Mapping[str, Any]]:
    return parse_dimensions(about["dimensions"]), about["facts"]
