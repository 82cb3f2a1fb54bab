"""Pose lifters saved by other programs: MotionBERT's own files and those of its MMPose port.

MotionBERT writes ``torch.save({epoch, lr, optimizer, model_pos, min_loss})``; the tensors have
our names, prefixed with ``module.`` after training on several GPUs. Its action and mesh models
are ``{..., model}`` with ``module.backbone.*`` and ``module.head.*``.

MMPose writes ``torch.save({meta, state_dict, ...})`` with ``backbone.*`` and ``head.*``. There
``pos_embed`` is called ``spat_embed``, ``ts_attn`` ``attn_regress``, the two layers of an MLP
``0`` and ``2``, ``pre_logits`` ``head.pre_logits`` and ``head`` ``head.fc``.

Both are read with ``weights_only=True``: anything in a file other than tensors and plain numpy
values is rejected by name and never executed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from mbcli.errors import WeightsError, first_line
from mbcli.lift.dimensions import DSTformerConfig
from mbcli.storage.torch_file import load_torch

PUBLISHED_HEADS = 8  # of all published models; their files do not record it

ForeignOrigin = Literal["motionbert", "mmpose"]
StateDict = dict[str, Tensor]

_NAMED_AT_MOST = 4  # tensors, to keep the error message on one line

# The prefix "backbone." is already removed.
_MMPOSE_NAMES = (
    (re.compile(r"^spat_embed$"), "pos_embed"),
    (re.compile(r"^attn_regress\."), "ts_attn."),
    (re.compile(r"\.mlp_([st])\.0\."), r".mlp_\1.fc1."),
    (re.compile(r"\.mlp_([st])\.2\."), r".mlp_\1.fc2."),
    (re.compile(r"^head\.pre_logits\."), "pre_logits."),
    (re.compile(r"^head\.fc\."), "head."),
)


def read_foreign(
    path: Path, num_heads: int | None = None
) -> tuple[ForeignOrigin, DSTformerConfig, StateDict]:
    """Read a published pose model.

    Args:
        path: a file written by ``torch.save``.
        num_heads: attention heads, which the tensors do not determine; None means 8.

    Returns:
        The origin of the format, the dimensions inferred from the tensors, and the tensors under
        our names.

    Raises:
        WeightsError: the file is damaged, unsafe, or holds no 3D pose model.
    """
    origin, state = _pose_state(path, load_torch(path, "a weights file"))
    return origin, _infer_config(path, state, num_heads), state


def read_foreign_task(
    path: Path, num_heads: int | None = None
) -> tuple[DSTformerConfig, StateDict]:
    """Read a published action or mesh model: a backbone with a head.

    Args:
        path: a file written by ``torch.save``.
        num_heads: attention heads, which the tensors do not determine; None means 8.

    Returns:
        The backbone's dimensions, and all tensors as ``backbone.*`` and ``head.*``.

    Raises:
        WeightsError: the file is damaged, unsafe, or holds no such model.
    """
    content = load_torch(path, "a weights file")
    if not isinstance(content, Mapping) or "model" not in content:
        got = some(map(repr, content)) if isinstance(content, Mapping) else type(content).__name__
        raise WeightsError(
            f"{path} is not an action or mesh model: such a file holds 'model', got {got}"
        )
    state = _tensors(path, content["model"])
    backbone = {
        name.removeprefix("backbone."): tensor
        for name, tensor in state.items()
        if name.startswith("backbone.")
    }
    return _infer_config(path, backbone, num_heads), state


def _pose_state(path: Path, content: Any) -> tuple[ForeignOrigin, StateDict]:
    """The pose model's tensors under the published names."""
    if not isinstance(content, Mapping):
        raise WeightsError(f"{path} holds no state dict, but a {type(content).__name__}")
    if "model_pos" in content:
        return "motionbert", _tensors(path, content["model_pos"])
    if "state_dict" in content:
        state = _tensors(path, content["state_dict"])
        return "mmpose", {_from_mmpose(name): tensor for name, tensor in state.items()}
    if "model" in content:
        names = _tensors(path, content["model"])
        if any(name.startswith("backbone.") for name in names):
            raise WeightsError(
                f"{path} is an action or mesh model of MotionBERT, without a 3D pose head: "
                "lifting needs a pose model, whose file holds 'model_pos'"
            )
        return "motionbert", names
    return "motionbert", _tensors(path, content)


def _tensors(path: Path, state: Any) -> StateDict:
    """A checked state dict, without the prefix ``module.`` of training on several GPUs."""
    if not isinstance(state, Mapping):
        raise WeightsError(f"{path} holds no state dict, but a {type(state).__name__}")
    others = [n for n, t in state.items() if not (isinstance(n, str) and isinstance(t, Tensor))]
    if others or not state:
        raise WeightsError(
            f"{path} holds no pose model: expected 'model_pos', 'state_dict' or tensors by name, "
            f"got {some(map(repr, others)) or 'nothing'}"
        )
    return {name.removeprefix("module."): tensor for name, tensor in state.items()}


def _from_mmpose(name: str) -> str:
    name = name.removeprefix("backbone.")
    for pattern, replacement in _MMPOSE_NAMES:
        name = pattern.sub(replacement, name)
    return name


def _infer_config(path: Path, state: StateDict, num_heads: int | None) -> DSTformerConfig:
    """Dimensions from the shapes of the tensors."""
    ranks = {
        "joints_embed.weight": 2,
        "pos_embed": 3,
        "temp_embed": 4,
        "blocks_st.0.mlp_s.fc1.weight": 2,
        "pre_logits.fc.weight": 2,
        "head.weight": 2,
    }
    missing = [name for name in ranks if name not in state]
    if missing:
        raise WeightsError(
            f"{path} has another architecture than DSTformer: missing {some(missing)}; "
            f"it holds {some(state)}"
        )
    for name, rank in ranks.items():
        if state[name].ndim != rank:
            raise WeightsError(
                f"{path} has another architecture than DSTformer: {name} must have {rank} axes, "
                f"got {tuple(state[name].shape)}"
            )
    dim_feat, dim_in = state["joints_embed.weight"].shape
    layers = {m.group(1) for n in state if (m := re.match(r"blocks_st\.(\d+)\.", n))}
    try:
        return DSTformerConfig(
            dim_in=dim_in,
            dim_out=state["head.weight"].shape[0],
            dim_feat=dim_feat,
            dim_rep=state["pre_logits.fc.weight"].shape[0],
            depth=len(layers),
            num_heads=PUBLISHED_HEADS if num_heads is None else num_heads,
            mlp_ratio=state["blocks_st.0.mlp_s.fc1.weight"].shape[0] // dim_feat,
            num_joints=state["pos_embed"].shape[1],
            maxlen=state["temp_embed"].shape[1],
        )
    except (ValueError, ZeroDivisionError) as error:
        raise WeightsError(f"{path} has impossible dimensions: {first_line(error)}") from error


def some(names: Iterable[str]) -> str:
    """The first few names, and the number of remaining ones."""
    listed = list(names)
    rest = len(listed) - _NAMED_AT_MOST
    return ", ".join(listed[:_NAMED_AT_MOST]) + (f" and {rest} more" if rest > 0 else "")
