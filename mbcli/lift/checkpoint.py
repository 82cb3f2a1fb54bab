"""Lifter weights: our own format here, published ones through ``foreign``.

Ours are safetensors. Their metadata holds ``format``, and as JSON ``dimensions`` (the fields of
``DSTformerConfig``) and ``facts`` (what the training tells about itself).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch

from mbcli.lift.described import (
    fill,
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
    facts: Mapping[str, Any] = {}
    if is_safetensors(path):
        state, (config, facts) = read_described(path, FORMAT, "lifter", _parse)
        origin: Literal["mbcli", "motionbert", "mmpose"] = "mbcli"
    else:
        origin, config, state = read_foreign(path, num_heads)
    model = DSTformer(config)
    fill(path, model, state, "DSTformer")
    info = CheckpointInfo(path, sha256_of(path), origin, facts)
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
    about = {"dimensions": asdict(model.config), "facts": dict(facts)}
    write_described(path, state, FORMAT, about)


def with_facts(source: Path, path: Path, facts: Mapping[str, Any]) -> None:
    """Write a lifter of ours once more with other facts; its tensors stay bit by bit.

    Args:
        source: safetensors as :func:`save_lifter` writes them.
        path: where to; an existing file is replaced, ``source`` itself too.
        facts: JSON-ready, in place of those that are there.

    Raises:
        WeightsError: ``source`` is not such a file.
        OutputError: the file cannot be written there.
    """
    state, (config, _) = read_described(Path(source), FORMAT, "lifter", _parse)
    about = {"dimensions": asdict(config), "facts": dict(facts)}
    write_described(Path(path), state, FORMAT, about)


def _parse(about: Mapping[str, Any]) -> tuple[DSTformerConfig, Mapping[str, Any]]:
    return parse_dimensions(about["dimensions"]), about["facts"]
