"""Lifter weights: our own format here, published formats through ``foreign``.

Ours are safetensors. Their metadata holds ``format``, and as JSON ``dimensions`` (the fields of
``DSTformerConfig``) and ``facts`` (what the training recorded about itself; here ``metadata``). A
file with feet also has ``feet``: the dimensions and the facts of their network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch

from mbcli.errors import WeightsError
from mbcli.lift.described import (
    filled,
    is_safetensors,
    read_described,
    write_described,
)
from mbcli.lift.dimensions import parse_dimensions
from mbcli.lift.expected_error import METADATA_KEY
from mbcli.lift.feet import WithFeet
from mbcli.lift.foreign import StateDict, read_foreign
from mbcli.lift.header import LIFTER, CheckpointInfo, Origin
from mbcli.lift.model import DSTformer
from mbcli.skeleton import BODY23
from mbcli.storage.metadata import check_facts
from mbcli.weights import sha256_of

_FEET = "feet."  # before the names of the tensors of the feet


class _About(NamedTuple):
    dimensions: dict[str, int]
    facts: Mapping[str, Any]
    feet: Mapping[str, Any] | None


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
    about = _About({}, {}, None)
    if is_safetensors(path):
        state, about = read_described(path, LIFTER, "lifter", _parse)
        origin: Origin = "mbcli"
        config = parse_dimensions(about.dimensions)
    else:
        origin, config, state = read_foreign(path, num_heads)
    body, _ = _parted(state) if about.feet else (state, {})
    model = filled(path, lambda: DSTformer(config), config.depth, body, "DSTformer")
    info = CheckpointInfo(path, sha256_of(path), origin, about.facts, about.feet is not None)
    return model.to(device).eval(), info


def load_feet(path: Path, body: DSTformer, info: CheckpointInfo) -> tuple[WithFeet, CheckpointInfo]:
    """Add the feet in a file to the lifter that was loaded from it.

    Args:
        path: the weights file.
        body: from :func:`load_lifter`.
        info: likewise.

    Returns:
        The lifter of ``BODY23``, and ``info`` with the metadata of that.

    Raises:
        WeightsError: the file has no feet, or is damaged.
    """
    about = _About({}, {}, None)
    if is_safetensors(path):
        state, about = read_described(path, LIFTER, "lifter", _parse)
    if about.feet is None:
        raise WeightsError(
            f"{path}: weights with feet are needed for --skeleton {BODY23.name}, got a lifter of "
            f"{about.facts.get('skeleton', 'h36m17')}"
        )
    config = parse_dimensions(about.feet["dimensions"])
    _, soles = _parted(state)
    feet = filled(path, lambda: DSTformer(config), config.depth, soles, "network of feet")
    facts = dict(about.feet["facts"])
    error = facts.pop(METADATA_KEY, None)
    known = {**about.facts, "skeleton": BODY23.name, "feet": facts, METADATA_KEY: error}
    metadata = {key: value for key, value in known.items() if value is not None}
    return WithFeet(body, feet).eval(), replace(info, metadata=metadata)


def save_lifter(
    path: Path,
    model: DSTformer | WithFeet,
    metadata: Mapping[str, Any],
    *,
    half: bool,
    feet: Mapping[str, Any] | None = None,
) -> None:
    """Write a lifter as self-describing safetensors.

    The file appears under its name only once it is complete.

    Args:
        path: the output file; an existing file is replaced.
        model: the model; its dimensions are stored as well.
        metadata: JSON-ready training metadata (data, command, errors ...).
        half: store float16 instead of float32.
        feet: the metadata of the feet, for a model with feet.

    Raises:
        OutputError: the file cannot be written there.
        TypeError: ``metadata`` cannot be expressed as JSON.
    """
    body = model.body if isinstance(model, WithFeet) else model
    about: dict[str, Any] = {"dimensions": asdict(body.config), "facts": dict(metadata)}
    tensors = dict(body.state_dict())
    if isinstance(model, WithFeet):
        about["feet"] = {"dimensions": asdict(model.feet.config), "facts": dict(feet or {})}
        tensors |= {f"{_FEET}{name}": value for name, value in model.feet.state_dict().items()}
    dtype = torch.float16 if half else torch.float32
    state = {n: t.detach().to("cpu", dtype).contiguous() for n, t in tensors.items()}
    write_described(Path(path), state, LIFTER, about)


def with_metadata(
    source: Path,
    path: Path,
    metadata: Mapping[str, Any] | None = None,
    feet: Mapping[str, Any] | None = None,
) -> None:
    """Rewrite one of our lifters with new metadata; its tensors stay identical bit for bit.

    Args:
        source: safetensors written by :func:`save_lifter`.
        path: the output file; an existing file is replaced, and may be ``source`` itself.
        metadata: JSON-ready; replaces the existing metadata, unless None.
        feet: likewise, those of the feet in the file.

    Raises:
        WeightsError: ``source`` is not such a file.
        OutputError: the file cannot be written there.
    """
    state, about = read_described(Path(source), LIFTER, "lifter", _parse)
    new: dict[str, Any] = {
        "dimensions": about.dimensions,
        "facts": dict(about.facts if metadata is None else metadata),
    }
    if about.feet is not None:
        new["feet"] = about.feet if feet is None else {**about.feet, "facts": dict(feet)}
    write_described(Path(path), state, LIFTER, new)


def _parse(about: Mapping[str, Any]) -> _About:
    parse_dimensions(about["dimensions"])
    feet = about.get("feet")
    if feet is not None:
        parse_dimensions(feet["dimensions"])
        check_facts(feet["facts"])
    return _About(about["dimensions"], about["facts"], feet)


def _parted(state: StateDict) -> tuple[StateDict, StateDict]:
    """The tensors of the body, and those of its feet."""
    soles = {n.removeprefix(_FEET): t for n, t in state.items() if n.startswith(_FEET)}
    return {n: t for n, t in state.items() if not n.startswith(_FEET)}, soles
