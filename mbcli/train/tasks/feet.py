"""Feet for a lifter that has none: toes and heels, seen or guessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import model_validator
from torch import Tensor, nn

from mbcli.data.stores.store import ClipStore
from mbcli.lift.checkpoint import load_lifter, save_lifter
from mbcli.lift.feet import ANKLES, WithFeet, feet_dimensions
from mbcli.skeleton import FEET, H36M17
from mbcli.train.backbone import backbone_groups, fresh_backbone, trainable
from mbcli.train.config import PretrainConfig
from mbcli.train.feet import FeetSynthesiser
from mbcli.train.losses import mpjpe, velocity
from mbcli.train.precision import computes_bfloat16
from mbcli.train.sampling import ClipSampler, check_shares, check_subjects
from mbcli.train.sections import Probability, Section
from mbcli.train.share import Share
from mbcli.train.tasks.lifting import clip_length
from mbcli.weights import resolve

_SEED = 20_231_002  # of the held-out clips, equal in all runs
_BODY = len(H36M17)
_ANKLES = list(ANKLES)


class FeetSection(Section):
    """What the feet are added to, and how often they are seen.

    Attributes:
        lifter: weights of the lifter, a name or a path relative to the configuration file; its own
            tensors are not trained.
        hidden: share of the clips without a keypoint of a foot, as from COCO-17.
        partial: share of the clips with a heel and one toe, as from BlazePose.
    """

    lifter: Path
    hidden: Probability = 0.4
    partial: Probability = 0.15

    @model_validator(mode="after")
    def _shares(self) -> FeetSection:
        if self.hidden + self.partial > 1:
            raise ValueError(
                f"hidden and partial must be at most 1 in all, got {self.hidden + self.partial:g}"
            )
        return self


class FeetConfig(PretrainConfig):
    """Everything that determines the training of feet; ``model`` is the network of the feet."""

    places: ClassVar[tuple[str, ...]] = ("data.store", "corruption.front_end", "feet.lifter")

    task: Literal["feet"] = "feet"
    feet: FeetSection

    @model_validator(mode="after")
    def _only_recordings(self) -> FeetConfig:
        if self.data.store is None or self.data.poses or self.data.videos:
            raise ValueError("feet are learnt from data.store alone")
        if self.run.init is not None:
            raise ValueError("run.init has no feet: feet.lifter names the lifter")
        return self


@dataclass(frozen=True, eq=False)
class Soles:
    """Clips for one step: (B, T, 23, 3) inputs, the lifted body (B, T, 17, 3), and the target."""

    inputs: Tensor
    body: Tensor
    target: Tensor


class Feet:
    """A small network beside a finished lifter; only the former is trained.

    Raises:
        DataError: the store has no feet.
        WeightsError: ``feet.lifter`` cannot be read, or is not of Human3.6M's joints.
    """

    name = "feet"
    selected_by = "seen/mm"
    higher_is_better = False

    def __init__(self, settings: FeetConfig) -> None:
        self.settings: FeetConfig = settings
        body, info = load_lifter(resolve(str(settings.feet.lifter)))
        self._facts = info.metadata
        wanted = feet_dimensions(settings.model.build())
        self.model = WithFeet(body, fresh_backbone(wanted, settings))
        assert settings.data.store is not None, "checked by the configuration"
        store = ClipStore.open(settings.data.store)
        check_shares(store, settings.clips.shares)
        check_subjects(store, settings.data.holdout, "data.holdout")
        people = set(store.subjects) - set(settings.data.holdout)
        self._sampler = ClipSampler(store, people, settings.clips, feet=True)
        self._held = None
        if settings.data.holdout:
            self._held = ClipSampler(store, settings.data.holdout, settings.clips, feet=True)
        self.epoch_steps = settings.data.epoch_steps

    def groups(self) -> list[dict[str, Any]]:
        """The network of the feet."""
        trainable(list(self.model.body.named_parameters()), ("",))
        return backbone_groups(self.model.feet, self.settings.optimiser, "feet.")

    def place(self, device: torch.device) -> None:
        """Set up cameras, noise and validation on the device."""
        settings, feet = self.settings, self.settings.feet
        shares = (feet.hidden, feet.partial)
        self._films = FeetSynthesiser(self._sampler, settings, *shares, device)
        self._checks = {}
        if self._held is not None:
            for name, hidden in (("seen", 0.0), ("guessed", 1.0)):
                films = FeetSynthesiser(self._held, settings, hidden, 0.0, device)
                self._checks[name] = films.batch(settings.run.validation_clips, _SEED)

    def batch(self, step: int, share: Share) -> Soles:
        """Clips with feet, and the body as the lifter sees it."""
        frames = clip_length(self.settings, step)
        seeds = share.seeds(self.settings.run.seed, step)
        films = [self._films.batch(count, seed, frames) for count, seed in seeds]
        inputs = torch.cat([film.inputs for film in films])
        # Rounding moves joints by less than the noise does.
        device = inputs.device
        narrow = torch.autocast(device.type, torch.bfloat16, enabled=computes_bfloat16(device))
        with torch.inference_mode(), narrow:
            body = self.model.body(inputs[:, :, :_BODY])
        return Soles(inputs, body.clone(), torch.cat([film.target for film in films]))

    def loss(self, model: nn.Module, batch: Soles) -> tuple[Tensor, dict[str, Tensor]]:
        """Where toes and heels are from their ankle, and how they move."""
        plain = model if isinstance(model, WithFeet) else self.model
        found = _offsets(plain.add(batch.inputs, batch.body))
        wanted = _offsets(batch.target)
        parts = {"mpjpe": mpjpe(found, wanted), "velocity": velocity(found, wanted)}
        weights = self.settings.loss
        total = weights.mpjpe * parts["mpjpe"] + weights.velocity * parts["velocity"]
        return total, {name: part.detach() for name, part in parts.items()}

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Errors on held-out people whose feet are seen, and are not.

        Millimetres of toes and heels from their place at the ankle (``mm``), degrees between the
        directions from heel to big toe, and root-relative millimetres of ankles and of feet.
        """
        result: dict[str, float] = {}
        for name, film in self._checks.items():
            with torch.inference_mode():
                found = model(film.inputs)
            metres = film.scale[..., None, None]
            miss, true = _offsets(found) / metres, _offsets(film.target) / metres
            result[f"{name}/mm"] = 1000 * float(mpjpe(miss, true))
            result[f"{name}/degrees"] = _turned(miss, true)
            error = torch.linalg.vector_norm(
                (found - found[:, :, :1] - film.target + film.target[:, :, :1]) / metres, dim=-1
            )
            ankles = sorted(set(_ANKLES))
            result[f"{name}/ankles"] = 1000 * float(error[:, :, ankles].mean())
            result[f"{name}/feet"] = 1000 * float(error[:, :, _BODY:].mean())
        return result

    def export(self, path: Path, model: nn.Module, metadata: Mapping[str, Any]) -> None:
        """Write the lifter with its own metadata, and the feet with those of their training."""
        assert isinstance(model, WithFeet), "the lifter with feet is trained"
        save_lifter(path, model, self._facts, half=True, feet=metadata)


def _offsets(pose: Tensor) -> Tensor:
    """(B, T, 6, 3) toes and heels from their ankle."""
    return pose[:, :, _BODY:] - pose[:, :, _ANKLES]


def _turned(found: Tensor, true: Tensor) -> float:
    """Mean angle in degrees between directions from heel to big toe."""
    cosines = []
    for side in ("left", "right"):
        toe, heel = FEET.index(f"{side}_big_toe"), FEET.index(f"{side}_heel")
        one, other = (offsets[:, :, toe] - offsets[:, :, heel] for offsets in (found, true))
        cosines.append(torch.nn.functional.cosine_similarity(one, other, dim=-1))
    return float(np.degrees(torch.stack(cosines).clamp(-1, 1).arccos().mean().item()))
