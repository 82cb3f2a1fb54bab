"""Weights of mesh models: our own format and the published files.

Ours are safetensors. Their metadata holds ``format``, and as JSON ``dimensions`` (of the
backbone), ``head`` (the fields of ``MeshHeadConfig``), ``body`` (the name of the body model) and
``facts`` (what the training recorded about itself; here ``metadata``). Published files also hold
SMPL itself, ``head.smpl.*``, which is not read: the body comes from the user's own licensed file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch

from mbcli.errors import WeightsError
from mbcli.lift.body.body_model import BODY_MODELS
from mbcli.lift.body.network import MeshHeadConfig, MeshNet
from mbcli.lift.described import (
    filled,
    is_safetensors,
    read_described,
    stored,
    write_described,
)
from mbcli.lift.dimensions import DSTformerConfig, parse_dimensions
from mbcli.lift.foreign import StateDict, read_foreign_task
from mbcli.lift.model import DSTformer
from mbcli.weights import sha256_of

FORMAT = "mbcli.mesh/1"

_BODY = "head.smpl."
_COUNTERS = ("head.bn1.num_batches_tracked", "head.bn2.num_batches_tracked")


@dataclass(frozen=True)
class MeshInfo:
    """Where a mesh model's weights come from.

    Attributes:
        path: the file.
        sha256: of the whole file, hexadecimal.
        origin: the project whose format it is.
        body: name of the body model whose pose and shape it predicts.
        metadata: what the training recorded about itself, including ``frames`` and ``window``;
            empty for published files.
    """

    path: Path
    sha256: str
    origin: Literal["mbcli", "motionbert"]
    body: str
    metadata: Mapping[str, Any] = field(default_factory=dict)


def load_mesh(
    path: Path, *, device: str | torch.device = "cpu", num_heads: int | None = None
) -> tuple[MeshNet, MeshInfo]:
    """Load a mesh model of either format, strictly.

    Args:
        path: the weights file; the format is detected from its content, not its suffix.
        device: the device to put the model on.
        num_heads: attention heads of a published file, which its tensors do not determine; None
            means 8.

    Returns:
        The model in evaluation mode, and the origin of its weights.

    Raises:
        WeightsError: the file is missing, damaged, unsafe, or of another architecture.
    """
    path = Path(path)
    sha256 = sha256_of(path)
    if is_safetensors(path):
        state, (config, head, body, metadata) = read_described(path, FORMAT, "mesh model", _parse)
        info = MeshInfo(path, sha256, "mbcli", body, metadata)
    else:
        config, everything = read_foreign_task(path, num_heads)
        state = {n: t for n, t in everything.items() if not n.startswith(_BODY)}
        head = _infer_head(path, state)
        info = MeshInfo(path, sha256, "motionbert", "smpl")
    model = filled(
        path, lambda: MeshNet(DSTformer(config), head), config.depth, state, "mesh model"
    )
    return model.to(device).eval(), info


def save_mesh(
    path: Path, model: MeshNet, body: str, metadata: Mapping[str, Any], *, half: bool
) -> None:
    """Write a mesh model as self-describing safetensors.

    Args:
        path: the output file; an existing file is replaced.
        model: the model; its dimensions are stored as well.
        body: name of the body model.
        metadata: JSON-ready training metadata.
        half: store the matrices in float16 instead of float32.

    Raises:
        OutputError: the file cannot be written there.
        TypeError: ``metadata`` cannot be expressed as JSON.
    """
    about = {
        "dimensions": asdict(model.config),
        "head": asdict(model.head_config),
        "body": body,
        "facts": dict(metadata),
    }
    write_described(Path(path), stored(model, half=half), FORMAT, about)


def _parse(
    about: Mapping[str, Any],
) -> tuple[DSTformerConfig, MeshHeadConfig, str, Mapping[str, Any]]:
    head, body = about["head"], about["body"]
    if not isinstance(head, dict) or set(head) != {"hidden", "shapes", "dropout"}:
        raise ValueError(f"head must have hidden, shapes and dropout, got {head!r:.60}")
    if body not in BODY_MODELS:
        raise ValueError(f"body must be {', '.join(BODY_MODELS)}, got {body!r}")
    return parse_dimensions(about["dimensions"]), MeshHeadConfig(**head), body, about["facts"]


def _infer_head(path: Path, state: StateDict) -> MeshHeadConfig:
    try:
        hidden = state["head.fc1.weight"].shape[0]
        shapes = state["head.head_shape.weight"].shape[0]
    except (KeyError, IndexError) as error:
        raise WeightsError(
            f"{path} is not a mesh model: it must hold head.fc1.weight and head.head_shape.weight"
        ) from error
    missing = [name for name in _COUNTERS if name not in state]
    state.update({name: torch.tensor(0) for name in missing})
    return MeshHeadConfig(hidden=hidden, shapes=shapes, dropout=0.0)
