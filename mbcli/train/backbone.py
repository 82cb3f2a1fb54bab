"""The backbone in training: initial weights, and the learning rate of each of its parts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from mbcli.errors import ConfigError, WeightsError
from mbcli.lift.checkpoint import load_lifter
from mbcli.lift.dimensions import DSTformerConfig
from mbcli.lift.model import DSTformer
from mbcli.train.sections import OptimiserConfig, Settings
from mbcli.train.start import can_grow, grown, spread
from mbcli.weights import resolve

_LAYER = re.compile(r"(?:blocks_st|blocks_ts|ts_attn)\.(\d+)\.")


def start_backbone(settings: Settings) -> DSTformer:
    """A DSTformer with random weights, or those of ``run.init``.

    A model larger than ``run.init``, or with another ``maxlen``, initially computes the same
    function; see :func:`mbcli.train.start.grown`.

    Raises:
        WeightsError: ``run.init`` cannot be read or has other dimensions.
    """
    wanted, init = settings.model.build(), settings.run.init
    if init is None:
        return fresh_backbone(wanted, settings)
    path = resolve(str(init))
    model, _ = load_lifter(path, num_heads=wanted.num_heads)
    if model.config == wanted:
        return model
    if not can_grow(model.config, wanted):
        raise WeightsError(
            f"run.init {path} must fit the model, {wanted}, or be smaller with equally wide heads, "
            f"got {model.config}"
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.run.seed)
        return grown(model, wanted)


def fresh_backbone(wanted: DSTformerConfig, settings: Settings) -> DSTformer:
    """A DSTformer with random weights, as ``model.start`` and ``run.seed`` say."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.run.seed)  # equal in all processes
        fresh = DSTformer(wanted)
    if settings.model.start == "spread":
        spread(fresh)
    return fresh


def backbone_groups(
    backbone: nn.Module, config: OptimiserConfig, prefix: str = ""
) -> list[dict[str, Any]]:
    """Parameter groups of a DSTformer for AdamW, with the ``scale`` of their learning rate.

    The last layer and the head learn at the full rate, each lower layer at ``layer_decay`` times
    the rate of the one above, and the embeddings below the first layer. Parameters whose names
    start with one of ``freeze`` are not trained.

    Args:
        backbone: the DSTformer.
        config: learning rates, and what to freeze.
        prefix: prefix of the parameters' names in the whole model, such as ``"backbone."``.

    Raises:
        ConfigError: a name in ``freeze`` is not a prefix of any parameter, or nothing is left to
            train.
    """
    named = [(prefix + name, parameter) for name, parameter in backbone.named_parameters()]
    depth = 1 + max(int(found[1]) for name, _ in named if (found := _LAYER.search(name)))
    groups: dict[float, list[nn.Parameter]] = {}
    for name, parameter in trainable(named, config.freeze):
        scale = config.layer_decay ** _below_top(name.removeprefix(prefix), depth)
        groups.setdefault(scale, []).append(parameter)
    return [{"params": params, "scale": scale} for scale, params in groups.items()]


def trainable(
    named: Iterable[tuple[str, nn.Parameter]], freeze: tuple[str, ...]
) -> list[tuple[str, nn.Parameter]]:
    """Disable the gradients of frozen parameters, and return the others."""
    rest = []
    for name, parameter in named:
        parameter.requires_grad_(not name.startswith(freeze) if freeze else True)
        if parameter.requires_grad:
            rest.append((name, parameter))
    return rest


def check_freeze(model: nn.Module, freeze: tuple[str, ...]) -> None:
    """Refuse names that freeze nothing, and a completely frozen model.

    Raises:
        ConfigError: see above.
    """
    names = [name for name, _ in model.named_parameters()]
    for beginning in freeze:
        if not any(name.startswith(beginning) for name in names):
            known = sorted({name.split(".")[0] for name in names})
            raise ConfigError(
                f"optimiser.freeze: no parameter starts with {beginning!r} "
                f"(they start with {', '.join(known)})"
            )
    if freeze and all(name.startswith(freeze) for name in names):
        raise ConfigError("optimiser.freeze leaves nothing to train")


def _below_top(name: str, depth: int) -> int:
    """Number of layers above a parameter."""
    if found := _LAYER.search(name):
        return depth - 1 - int(found[1])
    return depth if "embed" in name else 0
