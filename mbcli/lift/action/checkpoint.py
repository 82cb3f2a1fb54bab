"""Weights for action recognition: our own format here, published files through ``foreign``.

Ours are safetensors with ``backbone.*`` and ``head.*``. Their metadata holds, as JSON, the
backbone's ``dimensions``, the names of the ``classes``, how clips are made (``clips``), and
``facts`` (what the training recorded about itself; here ``metadata``). The head's sizes follow
from its tensors. A head without ``fc2`` embeds; ``exemplars`` are then the embeddings of one
example per class.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from mbcli.errors import WeightsError
from mbcli.lift.action.heads import ActionHead, ActionNet, EmbeddingHead
from mbcli.lift.action.network_input import ClipForm
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

FORMAT = "mbcli.action/1"

_EXEMPLARS = "exemplars"

# What the published files do not record: NTU RGB+D, whose videos take about this long; one-shot
# models were trained on clips of 100 frames.
_PUBLISHED = {
    "class": ClipForm(frames=243, people=2, margin=2.0, seconds=3.0, published=True),
    "embed": ClipForm(frames=100, people=2, margin=2.0, seconds=3.0, published=True),
}


@dataclass(frozen=True, eq=False)
class ActionInfo:
    """Description of an action model's weights.

    Attributes:
        path: the file.
        sha256: of the whole file, hexadecimal.
        origin: the project whose format it is.
        classes: names in the order of the outputs; for a head that embeds, of the exemplars.
        clips: how clips are made for the model.
        exemplars: (classes, H) embeddings of one example per class; None if there are none, or
            for a head that classifies.
        metadata: what the training recorded about itself; empty for foreign files.
    """

    path: Path
    sha256: str
    origin: Literal["mbcli", "motionbert"]
    classes: tuple[str, ...]
    clips: ClipForm
    exemplars: Tensor | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _About:
    dimensions: DSTformerConfig
    classes: tuple[str, ...]
    clips: ClipForm
    metadata: Mapping[str, Any]


def save_action(
    path: Path,
    model: ActionNet,
    classes: Sequence[str],
    clips: ClipForm,
    metadata: Mapping[str, Any],
    *,
    exemplars: Tensor | None = None,
    half: bool,
) -> None:
    """Write an action model as self-describing safetensors.

    Args:
        path: the output file; an existing file is replaced once the new one is complete.
        model: the model.
        classes: names of the classes, or of the exemplars of a head that embeds.
        clips: how clips are made.
        metadata: JSON-ready training metadata.
        exemplars: (classes, H) embeddings to compare others with.
        half: store float16 instead of float32.

    Raises:
        OutputError: the file cannot be written there.
        TypeError: ``metadata`` cannot be expressed as JSON.
    """
    state = stored(model, half=half)
    if exemplars is not None:
        assert len(exemplars) == len(classes), "every class has one exemplar"
        state[_EXEMPLARS] = exemplars.detach().to("cpu", torch.float32).contiguous()
    about = {
        "dimensions": asdict(model.backbone.config),
        "classes": list(classes),
        "clips": asdict(clips),
        "facts": dict(metadata),
    }
    write_described(Path(path), state, FORMAT, about)


def load_action(
    path: Path, *, device: str | torch.device = "cpu", foreign_classes: Sequence[str] = ()
) -> tuple[ActionNet, ActionInfo]:
    """Load one of our action models or a published one, strictly.

    Args:
        path: the weights file; the format is detected from its content, not its suffix.
        device: the device to put the model on.
        foreign_classes: names for the classes of a published file, which holds none; with fewer
            names than classes, the classes are numbered.

    Returns:
        The model in evaluation mode, and its description.

    Raises:
        WeightsError: the file is missing, damaged, unsafe, or of another architecture.
    """
    path = Path(path)
    if is_safetensors(path):
        state, about = read_described(path, FORMAT, "action model", _parse)
        dimensions = about.dimensions
        origin: Literal["mbcli", "motionbert"] = "mbcli"
    else:
        dimensions, state = read_foreign_task(path)
        about = None
        origin = "motionbert"
    exemplars = state.pop(_EXEMPLARS, None)
    build = partial(_build, path, state, dimensions)
    model = filled(path, build, dimensions.depth, state, "action model")
    if about is None:
        about = _published(model, dimensions, foreign_classes)
    _check_classes(path, model.head, about.classes, exemplars)
    digest = sha256_of(path)
    info = ActionInfo(path, digest, origin, about.classes, about.clips, exemplars, about.metadata)
    return model.to(device).eval(), info


def _parse(about: Mapping[str, Any]) -> _About:
    classes = about["classes"]
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
        raise ValueError("classes must be a list of names")
    return _About(
        parse_dimensions(about["dimensions"]),
        tuple(classes),
        ClipForm(**about["clips"]),
        about["facts"],
    )


def _published(model: ActionNet, dimensions: DSTformerConfig, names: Sequence[str]) -> _About:
    """What a published file does not record."""
    if isinstance(model.head, EmbeddingHead):
        return _About(dimensions, (), _PUBLISHED["embed"], {})
    count = model.head.fc2.out_features
    if len(names) < count:
        names = [f"class {number}" for number in range(count)]
    return _About(dimensions, tuple(names[:count]), _PUBLISHED["class"], {})


def _check_classes(
    path: Path, head: ActionHead | EmbeddingHead, classes: tuple[str, ...], exemplars: Tensor | None
) -> None:
    if isinstance(head, ActionHead):
        if len(classes) != head.fc2.out_features or exemplars is not None:
            raise WeightsError(
                f"{path} must name its {head.fc2.out_features} classes and hold no exemplars, "
                f"got {len(classes)} names"
            )
        return
    shape = (0,) if exemplars is None else tuple(exemplars.shape)
    wanted = (len(classes), head.fc1.out_features) if classes else (0,)
    if shape != wanted:
        raise WeightsError(f"{path} must hold exemplars {wanted} for its classes, got {shape}")


def _build(path: Path, state: StateDict, dimensions: DSTformerConfig) -> ActionNet:
    """A model whose sizes fit the tensors."""
    features = dimensions.num_joints * dimensions.dim_rep
    first, last = state.get("head.fc1.weight"), state.get("head.fc2.weight")
    if first is None or first.ndim != 2 or first.shape[1] != features:
        raise WeightsError(
            f"{path} is not an action model: its head.fc1 must take {features} numbers, got "
            f"{'none' if first is None else tuple(first.shape)}"
        )
    hidden = first.shape[0]
    head: ActionHead | EmbeddingHead = EmbeddingHead(features, hidden)
    if last is not None:
        head = ActionHead(features, last.shape[0], hidden)
    return ActionNet(DSTformer(dimensions), head)
